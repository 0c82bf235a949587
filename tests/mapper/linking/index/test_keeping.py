"""A tree's state survives being bytes; whatever else is in a file is told apart and named."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from mapper.errors import StateError
from mapper.linking.index.facts import file_facts
from mapper.linking.index.keeping import Package, pack, state_of, state_parts, unpack
from mapper.linking.index.postings import Postings
from mapper.linking.index.state import TreeState
from mapper.model import SourceFile


@pytest.fixture
def packed(driver: list[SourceFile]) -> bytes:
    """The bytes of a small tree's state."""
    state = TreeState.of(map(file_facts, driver))
    return b"".join(pack(Package({"key": "k"}, state_parts(state))))


def test_a_state_comes_back_as_it_was(driver: list[SourceFile], packed: bytes) -> None:
    """Every column is equal, and the restored state takes a change as the first one does."""
    first = TreeState.of(map(file_facts, driver))
    package = unpack(memoryview(packed), source="x")
    second = state_of(package.parts)

    assert package.header == {"key": "k"}
    for left, right in ((first, second), (first.updated({driver[0].path}, ()), second.updated({driver[0].path}, ()))):
        for field in fields(TreeState):
            one, other = getattr(left, field.name), getattr(right, field.name)
            if isinstance(one, Postings):
                assert all(np.array_equal(getattr(one, c.name), getattr(other, c.name)) for c in fields(Postings))
            else:
                assert np.array_equal(one, other)


@pytest.mark.parametrize("bad", [b"", b"no state at all", b"sheetstream map state 0\n" + bytes(100)])
def test_another_file_is_foreign(bad: bytes) -> None:
    """What `map` did not write, or wrote in another format, is named as such."""
    with pytest.raises(StateError, match="place: not a state") as error:
        unpack(memoryview(bad), source="place")

    assert error.value.reason == "foreign"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-8],
        lambda data: data[:40],
        lambda data: data[:60] + b"!" + data[61:],
        lambda data: data[:-3] + b"!" + data[-2:],
    ],
)
def test_a_torn_or_changed_state_is_damaged(packed: bytes, spoil: Callable[[bytes], bytes]) -> None:
    """A cut end, a cut header and a changed byte are found by length and checksum."""
    with pytest.raises(StateError) as error:
        unpack(memoryview(spoil(packed)), source="place")

    assert error.value.reason == "damaged"
