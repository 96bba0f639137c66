"""Serves a WSGI application, or git repositories, on loopback for as long as a block lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waitress.server import create_server

from envid.local.git_http import GitHttp

__all__ = ["serving", "serving_git"]


@contextmanager
def serving_git(folder: Path, *, takes_pushes: bool = True) -> Iterator[str]:
    """Serve the bare repositories in ``folder``, and yield the URL that their names come behind."""
    doors: dict[str, tuple[Path, bool]] = {}
    with serving(GitHttp(doors)) as port:
        doors[port] = (folder, takes_pushes)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(application: Callable[..., Any], *, threads: int = 4) -> Iterator[str]:
    """Serve ``application`` at a free port, and yield the port.

    The server is closed by its own thread: one that is closed by another may be waiting for the very descriptor.
    """
    server: Any = create_server(application, host="127.0.0.1", port=0, threads=threads)  # its stub is wrong in part
    running = threading.Thread(target=server.run)
    running.start()

    def close() -> None:
        for channel in list(server.active_channels.values()):
            channel.close()
        server.task_dispatcher.shutdown()
        server.close()

    try:
        yield str(server.effective_port)
    finally:
        server.trigger.pull_trigger(close)
        running.join()
