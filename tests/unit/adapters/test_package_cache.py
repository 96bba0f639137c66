import hashlib
from pathlib import Path

import pytest

from envid.adapters.blob_cache import BlobCache
from envid.adapters.package_cache import PackageCache
from envid.core.packages import LockedPackage
from envid.errors import ServiceError

KEY = "0" * 64


def locked(content: bytes) -> LockedPackage:
    return LockedPackage("demo", "1.0", "all", hashlib.sha256(content).hexdigest())


def test_a_kept_package_is_laid_out_under_its_hash(tmp_path: Path) -> None:
    source = tmp_path / "demo.deb"
    source.write_bytes(b"deb")
    cache = PackageCache(tmp_path / "cache")
    assert cache.add(source) == locked(b"deb").sha256
    staged = tmp_path / "staged"
    staged.mkdir()
    (path,) = cache.stage([locked(b"deb"), locked(b"other")], staged)
    assert (path.name, path.read_bytes()) == (f"{locked(b'deb').sha256}.deb", b"deb")
    assert cache.missing([locked(b"deb"), locked(b"other")]) == (locked(b"other"),)


def test_a_damaged_package_is_dropped_and_missing_afterwards(tmp_path: Path) -> None:
    source = tmp_path / "demo.deb"
    source.write_bytes(b"deb")
    cache = PackageCache(tmp_path / "cache")
    cache.add(source)
    (tmp_path / "cache/debs" / f"{locked(b'deb').sha256}.deb").write_bytes(b"dex")
    assert cache.stage([locked(b"deb")], tmp_path) == ()
    assert cache.missing([locked(b"deb")]) == (locked(b"deb"),)


def test_a_damaged_blob_is_never_returned(tmp_path: Path) -> None:
    source = tmp_path / "rootfs.tar"
    source.write_bytes(b"tar")
    cache = BlobCache(tmp_path / "cache")
    kept = cache.keep(KEY, source)
    assert cache.find(KEY) == kept
    kept.write_bytes(b"tax")
    assert cache.find(KEY) is None


def test_an_unwritable_cache_is_told_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where the folder should be")
    source = tmp_path / "demo.deb"
    source.write_bytes(b"deb")
    with pytest.raises(ServiceError, match="cache"):
        PackageCache(tmp_path / "cache").add(source)
