"""Tests of trainer.packing."""

from hypothesis import given
from hypothesis import strategies as st

from trainer.packing import Packer

DOCUMENTS = st.lists(st.lists(st.integers(1, 9), max_size=12), max_size=12)


def test_documents_are_joined_by_the_separator() -> None:
    """Rows run on over documents, each ended by the separator; the tail is carried."""
    packer = Packer(seq_len=4, separator=0)
    packer.add([1, 2, 3, 4, 5])
    packer.add([6])

    assert packer.num_rows == 2
    assert packer.take(1) == [[1, 2, 3, 4]]
    assert packer.carry == [5, 0, 6, 0]


@given(documents=DOCUMENTS, cut=st.integers(0, 12))
def test_carry_continues_exactly(documents: list[list[int]], cut: int) -> None:
    """A packer made from the carry gives the rows that the first one would have given."""
    whole = Packer(seq_len=5, separator=0)
    first = Packer(seq_len=5, separator=0)
    rows = []
    for document in documents[:cut]:
        first.add(document)
        rows += first.take(first.num_rows)
    second = Packer(seq_len=5, separator=0, carry=first.carry)
    for document in documents[cut:]:
        second.add(document)
    for document in documents:
        whole.add(document)

    assert whole.take(whole.num_rows) == rows + second.take(second.num_rows)
    assert whole.carry == second.carry
