"""Flags of what makes and proves images: base, image, lock, rebuild."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import COMMIT, DEBUG, JSON, group, run

__all__ = ["add_to"]


@task(
    help={
        "verify": "build again without cache, and compare",
        "service": "only this service of the catalog",
        "json": JSON,
        "debug": DEBUG,
    }
)
def rebuild(c: Context, verify: bool = False, service: str = "", json: bool = False, debug: bool = False) -> None:
    """Build the promoted images again, and name each file that differs."""
    run(c, "assurance.rebuild", as_json=json, debug=debug, verify=verify, service=service)


@task(name="build", help={"pin": "write its digest into the Containerfile", "json": JSON, "debug": DEBUG})
def base_build(c: Context, pin: bool = False, json: bool = False, debug: bool = False) -> None:
    """Build the base image from locked packages."""
    run(c, "local.base_build", as_json=json, debug=debug, pin=pin)


@task(
    name="build",
    positional=["name"],
    help={
        "name": "toolbox, git-mirror, postgres or buildkit",
        "commit": COMMIT,
        "pin": "write its digest into deploy/runtime/images.json",
        "rebuild": "build even what could be reused, without cache",
        "json": JSON,
        "debug": DEBUG,
    },
)
def image_build(
    c: Context,
    name: str,
    commit: str = "",
    pin: bool = False,
    rebuild: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Build or reuse an image that the lane itself needs."""
    run(c, "images.image_build", as_json=json, debug=debug, name=name, commit=commit, pin=pin, rebuild=rebuild)


@task(
    name="packages",
    help={
        "check": "only tell what moved",
        "base": "of the base image",
        "image": "of toolbox, git-mirror, postgres or buildkit",
        "json": JSON,
        "debug": DEBUG,
    },
)
def lock_packages(
    c: Context, check: bool = False, base: bool = False, image: str = "", json: bool = False, debug: bool = False
) -> None:
    """Lock the system packages: names, versions and hashes."""
    run(c, "local.lock_packages", as_json=json, debug=debug, check=check, base=base, image=image)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    for item in (rebuild,):
        root.add_task(item)
    root.add_collection(group("base", base_build))
    root.add_collection(group("image", image_build))
    root.add_collection(group("lock", lock_packages))
