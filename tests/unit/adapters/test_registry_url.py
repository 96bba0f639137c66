from __future__ import annotations

import pytest

from envid.adapters.registry.url import Url


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("http://127.0.0.1:5000/v2/", "127.0.0.1", 5000, "/v2/"),
        ("https://Registry.Example", "registry.example", None, "/"),
        ("http://[::1]:5000/v2/?n=1", "::1", 5000, "/v2/?n=1"),
        ("https://r.test?scope=a", "r.test", None, "/?scope=a"),
    ],
)
def test_what_a_url_is_made_of(text: str, host: str, port: int | None, target: str) -> None:
    url = Url.parse(text)
    assert (url.host, url.port, url.target) == (host, port, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/v2/",
        "//registry.test/v2/",
        "http:///v2/",
        "http://registry.test:99999/",
        "http://registry.test:port/",
        "http://registry.test/a b",
        "http://registry.test/\r\nHost: other",
        "http://régistry.test/",
        "http://a\\b.test/",
        "http://[::1/",
    ],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Url.parse(text)


def test_default_ports_make_no_other_origin() -> None:
    assert Url.parse("https://r.test/a").origin == Url.parse("https://R.test:443/b").origin
    assert Url.parse("https://r.test/").origin != Url.parse("http://r.test:443/").origin


def test_a_message_shows_no_user_and_no_query() -> None:
    url = Url.parse("https://user:pass%40word@r.test:1/p?token=s#f")
    assert url.shown == "https://r.test:1/p"
    assert url.login == ("user", "pass@word")


def test_a_query_is_merged() -> None:
    url = Url.parse("https://r.test/token?service=a&scope=old&x=")
    assert url.with_query({"scope": "repository:a/b:pull"}).target == (
        "/token?service=a&x=&scope=repository%3Aa%2Fb%3Apull"
    )


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/other", "http://r.test:5000/other"),
        ("https://elsewhere.test/x?y", "https://elsewhere.test/x?y"),
        ("//elsewhere.test/x", "http://elsewhere.test/x"),
        ("sibling", "http://r.test:5000/v2/sibling"),
    ],
)
def test_where_a_location_leads(location: str, leads_to: str) -> None:
    assert str(Url.parse("http://r.test:5000/v2/name").join(location)) == leads_to
