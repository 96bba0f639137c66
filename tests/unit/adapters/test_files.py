"""Files are written whole or not at all, and read with a bound."""

from pathlib import Path

import pytest

from envid.adapters.files import read_bounded, write_atomic
from envid.errors import InputError, ServiceError


def test_a_file_is_written_with_its_folders_and_readable_by_the_next_steps_user(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c.json"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["c.json"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "kept").write_text("x")
    with pytest.raises(ServiceError, match="can't be written"):
        write_atomic(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (path / "kept").read_text() == "x"


def test_a_file_where_a_folder_should_be_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ServiceError) as caught:
        write_atomic(tmp_path / "file/x", b"")
    assert caught.value.remedy


def test_reading_is_bounded_and_says_what_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_bounded(path, limit=5, hint="make x") == b"12345"
    for place, limit in ((path, 4), (tmp_path / "none", 5), (tmp_path, 5)):
        with pytest.raises(InputError) as caught:
            read_bounded(place, limit=limit, hint="make x")
        assert caught.value.remedy == "make x"
