"""Sections from outline, numbers and style."""

from typing import Any

from mapper.datasheet import read_datasheet
from mapper.datasheet.headings import split_number
from mapper.datasheet.sections import content_hash, path_title


def test_numbered_headings_without_outline(drawing: Any) -> None:
    """Lines of heading size whose numbers follow each other are sections; a numbered list is not."""
    for title in ("1 Overview", "2 Function", "2.1 Modes", "3 Registers"):
        drawing.text(title, size=14, bold=True, down=20)
        drawing.text("Text of the section, long enough to be the usual size on this page of the document.")
        drawing.text("7 items are listed here in the text")
        drawing.text("and another line of text that ends the section.")

    sheet = read_datasheet(drawing.pdf(), file="a.pdf")

    assert [(s.number, s.path) for s in sheet.sections] == [
        ("1", ("Overview",)),
        ("2", ("Function",)),
        ("2.1", ("Function", "Modes")),
        ("3", ("Registers",)),
    ]


def test_styled_headings_without_numbers(drawing: Any) -> None:
    """Larger lines are sections when there is neither outline nor number; their size gives the level."""
    for chapter in ("Overview", "Interface", "Registers"):
        drawing.text(chapter, size=18, down=24)
        for part in ("Purpose", "Use"):
            drawing.text(f"{part} of {chapter}", size=13, bold=True, down=18)
            drawing.text("Text of the section, long enough to be the usual size on this page of the document.")

    sheet = read_datasheet(drawing.pdf(), file="a.pdf")

    assert [s.level for s in sheet.sections] == [1, 2, 2] * 3
    assert sheet.sections[1].path == ("Overview", "Purpose of Overview")


def test_running_lines_belong_to_no_section(drawing: Any) -> None:
    """Headers and footers that repeat on the pages are left out of the text."""
    for page in range(4):
        drawing.text("AB1234 Preliminary", down=40)
        drawing.heading(f"{page + 1} Chapter")
        drawing.text(f"Text of chapter {'abcd'[page]}, which is all that this section says.")
        drawing.y = 800
        drawing.text(f"Page {page + 1} of 4")
        drawing.page()

    sheet = read_datasheet(drawing.pdf(), file="a.pdf")

    assert [s.text for s in sheet.sections] == [
        f"Text of chapter {letter}, which is all that this section says." for letter in "abcd"
    ]


def test_document_without_headings_is_one_section(drawing: Any) -> None:
    """Plain text is one section under the document's title."""
    for _ in range(5):
        drawing.text("Nothing but plain text stands in this short document, line by line.")

    (section,) = read_datasheet(drawing.pdf(), file="plain.pdf").sections

    assert (section.title, section.page, section.end_page) == ("plain", 1, 1)


def test_titles_and_hashes() -> None:
    """Numbers are split off, reset values leave the path, white space does not count in a hash."""
    assert split_number("9.6.3 Config Register") == ("9.6.3", "Config Register")
    assert split_number("Chapter 4: Registers") == ("4", "Registers")
    assert split_number("A register") == (None, "A register")
    assert path_title("CTRL (01h) [reset = 00h]") == "CTRL (01h)"
    assert content_hash(["a b", "c"]) == content_hash(["ab ", "", "c"])
