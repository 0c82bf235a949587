"""What changed from one release of a datasheet to the next."""

from dataclasses import replace

from mapper.datasheet import SheetChange, diff_datasheets, read_datasheet
from mapper.datasheet.sections import content_hash
from mapper.model import Datasheet, Section


def _sheet(pdf: bytes) -> Datasheet:
    return read_datasheet(pdf, file="xy1234.pdf")


def _change(anchor: str, what: str, old: str | None, new: str | None) -> SheetChange:
    return SheetChange(anchor=anchor, what=what, old=old, new=new)


def test_same_content_has_no_changes(sample_pdf: bytes) -> None:
    """A file saved again is no new content, even on other pages and under other section numbers."""
    old = _sheet(sample_pdf)
    moved = tuple(replace(section, page=section.page + 1, number=f"9.{section.number}") for section in old.sections)

    assert diff_datasheets(old, replace(old, sections=moved, sha256="0" * 64)) == ()


def test_register_and_field_changes_are_named(sample_pdf: bytes) -> None:
    """Reset, access, bits, added and removed are told by register and field."""
    old = _sheet(sample_pdf)
    identity, control, status = old.registers
    rate, sleep, enable = control.fields
    fields = (replace(rate, high=4), replace(sleep, reset=0), replace(enable, name="ENABLE"))
    new = replace(
        old, registers=(identity, replace(control, reset=1, access="r", fields=fields), replace(status, name="STAT"))
    )

    assert diff_datasheets(old, new) == (
        _change("register/CTRL@0x01", "access", "rw", "r"),
        _change("register/CTRL@0x01", "reset", "0x3", "0x1"),
        _change("field/CTRL.ODR", "bits", "3:2", "4:2"),
        _change("field/CTRL.SLEEP", "reset", "0x1", "0x0"),
        _change("field/CTRL.ENABLE", "name", "EN", "ENABLE"),
        _change("register/STAT@0x02", "name", "STATUS", "STAT"),
    )


def test_added_and_removed_registers(sample_pdf: bytes) -> None:
    """A register on one side only is added or removed."""
    old = _sheet(sample_pdf)
    new = replace(old, registers=(*old.registers[:2], replace(old.registers[2], name="FIFO", address=9)))

    assert diff_datasheets(old, new) == (
        _change("register/FIFO@0x09", "added", None, "FIFO"),
        _change("register/STATUS@0x02", "removed", "STATUS", None),
    )


def _section(title: str, text: str) -> Section:
    digest = content_hash(text.splitlines())
    return Section(title=title, number=None, level=1, path=(title,), page=1, end_page=1, text=text, content_hash=digest)


def test_sections_match_by_title_without_ligatures_and_by_content(sample_pdf: bytes) -> None:
    """A lost ligature and a renamed heading are the same section; only changed text is a change of text."""
    sheet = _sheet(sample_pdf)
    old = (_section("Configuration", "a\nb"), _section("Power", "c\nd\ne"), _section("Gone", "x"))
    new = (_section("Conguration", "a\nB"), _section("Supply", "c\nd\ne"), _section("Fresh", "y"))

    changes = [
        (change.anchor, change.what)
        for change in diff_datasheets(replace(sheet, sections=old), replace(sheet, sections=new))
    ]

    assert changes == [
        ("section/Conguration", "title"),
        ("section/Conguration", "text"),
        ("section/Supply", "title"),
        ("section/Fresh", "added"),
        ("section/Gone", "removed"),
    ]
