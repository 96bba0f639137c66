"""The page's style sheet: light and dark, narrow and wide, and without any outside resource."""

from __future__ import annotations

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """\
:root{color-scheme:light dark;--bg:#f7f8fa;--card:#fff;--ink:#16202c;--soft:#54606e;--line:#d9dee5;--link:#0b57d0;
--prod:#1d5fc4;--same:#9a5300;--amber:#cc7c12;--unkn:#6b5fb0;--reuse:#8fcfa9;--bad:#b3261e;--add:#0f6b3a;--addbg:#e3f5ea;
--del:#a3201a;--delbg:#fdeae8;--chip:#eef1f5;--focus:#0b57d0}
@media (prefers-color-scheme:dark){:root{--bg:#0e1217;--card:#161c24;--ink:#e6ebf1;--soft:#a3afbd;--line:#2c3642;
--link:#8ab8ff;--prod:#6ea8ff;--same:#f0b35a;--amber:#f0b35a;--unkn:#b9adf5;--reuse:#2f7a50;--bad:#ff8a80;--add:#7fdca4;--addbg:#12301f;
--del:#ff9f97;--delbg:#3a1a18;--chip:#222b36;--focus:#8ab8ff}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:9}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 clamp(.9rem,3vw,2rem)}
header{padding-top:2.2rem}
.eyebrow{margin:0;color:var(--soft);font-size:.85rem;letter-spacing:.04em}
h1{margin:.1rem 0 .3rem;font-size:clamp(1.5rem,4vw,2.15rem);line-height:1.2;letter-spacing:-.015em;
overflow-wrap:anywhere}
h2{margin:0 0 .35rem;font-size:1.2rem;letter-spacing:-.005em}
h3{margin:1rem 0 .3rem;font-size:.95rem;overflow-wrap:anywhere}
p{margin:.3rem 0 .8rem}.soft{color:var(--soft)}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:.7rem 0 1.3rem;list-style:none;font-size:.93rem}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:clamp(.9rem,2.4vw,1.5rem);
margin:0 0 1.1rem;scroll-margin-top:1rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.6rem,1fr));gap:.8rem;margin:0 0 1.1rem}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.75rem 1rem;
display:flex;flex-direction:column}
.figures dt{color:var(--soft);font-size:.85rem}
.figures dd{margin:0;font-size:1.75rem;font-weight:650;letter-spacing:-.02em;line-height:1.25;
font-variant-numeric:tabular-nums;order:-1}
.figures .note{order:1;color:var(--soft);font-size:.8rem;font-weight:400;letter-spacing:0;line-height:1.35}
.lead{font-size:1.08rem;max-width:62rem}
figure{margin:0}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;padding:0;margin:.4rem 0 .8rem;list-style:none;font-size:.88rem}
.legend svg{width:14px;height:16px;vertical-align:-3px;margin-right:.4rem}
.rows{list-style:none;margin:0;padding:0;display:grid;gap:5px}
.rows li{display:grid;grid-template-columns:5.2rem 1fr;gap:.6rem;align-items:end}
.rows span{color:var(--soft);font-size:.78rem;font-variant-numeric:tabular-nums;line-height:1}
.rows svg{width:100%;height:26px;display:block}
.p{fill:var(--prod)}.s{fill:var(--amber)}.k{fill:var(--unkn)}.u{fill:var(--reuse)}.x{fill:var(--bad)}.n{fill:var(--soft)}
svg a:hover rect{opacity:.65}
.advice{list-style:none;margin:.4rem 0 0;padding:0}
.advice li{display:grid;grid-template-columns:4.2rem 1fr;gap:.9rem;padding:.55rem 0;border-top:1px solid var(--line)}
.count{font-size:1.35rem;font-weight:650;text-align:right;font-variant-numeric:tabular-nums;line-height:1.2}
.small{display:block;color:var(--soft);font-size:.85rem;font-weight:400}
.wrap{overflow-x:auto;margin:0 -.2rem;padding:0 .2rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;color:var(--soft);font-size:.88rem;padding:0 0 .4rem}
th,td{padding:.38rem .7rem .38rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:600;font-size:.82rem;white-space:nowrap}
thead th.num{text-align:right}
tbody th{font-weight:500;overflow-wrap:anywhere;min-width:9rem}
.bar{width:clamp(4rem,16vw,15rem);height:10px;vertical-align:middle;background:var(--chip);border-radius:5px;display:block;
margin-top:.45em}
.tag{display:inline-block;padding:0 .5em;border-radius:999px;background:var(--chip);font-size:.78rem;font-weight:600;
white-space:nowrap;line-height:1.6}
.tag.p{color:var(--prod)}.tag.s{color:var(--same)}.tag.k{color:var(--unkn)}.tag.n{color:var(--soft)}.tag.u{color:var(--add)}.tag.x{color:var(--bad)}
fieldset{border:0;padding:0;margin:.2rem 0 .9rem;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;font-size:.92rem}
legend{float:left;padding:0;margin-right:.4rem;color:var(--soft)}
fieldset input{accent-color:var(--link);margin:0 .35rem 0 0;width:1rem;height:1rem;vertical-align:-2px}
.list{list-style:none;margin:0;padding:0}
.list>li{border-top:1px solid var(--line)}
summary{cursor:pointer;padding:.5rem .2rem;border-radius:6px}
summary:hover{background:var(--chip)}
summary .why{font-weight:550;overflow-wrap:anywhere}summary .sub{display:block;color:var(--soft);font-size:.88rem;
padding-left:1.1rem;overflow-wrap:anywhere}
details[open]>summary{background:var(--chip)}
:target{outline:3px solid var(--focus);outline-offset:1px;border-radius:6px}
.body{padding:.1rem .2rem .9rem 1.1rem}
.body ul,.run ul{margin:.2rem 0;padding-left:1.1rem;overflow-wrap:anywhere;font-size:.92rem}
.run{color:var(--soft)}.run summary{padding:.3rem .2rem;font-size:.9rem}
pre{margin:.3rem 0;padding:.6rem .7rem;background:var(--bg);border:1px solid var(--line);border-radius:8px;
overflow-x:auto;line-height:1.45}
ins{color:var(--add);background:var(--addbg);text-decoration:none}del{color:var(--del);background:var(--delbg);
text-decoration:none}
.ids{display:grid;grid-template-columns:auto 1fr;gap:.1rem .8rem;margin:.2rem 0;font-size:.88rem}
.ids dt{color:var(--soft)}.ids dd{margin:0;overflow-wrap:anywhere}
main:has(#f-build:checked) .list>li:not(.build),main:has(#f-p:checked) .list>li:not(.p),
main:has(#f-s:checked) .list>li:not(.s),main:has(#f-x:checked) .list>li:not(.x){display:none}
footer{color:var(--soft);font-size:.85rem;padding-bottom:2.5rem}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:36rem){.rows li{grid-template-columns:1fr;gap:2px}.rows svg{height:20px}body{font-size:15px}
th,td{padding-right:.55rem}.opt{display:none}tbody th{min-width:6rem}.body{padding-left:.3rem}
.advice li{grid-template-columns:3rem 1fr}}
@media (forced-colors:active){.p,.s,.k,.u,.x{forced-color-adjust:none}}
@media print{body{background:#fff}section{break-inside:avoid;border:0}fieldset,nav{display:none}}
"""
