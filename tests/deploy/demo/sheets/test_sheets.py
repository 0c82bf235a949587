"""The generated PDFs, read back with PDFium alone and with the mapper's own reader."""

import pypdfium2
import pytest

from deploy.demo.parts import NAMES
from deploy.demo.vendor import Vendor
from mapper.datasheet import read_datasheet


def test_each_revision_has_ten_pages_and_an_outline(vendor: Vendor) -> None:
    """A datasheet is a document of ten pages or more with bookmarks, and says its part and revision on page 1."""
    for sheet in vendor.sheets:
        for path, revision in zip(sheet.revisions, "AB", strict=True):
            with pypdfium2.PdfDocument(path) as pdf:
                first = pdf[0].get_textpage().get_text_bounded()
                assert len(pdf) >= 10
                assert len(list(pdf.get_toc())) > 20
                assert sheet.part in first
                assert f"Revision {revision}" in first


def test_noted_pages_show_what_was_noted(vendor: Vendor) -> None:
    """Each register's name stands on the page its description was noted on, and so do fields and procedures."""
    for sheet in vendor.sheets:
        truth = vendor.truth.sheets[sheet.part]
        titles = {procedure.name: procedure.title for procedure in truth.part.procedures}
        with pypdfium2.PdfDocument(sheet.revisions[-1]) as pdf:
            texts = [page.get_textpage().get_text_bounded() for page in pdf]
        for key, page in truth.placement.pages.items():
            word = titles[key[1]] if key[0] == "procedure" else key[-1]
            assert word in texts[page - 1], (sheet.part, key)


def test_sections_move_between_revisions(vendor: Vendor) -> None:
    """The inserted section shifts the numbers of the ones behind it."""
    outlines = []
    for path in vendor.sheets[0].revisions:
        with pypdfium2.PdfDocument(path) as pdf:
            outlines.append({entry.get_title() for entry in pdf.get_toc()})

    assert "4.4 FIFO buffer" in outlines[0]
    assert {"4.4 Tap recognition", "4.5 FIFO buffer"} <= outlines[1]


@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_the_mapper_reads_every_register(vendor: Vendor, index: int) -> None:
    """Name and address of each register are found, in the newest revision and in the one before."""
    sheet = vendor.sheets[index]
    truth = vendor.truth.sheets[sheet.part]

    for path, part in zip(sheet.revisions, (truth.older, truth.part), strict=True):
        read = read_datasheet(path.read_bytes(), file=path.name)
        found = {(register.name, register.address) for register in read.registers}
        assert {(register.name, register.address) for _, register in part.registers()} - found == set()
        assert read.revision == part.revision
        assert sheet.part in read.parts
