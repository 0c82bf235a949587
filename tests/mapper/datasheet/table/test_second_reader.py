"""The second reader, and when it is asked."""

from typing import Any

import pytest

from mapper.datasheet import read_datasheet, reader
from mapper.datasheet.page.pages import open_document
from mapper.datasheet.table.second_reader import second_tables
from mapper.datasheet.table.signs import PageFilter


def test_it_is_not_asked_where_the_first_reader_found_registers(
    monkeypatch: pytest.MonkeyPatch, sample_pdf: bytes
) -> None:
    """A datasheet that reads well never imports the slow library."""
    monkeypatch.setattr(reader, "second_tables", lambda *_: pytest.fail("asked for no reason"))

    read_datasheet(sample_pdf, file="xy1234.pdf")


def test_it_is_never_given_a_restricted_file(monkeypatch: pytest.MonkeyPatch, draw: Any) -> None:
    """A file that forbids copying is not handed on, whatever the first reader misses."""
    from reportlab.lib.pdfencrypt import StandardEncryption

    monkeypatch.setattr(reader, "second_tables", lambda *_: pytest.fail("given a restricted file"))
    monkeypatch.setattr(reader, "register_tables", lambda _: [])
    drawing = draw(encrypt=StandardEncryption("", ownerPassword="owner", canCopy=0, strength=128))
    drawing.table((("Address", "Name", "Reset"), ("0x00", "REG_A", "0x00")), (80, 100, 80))
    drawing.text("Registers, bits and access are described on this page and the next one, too.")

    assert read_datasheet(drawing.pdf(), file="a.pdf").copy_restricted


@pytest.mark.slow
def test_it_reads_a_ruled_table(sample_pdf: bytes) -> None:
    """Its cells, filled with the first reader's words, are a table like the first reader's."""
    with open_document(sample_pdf, "xy1234.pdf") as document:
        pages = list(document.pages(PageFilter()))

    tables = second_tables(sample_pdf, pages[:1])

    assert [cell.text for cell in tables[1][0].rows[1]] == ["0x00", "WHO_AM_I", "R", "0x5A", "identification"]
