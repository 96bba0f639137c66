"""Commands of the embedded default and its images: ``local.up|down|status``, ``base.build``, ``lock.packages``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from envid.cli import Output, progress
from envid.commands.wiring import find_workspace, open_inner_build, tool_folders
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Section = Mapping[str, Any] | None

_Answer = TypeVar("_Answer")

__all__ = ["base_build", "local_down", "local_status", "local_up", "lock_packages"]


def local_up(*, mirror_only: bool = False, section: Section = None) -> Output:
    """Start the embedded registry, BuildKit and git mirror; those that run already are left alone."""
    from envid.local.stack import up

    workspace = find_workspace(section)
    settings = workspace.settings
    elsewhere = (settings.registry, settings.buildkit_host or "") if mirror_only else None
    up(workspace.state, workspace.lane.repository, progress=progress, elsewhere=elsewhere)
    return local_status(section=section)


def local_down(*, section: Section = None) -> Output:
    """Stop what ``local.up`` started, and remove its state folder."""
    from envid.local.stack import down

    workspace = find_workspace(section)
    down(workspace.state)
    return Output(data={"schemaVersion": "agentrun.local/1", "up": False}, lines=["the embedded stack is down"])


def local_status(*, section: Section = None) -> Output:
    """Show what of the embedded stack runs, and where; exit 1 where it is not up."""
    from envid.adapters.buildkit import BuildKit
    from envid.adapters.stack_record import load_stack
    from envid.local.stack import status
    from envid.local.tools import find_bun

    workspace = find_workspace(section)
    stack = load_stack(workspace.state)
    services = status(workspace.state)
    data: dict[str, Any] = {
        "schemaVersion": "agentrun.local/1",
        "up": stack is not None and all(s.running for s in services),
        "state": str(workspace.state),
        "services": [{"service": s.service, "state": s.state, "where": s.where, "detail": s.detail} for s in services],
    }
    if stack is not None:
        data |= {
            "registry": stack.registry,
            "buildkitHost": stack.buildkit_host,
            "mirrorReadUrl": stack.mirror_read_url,
            "mirrorWriteUrl": stack.mirror_write_url,
            "originUrl": stack.origin_url,
            # what only this project's own scripts need may be missing on an adopter's machine
            "buildsInHistory": _if_there(
                lambda: BuildKit(stack.buildkit_host, tools=tool_folders()).builds_in_history()
            )
            if stack.buildkit_host
            else None,
            "tools": {"bun": _if_there(find_bun)},
        }
    lines = table(("service", "state", "where", "detail"), [(s.service, s.state, s.where, s.detail) for s in services])
    return Output(data=data, lines=lines, exit_code=0 if data["up"] else 1)


def _if_there(ask: Callable[[], _Answer]) -> _Answer | None:
    """Return what a program answers, or None where it is not installed."""
    from envid.errors import ToolMissing

    try:
        return ask()
    except ToolMissing:
        return None


def base_build(*, pin: bool = False, section: Section = None) -> Output:
    """Build the base image from locked packages and push it; with ``pin``, write its digest into the Containerfile."""
    from envid.adapters.blob_cache import default_cache_dir
    from envid.adapters.files import read_bounded, write_atomic
    from envid.adapters.process import find_tool
    from envid.core.base_pin import repin_from
    from envid.core.deploy import DEPLOY_PATH, parse_deploy
    from envid.usecases.base_image import build_base

    workspace = find_workspace(section)
    reference = build_base(
        repo=workspace.root,
        registry=workspace.endpoints.registry,
        repository=f"{workspace.lane.project}/bun-base",
        buildkit_host=workspace.endpoints.buildkit_host,
        buildkit_tls=workspace.endpoints.buildkit_tls,
        buildctl=find_tool("buildctl", extra_path=tool_folders()),
        cache_dir=default_cache_dir(),
        progress=progress,
    )
    changed: list[str] = []
    if pin:
        deploy = read_bounded(workspace.root / DEPLOY_PATH, limit=1 << 20, hint="git checkout deploy/deploy.json")
        for path in sorted({s.image_ref.dockerfile_path for s in parse_deploy(deploy).services}):
            before = read_bounded(workspace.root / path, limit=1 << 20, hint=f"git checkout {path}").decode()
            after = repin_from(before, reference)
            if after != before:
                write_atomic(workspace.root / path, after.encode())
                changed.append(path)
    data = {"schemaVersion": "agentrun.base-image/1", "reference": reference.pinned, "pinnedIn": changed}
    return Output(data=data, lines=[reference.pinned, *(f"pinned in {path}" for path in changed)])


def lock_packages(*, check: bool = False, base: bool = False, image: str = "", section: Section = None) -> Output:
    """Lock the system packages of the env image, the base image or ``image``; ``check`` only tells what moved."""
    from envid.adapters.blob_cache import default_cache_dir
    from envid.core.toolimage import find_tool_image
    from envid.errors import InputError
    from envid.usecases import lock_packages as locks

    if base and image:
        raise InputError("--base and --image exclude each other", remedy="leave one out")

    workspace = find_workspace(section)
    endpoints = workspace.endpoints
    if base:
        outcome = locks.lock_base_packages(
            repo=workspace.root, cache_dir=default_cache_dir(), progress=progress, check=check
        )
    else:
        outcome = locks.lock_packages(
            repo=workspace.root,
            build=open_inner_build(workspace),
            cache_dir=default_cache_dir(),
            secrets={"ca": endpoints.ca_bundle} if endpoints.ca_bundle else {},
            progress=progress,
            of=locks.lock_of(find_tool_image(image)) if image else locks.ENV_IMAGE,
            check=check,
        )
    data = {
        "schemaVersion": "agentrun.package-lock/1",
        "path": outcome.path,
        "packages": len(outcome.lock.packages),
        "moved": [str(change) for change in outcome.changes],
        "written": outcome.written,
    }
    return Output(data=data, lines=[*map(str, outcome.changes), outcome.summary])
