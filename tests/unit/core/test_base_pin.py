import pytest

from envid.core.base_pin import pinned_base, repin_from
from envid.core.values import ImageReference
from envid.errors import InputError

OLD = f"127.0.0.1:5000/agentrun/bun-base@sha256:{'a' * 64}"
NEW = ImageReference.parse(f"registry.example/bun@sha256:{'b' * 64}")


def test_only_the_base_changes() -> None:
    text = f"# FROM {OLD} in a comment\nFROM scratch AS none\nFROM {OLD}\nRUN echo FROM {OLD}\nCOPY --from=none / /\n"
    assert repin_from(text, NEW) == text.replace(f"\nFROM {OLD}\n", f"\nFROM {NEW}\n")


def test_every_stage_on_the_base_moves_together() -> None:
    text = f"FROM {OLD} AS deps\nFROM deps AS more\nfrom {OLD}\n"
    assert repin_from(text, NEW) == f"FROM {NEW} AS deps\nFROM deps AS more\nfrom {NEW}\n"


def test_the_base_is_found_behind_scratch_stages() -> None:
    assert str(pinned_base(f"FROM scratch AS offered\nFROM {OLD}\n")) == OLD


@pytest.mark.parametrize("text", ["", "FROM scratch\n", f"FROM {OLD}\nFROM {NEW}\n"])
def test_a_containerfile_without_one_base_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        repin_from(text, NEW)


def test_a_tag_is_never_written() -> None:
    with pytest.raises(InputError):
        repin_from(f"FROM {OLD}\n", ImageReference.parse("registry.example/bun:latest"))
