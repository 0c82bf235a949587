"""Two readers."""

from collections.abc import Callable

from mapper.gold import GoldLabel, merge_readers

Make = Callable[..., GoldLabel]


def test_a_common_page_is_agreement(make_label: Make) -> None:
    """The merged label counts two readers, has both readers' places, and marks what both named."""
    merge = merge_readers([make_label(9, 4, reader="ann")], [make_label(4, 5, reader="bo")])

    assert merge.disputed == ()
    (label,) = merge.merged
    assert (label.readers, label.reader) == (2, "ann, bo")
    assert [(anchor.page, anchor.agreed) for anchor in label.anchors] == [(4, True), (9, False), (5, False)]


def test_two_times_nil_is_agreement(make_label: Make) -> None:
    """Both say that nothing specifies the symbol."""
    (label,) = merge_readers([make_label()], [make_label()]).merged

    assert label.nil
    assert label.readers == 2


def test_nil_against_a_page_is_disputed(make_label: Make) -> None:
    """So are two readings without a common page; both sides are kept."""
    first = [make_label(), make_label(4, name="B")]
    second = [make_label(5, name="B"), make_label(4)]

    merge = merge_readers(first, second)

    assert merge.merged == ()
    assert merge.disputed == ((first[0], second[1]), (first[1], second[0]))


def test_what_only_one_has_read_is_left_out(make_label: Make) -> None:
    """A symbol without a second reading is neither agreed nor disputed."""
    merge = merge_readers([make_label(4), make_label(4, name="B")], [make_label(4, name="B")])

    assert [label.name for label in merge.merged] == ["B"]


def test_a_conflict_that_one_reader_saw_stays(make_label: Make) -> None:
    """Its note is kept."""
    seen = make_label(4, conflict=True, note="conflict: code 1, datasheet 2")

    (label,) = merge_readers([make_label(4)], [seen]).merged

    assert label.conflict
    assert label.note == "conflict: code 1, datasheet 2"
