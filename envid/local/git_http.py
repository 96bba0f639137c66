"""Git's smart HTTP on loopback: a bridge from WSGI to ``git http-backend``, with one port per door.

The read door serves fetches only, as the lane's read Service does; the write door and the origin (GitHub's stand-in)
take pushes too. Run as ``python -m envid.local.git_http FOLDER READ WRITE ORIGIN``, the last three being the file
descriptors of sockets that are bound already.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import waitress

from envid.adapters.git import git_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["GitHttp", "main"]

_PATH: Final = re.compile(
    r"(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)+\.git/(?:HEAD|info/refs|git-(?:upload|receive)-pack)", re.ASCII
)
_CHUNK: Final = 1 << 16
_THREADS: Final = 16
_LARGEST_PUSH: Final = 4 << 30
_PASSED: Final = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_ENCODING")


class GitHttp:
    """The WSGI application. ``doors`` is port to (folder of bare repositories, whether it takes pushes)."""

    def __init__(self, doors: Mapping[str, tuple[Path, bool]]) -> None:
        self._doors = doors

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        folder, takes_pushes = self._doors[environ["SERVER_PORT"]]
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        if not _PATH.fullmatch(path):
            return _refuse(start_response, "404 Not Found", "there is no such repository here")
        if not takes_pushes and (path.endswith("/git-receive-pack") or "git-receive-pack" in query):
            return _refuse(start_response, "403 Forbidden", "this is the read door: push by the write URL")
        process = _backend(environ, folder, path)
        assert process.stdout is not None  # noqa: S101 - a pipe by construction
        status, headers = _cgi_head(process.stdout)
        body = _Body(process)
        if not headers:
            body.close()
            return _refuse(start_response, "500 Internal Server Error", "git http-backend failed; see the mirror's log")
        start_response(status, headers)
        return body


class _Body:
    """What the backend still has to say; closed by the server, also where the client went away before reading it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __iter__(self) -> Iterator[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe by construction
        while chunk := self._process.stdout.read1(_CHUNK):  # type: ignore[attr-defined]  # it is a BufferedReader
            yield chunk

    def close(self) -> None:
        """End the backend: what nobody reads needs no writer."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe by construction
        self._process.stdout.close()
        self._process.wait()


def main(arguments: list[str]) -> None:
    """Serve until a signal ends the process."""
    root = Path(arguments[0])
    read, write, origin = (socket.socket(fileno=int(descriptor)) for descriptor in arguments[1:4])
    doors = {
        _port(read): (root / "mirror", False),
        _port(write): (root / "mirror", True),
        _port(origin): (root / "origin", True),
    }
    waitress.serve(
        GitHttp(doors),
        sockets=[read, write, origin],
        threads=_THREADS,
        ident=None,
        max_request_body_size=_LARGEST_PUSH,
    )


def _port(door: socket.socket) -> str:
    return str(door.getsockname()[1])


def _backend(environ: Mapping[str, Any], folder: Path, path: str) -> subprocess.Popen[bytes]:
    environment = git_environment() | {
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "REMOTE_USER": "local",
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
        **{name: str(environ[name]) for name in _PASSED if environ.get(name)},
    }
    with tempfile.TemporaryFile() as body:
        # a file rather than a pipe: the backend may answer before it has read everything
        shutil.copyfileobj(environ["wsgi.input"], body)
        body.seek(0)
        return subprocess.Popen(
            ["git", "http-backend"], stdin=body, stdout=subprocess.PIPE, stderr=sys.stderr, env=environment
        )


def _cgi_head(stream: IO[bytes]) -> tuple[str, list[tuple[str, str]]]:
    status, headers = "200 OK", []
    for raw in iter(stream.readline, b""):
        name, _, value = raw.decode("latin-1").strip().partition(":")
        if not name:
            break
        if name.lower() == "status":
            status = value.strip()
        else:
            headers.append((name, value.strip()))
    return status, headers


def _refuse(start_response: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


if __name__ == "__main__":
    main(sys.argv[1:])
