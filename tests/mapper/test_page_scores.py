"""Page -> file against the files of symbol labels."""

from mapper.figures import Ratio
from mapper.page_scores import score_pages


def row(page: int, path: str, rank: int) -> dict[str, object]:
    return {"level": "file", "datasheet": {"file": "s.pdf"}, "anchor": {"page": page}, "path": path, "rank": rank}


def label(name: str, page: int, path: str) -> dict[str, object]:
    return {"level": "symbol", "file": "s.pdf", "path": path, "name": name, "kind": "register", "page": page}


def test_the_first_file_of_a_page_decides() -> None:
    """A page whose labelled symbols lie in the file ranked second counts for the three best only."""
    rows = [row(5, "a.h", 1), row(5, "a.c", 2), row(6, "a.h", 1)]
    gold = [label("A", 5, "a.c"), label("B", 5, "a.c"), label("C", 6, "a.h"), label("D", 6, "a.h")]

    report = score_pages(rows, gold)

    assert (report.hit_at_1, report.hit_at_3) == (Ratio(hits=1, total=2), Ratio(hits=2, total=2))


def test_a_page_without_files_counts_as_wrong_and_one_label_is_too_few() -> None:
    """Two labelled symbols make a page of the gold; a file line without an anchor says nothing about a page."""
    gold = [label("A", 5, "a.c"), label("B", 5, "a.c"), label("C", 6, "a.c")]

    assert score_pages([{**row(5, "a.c", 1), "anchor": None}], gold).hit_at_1 == Ratio(hits=0, total=1)
