"""Flags of what puts credentials into the cluster: secrets.database-url."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import COMMIT, DEBUG, JSON, group, run

__all__ = ["add_to"]


@task(
    name="database-url",
    help={
        "commit": COMMIT,
        "host": "a Postgres that is not the lane's own",
        "port": "its port (default: 5432)",
        "user": "its user (default: the project's name)",
        "password-stdin": "take the password from standard input, or ask on a terminal (default: make one)",
        "rotate": "put a new password in the place of the present one, and restart what uses it",
        "json": JSON,
        "debug": DEBUG,
    },
)
def database_url(  # noqa: PLR0913, PLR0917 - each is a flag
    c: Context,
    commit: str = "",
    host: str = "",
    port: int = 0,
    user: str = "",
    password_stdin: bool = False,
    rotate: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Put DATABASE_URL into the lane's namespace as a Secret, seen by nobody."""
    run(
        c,
        "secrets.database_url",
        as_json=json,
        debug=debug,
        commit=commit,
        host=host,
        port=port,
        user=user,
        password_stdin=password_stdin,
        rotate=rotate,
    )


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    root.add_collection(group("secrets", database_url))
