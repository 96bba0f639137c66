"""The framing is injective: whatever differs in the inputs differs in the stream."""

from hypothesis import assume, given
from hypothesis import strategies as st

from envid.core.identity import EnvInput, InputKind, env_identity, file_input, preimage, value_input

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
contents = st.binary(max_size=24)
files = st.builds(
    lambda name, mode, content: file_input(InputKind.FILE, name, mode, content),
    names,
    st.sampled_from(["100644", "100755"]),
    contents,
)
values = st.builds(value_input, st.sampled_from(InputKind), names, names)
input_sets = st.lists(files | values, min_size=1, max_size=6, unique_by=lambda item: item.sort_key)


def as_set(inputs: list[EnvInput]) -> set[tuple[str, str, str, int, str]]:
    return {(i.kind, i.name, i.mode, i.size, i.blake3) for i in inputs}


@given(input_sets, input_sets)
def test_two_sets_have_one_preimage_only_if_they_are_the_same(one: list[EnvInput], other: list[EnvInput]) -> None:
    assert (preimage(one) == preimage(other)) == (as_set(one) == as_set(other))


@given(input_sets, st.randoms())
def test_the_order_of_a_set_does_not_count(inputs: list[EnvInput], random: object) -> None:
    shuffled = list(inputs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert env_identity(shuffled) == env_identity(inputs)


@given(names, contents, st.integers(min_value=1, max_value=8))
def test_a_byte_moved_from_one_field_to_its_neighbour_changes_the_stream(name: str, content: bytes, count: int) -> None:
    whole = name.encode() + content
    assume(count < len(whole) and count != len(name.encode()))
    try:
        moved_name = whole[:count].decode()
    except UnicodeDecodeError:
        assume(condition=False)
    before = file_input(InputKind.FILE, name, "100644", content)
    after = file_input(InputKind.FILE, moved_name, "100644", whole[count:])
    assert preimage([before]) != preimage([after])


@given(contents, contents)
def test_a_byte_moved_between_two_files_changes_the_identity(one: bytes, other: bytes) -> None:
    assume(other)
    before = [file_input(InputKind.FILE, "a", "100644", one), file_input(InputKind.FILE, "b", "100644", other)]
    after = [
        file_input(InputKind.FILE, "a", "100644", one + other[:1]),
        file_input(InputKind.FILE, "b", "100644", other[1:]),
    ]
    assert env_identity(before) != env_identity(after)


@given(files)
def test_content_mode_and_name_each_count(item: EnvInput) -> None:
    flipped = "100755" if item.mode == "100644" else "100644"
    others = [
        EnvInput(kind=item.kind, name=item.name, mode=flipped, size=item.size, blake3=item.blake3),
        EnvInput(kind=item.kind, name=item.name + "x", mode=item.mode, size=item.size, blake3=item.blake3),
        EnvInput(kind=item.kind, name=item.name, mode=item.mode, size=item.size, blake3=item.blake3[::-1]),
    ]
    for other in others:
        if other != item:
            assert env_identity([other]) != env_identity([item])
