"""``imageref.pin``: points each service's imageRef at the newest commit that touched its Containerfile (R2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envid.adapters.files import read_bounded, write_atomic
from envid.adapters.git import git
from envid.core.deploy import DEPLOY_PATH, parse_deploy
from envid.core.imageref import move_commit
from envid.core.jsontext import MAX_JSON_BYTES
from envid.core.values import CommitId
from envid.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from envid.core.values import RepoPath

__all__ = ["Pin", "newest_commit_of", "pin_imagerefs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Where one service's imageRef pointed and where it points now; equal where it was right already."""

    service_id: str
    before: CommitId
    after: CommitId


def pin_imagerefs(root: Path) -> tuple[Pin, ...]:
    """Rewrite deploy.json in the work tree at ``root``; it is for a person to commit.

    Raises:
        InputError: deploy.json is invalid, or a Containerfile was never committed.

    """
    path = root / DEPLOY_PATH
    content = read_bounded(path, limit=MAX_JSON_BYTES, hint="git checkout deploy/deploy.json")
    services = parse_deploy(content).services
    text = content.decode("utf-8")
    pins: list[Pin] = []
    for service in services:
        ref = service.image_ref
        newest = newest_commit_of(root, ref.dockerfile_path)
        pins.append(Pin(service_id=service.id, before=ref.commit_id, after=newest))
        if newest != ref.commit_id:
            text = move_commit(text, ref.commit_id, newest)
    if any(pin.before != pin.after for pin in pins):
        write_atomic(path, text.encode())
    return tuple(pins)


def newest_commit_of(root: Path, path: RepoPath) -> CommitId:
    """Return the newest commit of HEAD's history that touched ``path``.

    Raises:
        InputError: none did.

    """
    done = git(root, ["log", "-1", "--format=%H", "HEAD", "--", f":(literal,top){path}"])
    text = done.stdout.decode().strip()
    if not text:
        raise InputError(f"{path} was never committed", remedy=f"git add {path} and commit it")
    return CommitId(text)
