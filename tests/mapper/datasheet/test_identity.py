"""Part numbers, revision and family of a document."""

from typing import Any

import pytest

from mapper.datasheet import read_datasheet
from mapper.datasheet.identity import Identity, identify
from mapper.datasheet.page.pages import open_document


def _identity(drawing: Any, file: str, title: str = "") -> Identity:
    drawing.text("Filler text so that this page has a usual size of its words, and some of them.")
    drawing.text("More of the same text follows here to make the body the most common size.")
    with open_document(drawing.pdf(), file) as document:
        return identify(tuple(document.pages()), title, file)


def test_parts_of_title_and_large_lines(drawing: Any) -> None:
    """Several parts of one title are all found; document numbers are not taken for parts."""
    drawing.text("AB1233, AB1234", size=22, down=30)
    drawing.text("UM10204 JESD51-7 DS40001234")

    assert _identity(drawing, "ab1234.pdf").parts == ("AB1234", "AB1233")


@pytest.mark.parametrize(
    ("line", "revision"),
    [
        ("Rev. C", "C"),
        ("Revision 1.9_022024", "1.9"),
        ("Rev 4; 10/18", "4"),
        ("Version 2.0", "2.0"),
        ("[v1-02] 2016-Feb-08", "1-02"),
        ("SABC123D - REVISED JANUARY 2018", "D"),
        ("Revision History", None),
    ],
)
def test_revision_as_printed(drawing: Any, line: str, revision: str | None) -> None:
    """The revision is what stands behind the word, or the letter of a literature number."""
    drawing.text("AB1234 converter", size=22, down=30)
    drawing.text(line)

    assert _identity(drawing, "ab1234.pdf").revision == revision


@pytest.mark.parametrize("file", ["ab1234_rev_a.pdf", "AB1234-datasheet-2021-05.pdf", "0852171_ab1234.pdf"])
def test_family_does_not_depend_on_the_file_name(drawing: Any, file: str) -> None:
    """Releases of one document under other file names are one family."""
    drawing.text("AB1234 converter", size=22, down=30)

    assert _identity(drawing, file, "AB1234 converter datasheet (Rev. B)").family == "ab1234 datasheet"


def test_family_tells_kinds_of_documents_apart(drawing: Any) -> None:
    """A register map and a datasheet of one part are two families."""
    drawing.text("AB1234 Register Map and Descriptions", size=22, down=30)

    assert _identity(drawing, "ab1234.pdf").family == "ab1234 register map"


def test_family_without_part_is_the_title(drawing: Any) -> None:
    """A document that names no part is known by its title without revision and date."""
    drawing.text("Microcontroller: Datasheet", size=22, down=30)

    assert _identity(drawing, "abcdef1_datasheet.pdf").family == "microcontroller datasheet"


def test_unreadable_metadata_title_is_not_used(sample_pdf: bytes) -> None:
    """The title falls back to the large line of page 1."""
    assert read_datasheet(sample_pdf, file="x.pdf").title == "XY1234 Pressure sensor"
