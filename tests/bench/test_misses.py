"""The list of missed symbols."""

from bench.mapper.misses import miss_lines, missed

GOLD = [
    {"level": "symbol", "file": "a.pdf", "path": "a.h", "kind": "macro", "name": "REG_A", "page": 3},
    {"level": "symbol", "file": "a.pdf", "path": "a.h", "kind": "macro", "name": "REG_B", "page": 4},
    {"level": "symbol", "file": "a.pdf", "path": "a.h", "kind": "macro", "name": "REG_C", "anchors": [{"page": 5}]},
    {"level": "symbol", "file": "a.pdf", "path": "a.h", "kind": "macro", "name": "DELAY", "nil": True, "anchors": []},
]


def _link(name: str, page: int, rank: int = 1) -> dict[str, object]:
    symbol = {"path": "a.h", "name": name}
    return {"level": "symbol", "rank": rank, "symbol": symbol, "datasheet": {"file": "a.pdf"}, "anchor": {"page": page}}


def test_a_symbol_is_missed_without_a_link_or_with_its_best_on_another_page() -> None:
    """A right best link is no miss, a right second one is; a symbol without counterpart is none."""
    misses = missed("set", [_link("REG_A", 3), _link("REG_B", 9), _link("REG_B", 4, rank=2)], GOLD)

    assert [(miss.name, miss.got) for miss in misses] == [("REG_B", 9), ("REG_C", None)]


def test_the_table_counts_and_names_what_was_missed() -> None:
    """A kind's line says how many have no link; each example says what was wanted."""
    lines = list(miss_lines(missed("set", [_link("REG_A", 3), _link("REG_B", 9)], GOLD)))

    assert lines[1] == "  macro: 2 missed, 1 of them without a link"
    assert lines[2].endswith("page 4 wanted, page 9")
