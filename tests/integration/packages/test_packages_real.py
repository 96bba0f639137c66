from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from envid.adapters.inner_build import image_output, local_output
from envid.adapters.package_cache import PackageCache
from envid.core.base_pin import repin_from
from envid.core.packages import PackageLock, compare_installed, format_lock, parse_installed
from envid.core.values import ImageReference
from envid.errors import BuildError, CheckFailed, InputError
from envid.usecases.lock_packages import lock_packages, offer_packages

if TYPE_CHECKING:
    from tests.integration.packages.conftest import Stack

pytestmark = pytest.mark.integration

REPO = Path(__file__).parents[3]
STATUS_ONLY = "FROM scratch\nCOPY --from=1 /var/lib/dpkg/status /etc/passwd /\n"

BUN_LOCK = """\
{
  "lockfileVersion": 1,
  "configVersion": 1,
  "workspaces": {"": {"name": "demo", "dependencies": {"ms": "2.1.3"}}},
  "packages": {
    "ms": ["ms@2.1.3", "", {},
      "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="],
  }
}
"""


def lock_in(repo: Path, stack: Stack, base: ImageReference, *, check: bool = False) -> PackageLock:
    return lock_packages(
        repo=repo,
        build=stack.build,
        cache_dir=stack.cache_dir,
        secrets=stack.secrets,
        progress=lambda _: None,
        base=base,
        check=check,
    ).lock


@pytest.fixture
def repo(tmp_path: Path, package_stack: Stack, base_image: ImageReference) -> Path:
    """Return the context of a small env image that wants tini, with its lock."""
    root = tmp_path / "repo"
    runtime = root / "deploy/runtime"
    (runtime / "boot").mkdir(parents=True)
    (runtime / "packages.txt").write_text("tini\n")
    (runtime / "install-packages.sh").write_bytes((REPO / "deploy/runtime/install-packages.sh").read_bytes())
    boot = runtime / "boot/agentrun-boot.sh"
    boot.write_text("#!/bin/sh\n")
    boot.chmod(0o755)
    (root / "package.json").write_text('{"name": "demo", "dependencies": {"ms": "2.1.3"}}\n')
    (root / "tsconfig.json").write_text("{}\n")
    (root / "bun.lock").write_text(BUN_LOCK)
    lock_in(root, package_stack, base_image)
    return root


def build_status(
    repo: Path, stack: Stack, base: ImageReference, out: Path, *, insert: str = "", offer: Path | None = None
) -> bytes:
    """Build the real Containerfile over ``repo``, with ``insert`` before the dependencies; return dpkg's status."""
    text = repin_from((REPO / "Containerfile").read_text(), base)
    if insert:
        text = text.replace("COPY tsconfig.json", f"{insert}\nCOPY tsconfig.json")
    extra = []
    if offer is not None:
        extra = [f"--local=offered-packages={offer}", "--opt=context:offered-packages=local:offered-packages"]
    stack.build.run(text + STATUS_ONLY, repo, local_output(out), secrets=stack.secrets, extra=extra)
    return (out / "status").read_bytes()


def edit_lock(repo: Path, old: str, new: str) -> None:
    path = repo / "deploy/runtime/packages.lock"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def tini_line(repo: Path) -> str:
    lines = (repo / "deploy/runtime/packages.lock").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("install tini ")]
    return line


