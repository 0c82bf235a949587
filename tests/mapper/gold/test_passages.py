"""What a reader is shown."""

import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mapper import Datasheet, SourceFile
from mapper.gold import GoldAnchor
from mapper.gold.passages import code_window, passage, printable, section_title
from mapper.model import Section


def test_the_passage_begins_where_the_field_is_described(sheet: Datasheet) -> None:
    """Not at the figure of bits above it."""
    anchor = GoldAnchor(page=5, kind="field", title="Status", register="Status", field="BUSY")

    assert passage(sheet, anchor, radius=1) == ("BUSY[7:0]", "7 BUSY r Busy.")


def test_a_page_that_is_not_there_has_no_passage(sheet: Datasheet) -> None:
    """Neither has one without text."""
    assert passage(sheet, GoldAnchor(page=7, kind="table", title="Rate")) == ()
    assert passage(sheet, GoldAnchor(page=1, kind="table", title="Rate")) == ()


def test_code_is_shown_with_its_neighbours(files: list[SourceFile]) -> None:
    """Numbers are those of the file; the window ends with the file."""
    symbol = next(symbol for symbol in files[0].symbols if symbol.name == "ZQ4071_REG_STATUS")

    assert code_window("a\nb\nc\n#define S 2\ne\n", symbol, radius=1) == ((3, "c"), (4, "#define S 2"), (5, "e"))
    assert code_window("", symbol) == ()


def test_a_type_named_at_its_end_is_shown_from_its_beginning(files: list[SourceFile]) -> None:
    """The lines before a closing brace are the type."""
    symbol = replace(files[0].symbols[0], line=4, end_line=4)

    assert code_window("typedef enum {\n  A,\n  B,\n} t;\n", symbol, radius=0)[0] == (1, "typedef enum {")


def test_nothing_reaches_the_terminal_but_text() -> None:
    """An escape sequence in a datasheet or in code does not move the cursor."""
    assert printable("a\x1b[2Jb") == "a\ufffd[2Jb"


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    """Whatever a PDF or a source file holds."""
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs"} for char in printable(text))


def test_a_page_has_the_title_of_its_last_section(sheet: Datasheet) -> None:
    """The last section that begins on it or before it."""
    sections = tuple(
        Section(title=title, number=None, level=1, path=(title,), page=page, end_page=page, text="", content_hash="")
        for title, page in (("One", 1), ("Two", 3), ("Three", 3), ("Four", 5))
    )

    assert [section_title(replace(sheet, sections=sections), page) for page in (1, 2, 3, 6)] == [
        "One",
        "One",
        "Three",
        "Four",
    ]
