"""Figures against gold labels."""

import pytest

from mapper.errors import FormatError
from mapper.scoring import Ratio, report_object, score


def file_row(path: str, rank: int, *, accepted: bool = True) -> dict[str, object]:
    return {
        "level": "file",
        "datasheet": {"file": "s.pdf"},
        "anchor": None,
        "path": path,
        "rank": rank,
        "accepted": accepted,
    }


def link_row(name: str, page: int, rank: int = 1, line: int = 1) -> dict[str, object]:
    return {
        "level": "symbol",
        "datasheet": {"file": "s.pdf"},
        "anchor": {"page": page},
        "symbol": {"path": "a.c", "name": name, "line": line},
        "rank": rank,
    }


def file_gold(path: str | None, role: str = "primary") -> dict[str, object]:
    return {"level": "file", "file": "s.pdf", "path": path, "role": role}


def label(name: str, page: int) -> dict[str, object]:
    return {
        "level": "symbol",
        "file": "s.pdf",
        "path": "a.c",
        "name": name,
        "kind": "register",
        "page": page,
        "source": "address",
    }


def read_label(name: str, pages: list[int], line: int = 1) -> dict[str, object]:
    anchors = [{"page": page} for page in pages]
    return {
        "level": "symbol",
        "source": "read",
        "file": "s.pdf",
        "path": "a.c",
        "line": line,
        "kind": "macro",
        "name": name,
        "nil": not pages,
        "anchors": anchors,
    }


def test_file_figures_count_hits_and_sets() -> None:
    """The first file decides hit@1; accepted files make the set, support files are right but not required."""
    report = score(
        [file_row("x.c", 1), file_row("a.c", 2), file_row("b.h", 3), file_row("z.c", 4, accepted=False)],
        [file_gold("a.c"), file_gold("c.c"), file_gold("b.h", "support")],
    )

    assert (report.hit_at_1, report.hit_at_3) == (Ratio(hits=0, total=1), Ratio(hits=1, total=1))
    assert (report.set_precision, report.set_recall) == (Ratio(hits=2, total=3), Ratio(hits=1, total=2))


def test_an_absent_part_must_get_nothing() -> None:
    """A gold line without a path makes every accepted file wrong."""
    assert score([file_row("x.c", 1)], [file_gold(None)]).absent == Ratio(hits=0, total=1)
    assert score([file_row("x.c", 1, accepted=False)], [file_gold(None)]).absent == Ratio(hits=1, total=1)


def test_labels_of_one_symbol_are_alternatives() -> None:
    """Any labelled page is right; links to symbols without a label are counted apart."""
    report = score(
        [link_row("A", 9), link_row("B", 3), link_row("C", 1)], [label("A", 8), label("A", 9), label("B", 4)]
    )

    total = report.labelled[-1]
    assert (total.kind, total.precision, total.recall) == ("all", Ratio(hits=1, total=2), Ratio(hits=1, total=2))
    assert report.num_unlabelled == 1


def test_nil_symbols_count_against_precision_only() -> None:
    """A link of a symbol without a counterpart is wrong; a missing one is right."""
    report = score(
        [link_row("A", 5), link_row("N", 5)], [read_label("A", [5]), read_label("N", []), read_label("M", [])]
    )

    total = report.read[-1]
    assert (total.precision, total.recall, total.nil) == (
        Ratio(hits=1, total=2),
        Ratio(hits=1, total=1),
        Ratio(hits=1, total=2),
    )


def test_a_right_lower_link_counts_as_any_anchor() -> None:
    """The top link decides precision and recall, any link the third figure."""
    total = score([link_row("A", 7), link_row("A", 5, rank=2)], [read_label("A", [5])]).read[-1]

    assert (total.recall, total.any_recall) == (Ratio(hits=0, total=1), Ratio(hits=1, total=1))


def test_symbols_of_one_name_are_told_apart_by_line() -> None:
    """Two members of one name in a file: the label speaks about the nearer one."""
    links = [link_row("mode", 3, line=10), link_row("mode", 8, line=90)]

    assert score(links, [read_label("mode", [8], line=88)]).read[-1].recall == Ratio(hits=1, total=1)


def test_a_bad_line_is_named() -> None:
    """The message says where, which field and what was expected."""
    with pytest.raises(FormatError, match=r"links.jsonl:3: path: a text expected, got 5"):
        score([{**file_row("a", 1), "path": 5, "_at": "links.jsonl:3"}], [])


def test_without_anything_there_is_nothing_to_divide() -> None:
    """Empty input gives no share, not zero, also as JSON."""
    files = report_object(score([], []))["files"]

    assert isinstance(files, dict)
    assert files["hit_at_1"] == {"hits": 0, "total": 0, "value": None}