def test_the_image_holds_exactly_the_lock(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    status = build_status(repo, package_stack, base_image, tmp_path / "out")
    lock = lock_in(repo, package_stack, base_image, check=True)
    assert "tini" in {package.name for package in lock.install}
    assert compare_installed(parse_installed(status), lock) == ()
    assert "agentrun:x:65532:65532:" in (tmp_path / "out/passwd").read_text()


def test_a_forged_hash_stops_the_build_and_names_the_package(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    line = tini_line(repo)
    edit_lock(repo, line, line[:-64] + "1" * 64)
    with pytest.raises(BuildError) as caught:
        build_status(repo, package_stack, base_image, tmp_path / "out")
    assert f"tini {line.split()[2]} from the archive has not the locked SHA-256 {'1' * 64}" in caught.value.cause


def test_a_vanished_version_stops_the_build_and_says_what_the_archive_has(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    line = tini_line(repo)
    version = line.split()[2]
    edit_lock(repo, line, f"install tini 0.1-gone amd64 {'1' * 64}")
    with pytest.raises(BuildError) as caught:
        build_status(repo, package_stack, base_image, tmp_path / "out")
    assert f"tini is locked at 0.1-gone, the archive has {version}" in caught.value.cause
    assert "invoke lock.packages" in caught.value.cause
    with pytest.raises(CheckFailed, match="behind the archive") as moved:
        lock_in(repo, package_stack, base_image, check=True)
    assert f"tini: 0.1-gone → {version}" in moved.value.cause


def test_a_package_from_outside_the_lock_stops_the_build_by_name(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    insert = "RUN apt-get update && apt-get install --yes hello"
    with pytest.raises(BuildError) as caught:
        build_status(repo, package_stack, base_image, tmp_path / "out", insert=insert)
    assert "is installed, and packages.lock does not have it" in caught.value.cause
    assert "install-packages: hello " in caught.value.cause


def test_a_wanted_package_that_was_never_locked_stops_the_build_by_name(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    (repo / "deploy/runtime/packages.txt").write_text("tini\nhello\n")
    with pytest.raises(BuildError) as caught:
        build_status(repo, package_stack, base_image, tmp_path / "out")
    assert "wanted in packages.txt, not in packages.lock: hello" in caught.value.cause


def test_a_lock_for_another_base_image_stops_the_build_by_name(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    lines = (repo / "deploy/runtime/packages.lock").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("base tar ")]
    edit_lock(repo, line, line.replace(line.split()[2], "9.9"))
    with pytest.raises(BuildError) as caught:
        build_status(repo, package_stack, base_image, tmp_path / "out")
    assert f"the base image has tar {line.split()[2]}, packages.lock was made for 9.9" in caught.value.cause


def test_a_package_that_no_archive_has_is_built_from_the_offered_cache(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    deb = make_deb(tmp_path / "gone")
    cache_dir = tmp_path / "cache"
    sha256 = PackageCache(cache_dir).add(deb)
    line = tini_line(repo)
    edit_lock(repo, line, f"{line}\ninstall left-the-archive 1.0 all {sha256}")
    with pytest.raises(BuildError) as caught:
        build_status(repo, package_stack, base_image, tmp_path / "out")
    assert "left-the-archive is locked at 1.0, the archive has nothing" in caught.value.cause

    offered = tmp_path / "offered"
    offered.mkdir()
    assert offer_packages(repo=repo, cache_dir=cache_dir, folder=offered) == 1
    status = build_status(repo, package_stack, base_image, tmp_path / "out", offer=offered)
    assert parse_installed(status)["left-the-archive"] == "1.0"


def test_an_offered_file_with_other_bytes_is_not_used(
    repo: Path, package_stack: Stack, base_image: ImageReference, tmp_path: Path
) -> None:
    deb = make_deb(tmp_path / "evil")
    offered = tmp_path / "offered"
    offered.mkdir()
    sha256 = tini_line(repo).split()[-1]
    assert hashlib.sha256(deb.read_bytes()).hexdigest() != sha256
    (offered / f"{sha256}.deb").write_bytes(deb.read_bytes())
    status = build_status(repo, package_stack, base_image, tmp_path / "out", offer=offered)
    assert "tini" in parse_installed(status)
    assert "left-the-archive" not in parse_installed(status)


def test_an_unknown_package_is_named_and_nothing_is_written(
    repo: Path, package_stack: Stack, base_image: ImageReference
) -> None:
    before = (repo / "deploy/runtime/packages.lock").read_bytes()
    (repo / "deploy/runtime/packages.txt").write_text("tini\nno-such-package-anywhere\n")
    with pytest.raises(InputError) as caught:
        lock_in(repo, package_stack, base_image)
    assert "no-such-package-anywhere" in caught.value.cause
    assert (repo / "deploy/runtime/packages.lock").read_bytes() == before


def test_this_repositorys_lock_covers_its_own_list(package_stack: Stack, base_image: ImageReference) -> None:
    """A wrong base line here would only show in a cold build."""
    text = (REPO / "deploy/runtime/packages.lock").read_bytes()
    base_lock = (REPO / "deploy/base/packages.lock").read_text()
    for line in text.decode().splitlines():
        if line.startswith("base "):
            assert line.replace("base ", "install ", 1) in base_lock
    assert package_stack.registry in str(base_image)


def test_a_changed_dependency_changes_only_the_last_layer(
    repo: Path, package_stack: Stack, base_image: ImageReference
) -> None:
    before = layers_of(repo, package_stack, base_image)
    (repo / "package.json").write_text('{"name": "demo", "dependencies": {"ms": "2.1.3"}, "description": "new"}\n')
    after = layers_of(repo, package_stack, base_image)
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def layers_of(repo: Path, stack: Stack, base: ImageReference) -> list[str]:
    image = ImageReference(stack.registry, "agentrun/env", "test")
    text = repin_from((REPO / "Containerfile").read_text(), base)
    digest = stack.build.run(text, repo, image_output(image), secrets=stack.secrets)
    answer = httpx.get(
        f"http://{stack.registry}/v2/{image.repository}/manifests/{digest}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    return [layer["digest"] for layer in answer.json()["layers"]]


def make_deb(folder: Path) -> Path:
    (folder / "DEBIAN").mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "DEBIAN").chmod(0o755)
    (folder / "DEBIAN/control").write_text(
        "Package: left-the-archive\nVersion: 1.0\nArchitecture: all\nMaintainer: none <none@example.invalid>\n"
        "Description: a package that no archive has\n"
    )
    deb = folder.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "--build", str(folder), str(deb)], check=True, capture_output=True)
    return deb


def test_locking_again_changes_no_byte(repo: Path, package_stack: Stack, base_image: ImageReference) -> None:
    path = repo / "deploy/runtime/packages.lock"
    before = path.read_bytes()
    lock = lock_in(repo, package_stack, base_image)
    assert path.read_bytes() == before == format_lock(lock)
    assert all(package.sha256 for package in lock.packages)
