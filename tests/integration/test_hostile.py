"""Hostile values wherever a user or a repository may put one: nothing runs, nothing is written, nothing is shown raw.

Every payload goes through the real command line and real git. One that were executed would make a file ``PWNED``.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.builders import SourceRepo, git
from tests.support.cli import Ran
from tests.support.forked import Call, run_all

NOWHERE = {
    "ENVID_MIRROR_READ_URL": "http://127.0.0.1:9/x.git",
    "ENVID_MIRROR_WRITE_URL": "http://127.0.0.1:9/x.git",
    "ENVID_ORIGIN_URL": "http://127.0.0.1:9/x.git",
    "ENVID_REGISTRY": "127.0.0.1:9",
}
# C0 without tab and newline, DEL, C1, and what turns the direction of a text around
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J"

VALUES = {
    "an option of git": "--upload-pack=touch PWNED",
    "an option that writes": "--output=PWNED",
    "an option with a command": "-c core.fsmonitor=touch PWNED",
    "a transport that runs": "ext::sh -c touch% PWNED",
    "a file URL": "file:///etc/passwd",
    "a path upwards": "../../../../etc/passwd",
    "an absolute path": "/etc/passwd",
    "a shell's words": "$(touch PWNED); touch PWNED | `touch PWNED`",
    "two lines": "HEAD\nPWNED",
    "escapes": f"x{ESCAPE}",
    "the other direction": "x\u202egnp.exe",
    "very long": "9" * 100_000,
    "not a character": "x\udcff",
    "a range": "HEAD..HEAD",
    "a pathspec": "HEAD:../../../etc/passwd",
    "a revision by text": ":/.*",
}
ASKED: dict[str, Callable[[str], list[str]]] = {
    "identity --commit": lambda v: ["identity", f"--commit={v}"],
    "identity --input": lambda v: ["identity", f"--input={v}"],
    "explain --base": lambda v: ["explain", f"--base={v}"],
    "history --rev": lambda v: ["history", f"--rev={v}", "--max-count=2"],
    "history --repo": lambda v: ["history", f"--repo={v}"],
    "promote --rollback-to": lambda v: ["promote", f"--rollback-to={v}"],
    "registry.digest": lambda v: ["registry.digest", v],
    "aipod.resolve": lambda v: ["aipod.resolve", v],
}
SETTINGS = {
    "ENVID_MIRROR_READ_URL": ["git-mirror.status"],
    "ENVID_ORIGIN_URL": ["git-mirror.sync"],
    "ENVID_REGISTRY": ["plan"],
    "BUILDKIT_HOST": ["publish"],
}


@dataclass(frozen=True)
class Case:
    """One hostile thing: how it gets there, and what is run then."""

    arguments: list[str]
    environment: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[SourceRepo], object] | None = None


def lock(**packages: str) -> str:
    rows = {name: [spec, "", {}, "sha512-x"] for name, spec in packages.items()}
    return json.dumps({"lockfileVersion": 1, "workspaces": {"": {}}, "packages": rows})


def manifest(name: str) -> Callable[[SourceRepo], object]:
    def change(repo: SourceRepo) -> None:
        repo.write("package.json", json.dumps({"name": "x", "dependencies": {name: name}}))
        repo.write("bun.lock", json.dumps({"lockfileVersion": 1, "packages": {name: [f"{name}@1", "", {}, name]}}))
        repo.commit(f"Take {name}")

    return change


def subject(text: str) -> Callable[[SourceRepo], object]:
    def change(repo: SourceRepo) -> None:
        repo.write("bun.lock", lock(a=f"a@{len(text)}"))
        repo.commit(text)

    return change


def content(path: str, text: str | bytes) -> Callable[[SourceRepo], object]:
    def change(repo: SourceRepo) -> None:
        repo.write(path, text)
        repo.commit("Hostile")

    return change


def deploy(**image_ref: str) -> Callable[[SourceRepo], object]:
    def change(repo: SourceRepo) -> None:
        document = json.loads((repo.root / "deploy/deploy.json").read_text())
        document["services"][0]["imageRef"] |= image_ref
        repo.write("deploy/deploy.json", json.dumps(document))
        repo.commit("Hostile")

    return change


def link(path: str, target: str) -> Callable[[SourceRepo], object]:
    def change(repo: SourceRepo) -> None:
        (repo.root / path).unlink(missing_ok=True)
        (repo.root / path).symlink_to(target)
        repo.commit("Hostile")

    return change


def submodule(path: str) -> Callable[[SourceRepo], object]:
    def change(repo: SourceRepo) -> None:
        (repo.root / path).unlink()
        git(repo.root, "rm", "--quiet", "--cached", path)
        git(repo.root, "update-index", "--add", "--cacheinfo", f"160000,{repo.head},{path}")
        git(repo.root, "commit", "--quiet", "-m", "Hostile")

    return change


def odd_file_name(repo: SourceRepo) -> None:
    repo.write(f"deploy/runtime/boot/a{ESCAPE}\nb.sh", "#!/bin/sh\n")
    repo.commit("Hostile")


def foreign_hooks(repo: SourceRepo) -> None:
    hook = repo.root / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    for name in ("post-index-change", "reference-transaction", "pre-commit", "fsmonitor-watchman"):
        hook.with_name(name).write_text("#!/bin/sh\ntouch PWNED\n")
        hook.with_name(name).chmod(0o755)
    git(repo.root, "config", "core.fsmonitor", ".git/hooks/fsmonitor-watchman")


def settings(text: str) -> Callable[[SourceRepo], object]:
    return lambda repo: repo.write("invoke.yaml", text)


DEEP = "[" * 100_000
HTML = "<script>document.title='PWNED'</script><img src=x onerror=alert(1)>\"'&</style></script>"
PLANTED: dict[str, Case] = {
    "a subject with escapes": Case(["history", "--max-count=3"], prepare=subject(f"Bump {ESCAPE}")),
    "a subject with escapes, explained": Case(["explain", "--base=HEAD~1"], prepare=subject(f"Bump {ESCAPE}")),
    "a subject with escapes, as JSON": Case(["history", "--json"], prepare=subject(f"Bump {ESCAPE}")),
    "a package with escapes": Case(["explain", "--base=HEAD~1"], prepare=manifest(f"x{ESCAPE}")),
    "a package with escapes, as JSON": Case(["explain", "--base=HEAD~1", "--json"], prepare=manifest(f"x{ESCAPE}")),
    "a package of the other direction": Case(["explain", "--base=HEAD~1"], prepare=manifest("x\u202ey")),
    "a package called __proto__": Case(["explain", "--base=HEAD~1"], prepare=manifest("__proto__")),
    "a package with a path upwards": Case(["explain", "--base=HEAD~1"], prepare=manifest("../../../PWNED")),
    "a script line with escapes": Case(
        ["explain", "--base=HEAD~1"],
        prepare=content("deploy/runtime/boot/agentrun-boot.sh", f"#!/bin/sh\necho {ESCAPE}\n"),
    ),
    "a deep bun.lock": Case(["explain", "--base=HEAD~1"], prepare=content("bun.lock", DEEP)),
    "a deep package.json": Case(["explain", "--base=HEAD~1"], prepare=content("package.json", DEEP)),
    "a deep tsconfig.json": Case(["explain", "--base=HEAD~1"], prepare=content("tsconfig.json", DEEP)),
    "a deep deploy.json": Case(["identity"], prepare=content("deploy/deploy.json", DEEP)),
    "a huge number": Case(
        ["identity"], prepare=content("deploy/deploy.json", '{"schemaVersion": ' + "9" * 10_000 + "}")
    ),
    "a huge number in a lock": Case(
        ["explain", "--base=HEAD~1"], prepare=content("bun.lock", '{"lockfileVersion": ' + "9" * 10_000 + "}")
    ),
    "the same key twice": Case(["identity"], prepare=content("deploy/deploy.json", '{"services": [], "services": []}')),
    "NUL in deploy.json": Case(["identity"], prepare=content("deploy/deploy.json", b'{"a": "\x00"}')),
    "half a surrogate": Case(["identity"], prepare=content("deploy/deploy.json", '{"a": "\\ud800"}')),
    "not UTF-8": Case(["identity"], prepare=content("deploy/deploy.json", b"\xff\xfe{}")),
    "a byte order mark": Case(["identity"], prepare=content("deploy/deploy.json", "\ufeff{}")),
    "a key with escapes": Case(["identity"], prepare=content("deploy/deploy.json", json.dumps({f"k{ESCAPE}": 1}))),
    "an ext:: repoUrl": Case(["identity"], prepare=deploy(repoUrl="ext::sh -c touch% PWNED")),
    "a file:// repoUrl": Case(["identity"], prepare=deploy(repoUrl="file:///etc")),
    "a repoUrl that is an option": Case(["identity"], prepare=deploy(repoUrl="--upload-pack=touch PWNED")),
    "a repoUrl with a login": Case(["identity"], prepare=deploy(repoUrl="https://me:secret@example.org/x.git")),
    "a commitId that is an option": Case(["identity"], prepare=deploy(commitId="--output=PWNED")),
    "a short commitId": Case(["identity"], prepare=deploy(commitId="abc")),
    "a dockerfilePath upwards": Case(["identity"], prepare=deploy(dockerfilePath="../../etc/passwd")),
    "an absolute dockerfilePath": Case(["identity"], prepare=deploy(dockerfilePath="/etc/passwd")),
    "a dockerfilePath that is an option": Case(["identity"], prepare=deploy(dockerfilePath="--output=PWNED")),
    "an input that is a link": Case(["identity"], prepare=link("package.json", "/etc/passwd")),
    "a link upwards": Case(["identity"], prepare=link("bun.lock", "../../../../etc/shadow")),
    "a link to itself": Case(["identity"], prepare=link("tsconfig.json", "tsconfig.json")),
    "a deploy.json that is a link": Case(["identity"], prepare=link("deploy/deploy.json", "/etc/passwd")),
    "an input that is a submodule": Case(["identity"], prepare=submodule("package.json")),
    "a file name with escapes and a newline": Case(["identity"], prepare=odd_file_name),
    "hooks and a monitor": Case(["plan", "--dirty"], prepare=foreign_hooks),
    "hooks and a history": Case(["history"], prepare=foreign_hooks),
    "a Containerfile that reaches out": Case(
        ["identity"], prepare=content("Containerfile", "FROM x\nCOPY ../../etc /\n")
    ),
    "a Containerfile with escapes": Case(["identity"], prepare=content("Containerfile", f"FROM {ESCAPE}\n")),
    "a Containerfile of one long line": Case(
        ["identity"], prepare=content("Containerfile", "RUN " + "x\\\n" * 100_000)
    ),
    "settings that are YAML tags": Case(
        ["lane.show"], prepare=settings("envid: !!python/object/apply:os.system ['touch PWNED']\n")
    ),
    "settings that grow": Case(
        ["lane.show"],
        prepare=settings("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nenvid: [*b,*b,*b,*b,*b,*b,*b]\n"),
    ),
    "a project with a path": Case(["lane.show"], prepare=settings("envid: {project: ../../PWNED, lane: v0.1}\n")),
    "a project with escapes": Case(["lane.show"], prepare=settings(f"envid: {{project: {json.dumps(ESCAPE)}}}\n")),
    "a lane upwards": Case(["lane.show"], prepare=settings("envid: {project: x, lane: ../v0.1}\n")),
    "an ext:: sourceRepo": Case(
        ["git-mirror.status"], prepare=settings("envid: {project: x, sourceRepo: 'ext::sh -c touch% PWNED'}\n")
    ),
    "HTML in a subject": Case(["report", "--out=report.html"], prepare=subject(HTML)),
    "HTML in a package": Case(["report", "--out=report.html"], prepare=manifest(HTML)),
}


def cases() -> dict[str, Case]:
    """Return all of them, by name."""
    found = {f"{where}: {what}": Case(make(v)) for where, make in ASKED.items() for what, v in VALUES.items()}
    found |= {
        f"{name}: {what}": Case(arguments, ((name, value),))
        for name, arguments in SETTINGS.items()
        for what, value in VALUES.items()
        if what != "very long"
    }
    return found | PLANTED


@dataclass(frozen=True)
class Seen:
    """What a case left: its answer, and what in its folder is not as it was."""

    ran: Ran
    changed: set[str]
    report: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """Run every case in a repository of its own, or in a shared one where nothing is planted."""
    folder = tmp_path_factory.mktemp("hostile")
    template = SourceRepo.create(folder / "template")
    shared = folder / "shared/source"
    shutil.copytree(template.root, shared)
    repos: dict[str, SourceRepo] = {}
    for number, (name, case) in enumerate(cases().items()):
        repos[name] = SourceRepo(shared)
        if case.prepare is not None:
            repos[name] = SourceRepo(folder / f"{number}/source")
            shutil.copytree(template.root, repos[name].root)
            case.prepare(repos[name])
    before = {name: files_of(repo.root.parent) for name, repo in repos.items()}
    ran = run_all(
        Call(
            case.arguments, repos[name].root, NOWHERE | {"ENVID_STATE": str(folder / "state")} | dict(case.environment)
        )
        for name, case in cases().items()
    )
    assert not list(folder.parent.rglob("PWNED*"))
    found = {}
    for (name, repo), answer in zip(repos.items(), ran, strict=True):
        report = repo.root / "report.html"
        text = report.read_text() if report.exists() else ""
        changed = files_of(repo.root.parent) - before[name] - {"source/report.html"}
        found[name] = Seen(answer, changed, text)
    return found


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "/.git/" not in f"{path}/"}


@pytest.mark.parametrize("name", sorted(cases()))
def test_it_does_no_harm(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    ran = found.ran
    assert "Traceback" not in ran.err + ran.out, ran.err
    assert ran.code in {0, 1, 2, 3, 4}, (ran.code, ran.err)
    assert not RAW.search(ran.out), RAW.search(ran.out)
    assert not RAW.search(ran.err), RAW.search(ran.err)
    assert found.changed == set()
    assert "root:" not in ran.out + ran.err, "a file of the machine was shown"
    assert "me:secret" not in ran.out + ran.err
    if ran.code:
        assert ran.err.startswith("error: ") or "\nerror: " in ran.err, ran.err
        assert len(ran.err) < 20_000, "a long value is not shown whole"


@pytest.mark.parametrize("name", ["HTML in a subject", "HTML in a package"])
def test_the_report_shows_html_as_text(seen: dict[str, Seen], name: str) -> None:
    report = seen[name].report
    assert seen[name].ran.code == 0, seen[name].ran.err
    assert "document.title" in report, "what was planted is shown"
    assert "<script>document.title" not in report
    assert "<img src=x" not in report


def test_there_are_enough_of_them() -> None:
    assert len(cases()) >= 200
