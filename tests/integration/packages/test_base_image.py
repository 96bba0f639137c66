from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from envid.adapters.inner_build import local_output
from envid.adapters.package_cache import PackageCache
from envid.core.packages import compare_installed, parse_installed, parse_lock
from envid.core.values import Digest, ImageReference
from envid.errors import Blocked, ServiceError
from envid.usecases.base_image import build_base

if TYPE_CHECKING:
    from tests.integration.packages.conftest import Stack

pytestmark = pytest.mark.integration

REPO = Path(__file__).parents[3]
INSPECT = """\
FROM {base} AS base
RUN bun --version >/report && bunx --version >>/report
RUN find /var/log /var/lib/apt/lists /var/cache -type f -size +0 ! -path '/var/cache/debconf/*' >/leftovers
FROM scratch
COPY --from=base /report /leftovers /var/lib/dpkg/status /
COPY --from={base} /etc/ /etc/
"""


def checkout(tmp_path: Path) -> Path:
    """Return the parts of this repository that make the base image, to be changed by a test."""
    copy = tmp_path / "checkout"
    shutil.copytree(REPO / "deploy/base", copy / "deploy/base")
    shutil.copytree(REPO / "tools", copy / "tools")
    return copy


def seeded_cache(cache_dir: Path, target: Path) -> Path:
    """Return a cache that has the packages and nothing that was made from them."""
    lock = parse_lock((REPO / "deploy/base/packages.lock").read_bytes(), where="lock")
    (target / "debs").mkdir(parents=True)
    PackageCache(cache_dir).stage(lock.install, target / "debs")
    return target


def build(stack: Stack, repo: Path, cache_dir: Path) -> ImageReference:
    return build_base(
        repo=repo,
        registry=stack.registry,
        buildkit_host=stack.build.host,
        buildctl=stack.build.buildctl,
        cache_dir=cache_dir,
        progress=lambda _: None,
    )


def test_the_image_is_debian_as_locked_with_the_pinned_bun_and_nothing_left_behind(
    package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    package_stack.build.run(INSPECT.format(base=base_image), context, local_output(tmp_path / "out"))
    lock = parse_lock((REPO / "deploy/base/packages.lock").read_bytes(), where="lock")
    installed = parse_installed((tmp_path / "out/status").read_bytes())
    assert compare_installed(installed, lock) == ()
    pinned = '"version": "' + (tmp_path / "out/report").read_text().split("\n")[0] + '"'
    assert pinned in (REPO / "tools/bun.json").read_text()
    assert (tmp_path / "out/leftovers").read_text() == ""
    etc = tmp_path / "out/etc"
    assert "Suites: bookworm" in (etc / "apt/sources.list.d/debian.sources").read_text()
    assert (etc / "machine-id").read_bytes() == b""
    assert not {"resolv.conf", "hostname", "passwd-", "shadow-"} & {path.name for path in etc.iterdir()}


def test_the_registry_holds_the_digest_that_was_returned(package_stack: Stack, base_image: ImageReference) -> None:
    answer = httpx.get(
        f"http://{package_stack.registry}/v2/{base_image.repository}/manifests/{base_image.digest}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    assert answer.headers["docker-content-digest"] == base_image.digest


def test_another_umask_time_zone_locale_and_host_name_give_the_same_digest(
    package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    cache = seeded_cache(package_stack.cache_dir, tmp_path / "cache")
    program = (
        "import sys; from pathlib import Path; from envid.usecases.base_image import build_base\n"
        "repo, cache, registry, host, buildctl = sys.argv[1:]\n"
        "print(build_base(repo=Path(repo), registry=registry, buildkit_host=host, buildctl=buildctl,"
        " cache_dir=Path(cache), progress=lambda _: None))"
    )
    argv = [sys.executable, "-c", program, str(REPO), str(cache), package_stack.registry,
            str(package_stack.build.host), package_stack.build.buildctl]  # fmt: skip
    if os.geteuid() == 0:
        argv = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh", *argv]
    done = subprocess.run(
        argv,
        env=os.environ | {"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8"},
        umask=0o077,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(base_image)


def test_a_version_that_left_the_archive_is_named_with_what_is_there_now(package_stack: Stack, tmp_path: Path) -> None:
    repo = checkout(tmp_path)
    path = repo / "deploy/base/packages.lock"
    lines = path.read_text().splitlines()
    moved = [f"install tar 1.0-0gone amd64 {'1' * 64}" if line.startswith("install tar ") else line for line in lines]
    path.write_text("\n".join(moved) + "\n")
    with pytest.raises(Blocked, match=r"tar is locked at 1\.0-0gone, the archive has 1\.34") as caught:
        build(package_stack, repo, seeded_cache(package_stack.cache_dir, tmp_path / "cache"))
    assert "invoke lock.packages --base" in caught.value.remedy


def test_other_bytes_than_the_locked_ones_are_refused_by_name(package_stack: Stack, tmp_path: Path) -> None:
    repo = checkout(tmp_path)
    path = repo / "deploy/base/packages.lock"
    lines = path.read_text().splitlines()
    forged = [line[:-64] + "1" * 64 if line.startswith("install tar ") else line for line in lines]
    path.write_text("\n".join(forged) + "\n")
    with pytest.raises(Blocked, match=r"other bytes than the lock: tar 1\.34") as caught:
        build(package_stack, repo, seeded_cache(package_stack.cache_dir, tmp_path / "cache"))
    assert caught.value.code == "package-hash-mismatch"


def test_a_bun_with_another_integrity_is_refused(
    package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    assert base_image.digest == Digest(base_image.digest or "")
    repo = checkout(tmp_path)
    pin = repo / "tools/bun.json"
    text = pin.read_text()
    start = text.index("sha512-") + len("sha512-")
    pin.write_text(text[:start] + ("B" if text[start] == "A" else "A") + text[start + 1 :])
    with pytest.raises(ServiceError, match=r"not what tools/bun\.json pins"):
        build(package_stack, repo, package_stack.cache_dir)
