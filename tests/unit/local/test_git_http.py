from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envid.local.git_http import GitHttp


@pytest.fixture
def doors(tmp_path: Path) -> GitHttp:
    repository = tmp_path / "mirror/group/team/name.git"
    repository.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
    return GitHttp({"1": (tmp_path / "mirror", False), "2": (tmp_path / "mirror", True)})


def ask(doors: GitHttp, port: str, path: str, query: str = "") -> tuple[str, dict[str, str], bytes]:
    seen: list[Any] = []
    environ = {
        "SERVER_PORT": port,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": "GET",
        "wsgi.input": io.BytesIO(),
    }
    body = doors(environ, lambda *answer: seen.extend(answer))
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return seen[0], dict(seen[1]), content


def test_a_repository_in_nested_folders_is_served(doors: GitHttp) -> None:
    status, headers, content = ask(doors, "1", "/group/team/name.git/info/refs", "service=git-upload-pack")
    assert status == "200 OK"
    assert headers["Content-Type"] == "application/x-git-upload-pack-advertisement"
    assert b"# service=git-upload-pack" in content


def test_the_read_door_says_where_to_push(doors: GitHttp) -> None:
    for path, query in (("git-receive-pack", ""), ("info/refs", "service=git-receive-pack")):
        status, _, content = ask(doors, "1", f"/group/team/name.git/{path}", query)
        assert status == "403 Forbidden"
        assert b"push by the write URL" in content
        assert ask(doors, "2", f"/group/team/name.git/{path}", query)[0] != "403 Forbidden"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/group/team/name.git",
        "/group/team/name.git/config",
        "/group/team/name.git/objects/info/packs",
        "/group/../group/team/name.git/HEAD",
        "/group//team/name.git/HEAD",
        "//group/team/name.git/HEAD",
        "/.hidden/name.git/HEAD",
        "/group/team/name.git/HEAD\n",
        "/group/t\x00/name.git/HEAD",
    ],
)
def test_any_other_path_is_refused_before_git_sees_it(doors: GitHttp, path: str) -> None:
    assert ask(doors, "2", path)[0] == "404 Not Found"


def test_an_unknown_repository_is_absent(doors: GitHttp) -> None:
    assert ask(doors, "1", "/group/team/other.git/HEAD")[0].startswith("404")
