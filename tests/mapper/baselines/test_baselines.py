"""The baselines on a made-up tree: each ranking finds what it can know, and says it as the mapper would."""

import pytest

from mapper.baselines import (
    LEXICAL,
    TextIndex,
    direct_cost,
    link_symbols_by_text,
    make_ranker,
    page_index,
    rank_files_by_part,
    rank_files_by_text,
)
from mapper.baselines.partnumber import part_query
from mapper.baselines.texts import MAX_TEXT_CHARS, text_words
from mapper.errors import MapperError
from mapper.linking.format import file_line, link_line
from mapper.model import Datasheet, Section, Symbol

TREE = {
    "drivers/humidity/qk77xx.c": "/* Humidity, dew point */ int qk77xx_read_humidity(int QK7712) { heater(); }",
    "drivers/motor/step.c": "void step_motor(int coil, int winding) { energise(coil); } // stepper motor driver",
    "drivers/motor/zz4410.c": "void zz4410_turn(int motor) { coil(motor); }",
    "tests/humidity.c": "int relative_humidity_dew_point_heater_test(void) { return humidity; }",
}
PAGES = (
    "QK7712B relative humidity sensor with heater. Dew point.",
    "Heater control. The heater is switched on by HEATER_ENABLE in register USER.",
    "Soft reset command. SOFT_RESET restarts the sensor.",
)


@pytest.fixture
def sheet() -> Datasheet:
    section = Section(
        title="Soft reset",
        number="3",
        level=1,
        path=("Soft reset",),
        page=3,
        end_page=3,
        text=PAGES[2],
        content_hash="c",
    )
    return Datasheet(
        sha256="ab" * 32, file="qk7712.pdf", title="QK7712B", parts=("QK7712B",), family="qk7712 datasheet",
        revision=None, num_pages=3, sections=(section,), registers=(), pages=PAGES,
    )  # fmt: skip


@pytest.fixture
def index() -> TextIndex:
    return TextIndex(TREE.items())


@pytest.mark.parametrize("method", LEXICAL)
@pytest.mark.parametrize("query", ["whole", "page1"])
def test_each_ranking_finds_the_humidity_driver(index: TextIndex, sheet: Datasheet, method: str, query: str) -> None:
    """With tests left out, the file that shares most words with the datasheet comes first, for both queries."""
    ranker = make_ranker(method, index)

    found = rank_files_by_text(index, ranker, sheet, method=method, query=query, by_role=True)  # type: ignore[arg-type]

    assert found[0].path == "drivers/humidity/qk77xx.c"
    assert [f.accepted for f in found] == [rank == 1 for rank in range(1, len(found) + 1)]
    assert file_line(found[0])["evidence"][0]["rule"] == method  # type: ignore[index]


def test_the_part_number_is_the_whole_query(index: TextIndex, sheet: Datasheet) -> None:
    """Only files that have the number without its order letter are ranked."""
    found = rank_files_by_part(index, sheet)

    assert [f.path for f in found] == ["drivers/humidity/qk77xx.c"]


@pytest.mark.parametrize(
    ("part", "query"),
    [("QK7712B", "qk7712"), ("AB-1234CD-Q1", "ab1234"), ("EF18G20", "ef18g20"), ("Ultino", "ultino"), ("A1", None)],
)
def test_order_letters_are_stripped(part: str, query: str | None) -> None:
    """Package code and trailing letters go, letters between digits stay; what is too short asks nothing."""
    assert part_query([part]) == (() if query is None else (query,))


@pytest.mark.parametrize("method", LEXICAL)
def test_each_symbol_is_linked_to_one_page(sheet: Datasheet, method: str) -> None:
    """The page that shares the name's words is the one link; a symbol without a counterpart gets one too."""
    symbols = [
        Symbol(path="a.c", kind="macro", name=name, line=1, end_line=1)
        for name in ("QK_SOFT_RESET", "HEATER_ENABLE", "unrelated")
    ]
    ranker = make_ranker(method, page_index(sheet))

    links = link_symbols_by_text(ranker, sheet, symbols, method=method, repo_family="r")

    assert [link.anchor.page for link in links[:2]] == [3, 2]
    assert links[0].anchor.title == "Soft reset"
    assert len(links) == 3
    assert link_line(links[0])["method"] == method


def test_words_of_identifiers_are_found_whole_and_in_pieces() -> None:
    """A part number inside a camel-case name is a word of its own; numbers are none."""
    assert {"sensorqk7712", "sensor", "qk7712", "qk", "7712", "read"} <= set(text_words("SensorQK7712_read"))
    assert text_words("0x1F") == ()


def test_only_the_beginning_of_a_long_file_is_read(sheet: Datasheet) -> None:
    """Words beyond the limit do not count."""
    index = TextIndex([("a.c", " " * MAX_TEXT_CHARS + "qk7712"), ("b.c", "other")])

    assert rank_files_by_part(index, sheet) == ()


@pytest.mark.parametrize("method", LEXICAL)
def test_empty_trees_and_empty_pages_give_nothing(sheet: Datasheet, method: str) -> None:
    """No file, or none with a word, is an empty answer and no error."""
    for texts in ([], [("1", "")]):
        index = TextIndex(texts)

        assert rank_files_by_text(index, make_ranker(method, index), sheet, method=method) == ()


def test_an_unknown_baseline_is_named() -> None:
    """The message says which there are."""
    with pytest.raises(MapperError, match="tfidf, bm25, vsm, lsi"):
        make_ranker("word2vec", TextIndex([("a", "b")]))


def test_direct_matching_asks_about_every_pair() -> None:
    """Each section is read once a file, each file once a section; time follows from tokens alone."""
    cost = direct_cost([10, 20], [100, 200, 300], 5)

    assert (cost.num_prompts, cost.num_tokens) == (6, 3 * 30 + 2 * 600 + 6 * 5)
    assert cost.seconds == pytest.approx(cost.num_tokens * 0.01 / 1000)
