import pytest

from envid.core.packages import (
    LockedPackage,
    PackageLock,
    compare_installed,
    diff_locks,
    format_lock,
    parse_installed,
    parse_lock,
    parse_wanted,
)
from envid.errors import InputError

ONE, TWO = "1" * 64, "2" * 64


def lock(*install: LockedPackage, base: tuple[LockedPackage, ...] = ()) -> PackageLock:
    return PackageLock(architecture="amd64", base=base, install=install)


def package(name: str, version: str = "1.0", sha256: str | None = ONE) -> LockedPackage:
    return LockedPackage(name, version, "amd64", sha256)


def test_a_lock_is_read_back_as_it_was_written() -> None:
    original = lock(package("git", "1:2.39.5-0+deb12u3"), base=(package("libc6", "2.36-9", None),))
    assert parse_lock(format_lock(original), where="packages.lock") == original


def test_the_text_of_a_lock_does_not_depend_on_the_order_of_discovery() -> None:
    assert format_lock(lock(package("b"), package("a"))) == format_lock(lock(package("a"), package("b")))


def test_the_images_packages_are_base_and_install_and_an_install_replaces_the_bases_version() -> None:
    both = lock(package("zlib1g", "2"), package("git"), base=(package("zlib1g", "1"), package("libc6")))
    assert [str(p) for p in both.packages] == ["git 1.0", "libc6 1.0", "zlib1g 2"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (f"install git 1.0 amd64 {ONE[:-1]}", "SHA-256"),
        (f"install git 1.0 amd64 {ONE.replace('1', 'A')}", "SHA-256"),
        ("install git 1.0 amd64 -", "SHA-256"),
        (f"install Git 1.0 amd64 {ONE}", "'Git' is not a package name"),
        (f"install git one_two amd64 {ONE}", "'one_two' is not a version"),
        (f"install git $(x) amd64 {ONE}", "version"),
        (f"install git 1.0 arm64 {ONE}", "arm64"),
        (f"install  git 1.0 amd64 {ONE}", "KIND NAME VERSION"),
        (f"remove git 1.0 amd64 {ONE}", "KIND NAME VERSION"),
        (f"install tini 1.0 amd64 {ONE}\ninstall tini 2.0 amd64 {TWO}", "tini stands twice"),
    ],
)
def test_a_faulty_line_of_a_lock_is_refused_by_name(line: str, named: str) -> None:
    text = f"format packages-lock/1\narchitecture amd64\n{line}\n"
    with pytest.raises(InputError) as caught:
        parse_lock(text.encode(), where="packages.lock")
    assert named in str(caught.value)
    assert "invoke lock.packages" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", "architecture amd64\n", "format packages-lock/2\narchitecture amd64\n", "format packages-lock/1\n"]
)
def test_a_lock_without_its_header_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_lock(text.encode(), where="packages.lock")


def test_every_fault_of_a_lock_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_lock(b"format packages-lock/1\narchitecture amd64\ninstall A\ninstall B\n", where="packages.lock")
    assert [fault.where for fault in caught.value.faults] == ["packages.lock:3", "packages.lock:4"]


def test_wanted_names_are_sorted_once_each_without_comments() -> None:
    assert parse_wanted(b"# tools\ntini\ngit # fetches\n\ngit\n", where="packages.txt") == ("git", "tini")


@pytest.mark.parametrize("line", ["git=1.0", "--allow-unauthenticated", "git;rm", "Git", "../x", "git tini"])
def test_a_line_that_is_no_package_name_never_reaches_apt(line: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_wanted(f"tini\n{line}\n".encode(), where="packages.txt")
    assert caught.value.faults[0].where == "packages.txt:2"


def test_the_difference_of_two_locks_names_each_package_that_moved() -> None:
    old = lock(package("git", "1"), package("gone"), package("same"), package("rebuilt"))
    new = lock(package("git", "2"), package("new"), package("same"), package("rebuilt", sha256=TWO))
    assert [str(change) for change in diff_locks(old, new)] == [
        "git: 1 → 2",
        "gone: removed 1.0",
        "new: added 1.0",
        "rebuilt: 1.0 has other bytes under the same version",
    ]


def test_a_hash_that_became_known_is_not_a_move() -> None:
    assert diff_locks(lock(base=(package("libc6", sha256=None),)), lock(base=(package("libc6"),))) == ()


STATUS = b"""Package: git
Status: install ok installed
Version: 1:2.39
Description: has a line
 Version: 9 that is not a field

Package: removed
Status: deinstall ok config-files
Version: 3

Package: libc6
Status: hold ok installed
Version: 2.36-9
"""


def test_only_installed_packages_of_a_status_file_count() -> None:
    assert parse_installed(STATUS) == {"git": "1:2.39", "libc6": "2.36-9"}


def test_an_image_is_compared_with_its_lock_in_both_directions() -> None:
    locked = lock(package("git", "1:2.39"), package("missing"))
    assert [str(change) for change in compare_installed(parse_installed(STATUS), locked)] == [
        "libc6: added 2.36-9",
        "missing: removed 1.0",
    ]
