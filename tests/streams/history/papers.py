"""Datasheets of the made-up parts as values, their revisions, and the bytes that stand for their PDFs."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mapper.model import BitField, Datasheet, Register, Section
from tests.streams.history.code import ADDRESSES, NAMES, RESETS

MAGIC = b"%PDF-1.7\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A register as printed."""

    name: str
    address: int
    width: int = 8
    access: str = "rw"
    reset: int = 0
    fields: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One release of a datasheet."""

    part: str
    entries: tuple[Entry, ...]
    number: int = 1
    first_page: int = 10
    chapter: str = "Register description"


def first_release(part: str) -> Paper:
    """Return the first release of a part's datasheet."""
    control = (("ENABLE", 0, 0), ("MODE", 2, 1))
    return Paper(
        part=part,
        entries=tuple(
            Entry(
                name=name,
                address=ADDRESSES[name],
                access="r" if name in ("STATUS", "DEVICE_ID") else "rw",
                reset=RESETS.get(name, 0),
                fields=control if name == "CONTROL" else (),
            )
            for name in NAMES
        ),
    )


def revised(paper: Paper, kind: str, pick: int) -> Paper:
    """Return the next release, which differs in one thing."""
    paper = replace(paper, number=paper.number + 1)
    if kind == "pages":
        return replace(paper, first_page=10 + pick % 5)
    if kind == "chapter":
        return replace(paper, chapter=("Register description", "Register map", "Registers")[pick % 3])
    if kind == "add":
        name = (*NAMES, "OFFSET_TRIM", "SELF_TEST")[pick % (len(NAMES) + 2)]
        kept = tuple(entry for entry in paper.entries if entry.name != name)
        return replace(paper, entries=(*kept, Entry(name=name, address=ADDRESSES.get(name, 0x20 + pick % 8))))
    at = pick % max(1, len(paper.entries))
    if not paper.entries:
        return paper
    if kind == "remove":
        return replace(paper, entries=(*paper.entries[:at], *paper.entries[at + 1 :]))
    entry = _revised_entry(paper.entries[at], kind, pick)
    return replace(paper, entries=(*paper.entries[:at], entry, *paper.entries[at + 1 :]))


REVISIONS = ("pages", "chapter", "add", "remove", "rename", "address", "reset", "access", "width", "field", "no_field",
             "same")  # fmt: skip


def _revised_entry(entry: Entry, kind: str, pick: int) -> Entry:
    changes: dict[str, dict[str, Any]] = {
        "rename": {"name": f"{NAMES[pick % len(NAMES)]}_{pick % 2}"},
        "address": {"address": pick % 16},
        "reset": {"reset": pick % 256},
        "access": {"access": ("r", "w", "rw")[pick % 3]},
        "width": {"width": (8, 16)[pick % 2]},
        "field": {"fields": (*entry.fields, (f"BIT{pick % 8}", pick % 8, pick % 8))[-4:]},
        "no_field": {"fields": entry.fields[1:]},
        "same": {},
    }
    return replace(entry, **changes[kind])


def pdf_of(paper: Paper) -> bytes:
    """Return the bytes that are published."""
    return MAGIC + json.dumps(asdict(paper)).encode()


def read_double(pdf: bytes, *, file: str, parts: Sequence[str] = (), **_: object) -> Datasheet:
    """Return what the reader would give for these bytes, as streams.sandbox.read_sheet does."""
    raw = json.loads(pdf.removeprefix(MAGIC))
    entries = tuple(
        Entry(**{**entry, "fields": tuple((n, high, low) for n, high, low in entry["fields"])})
        for entry in raw.pop("entries")
    )
    return _datasheet(Paper(entries=entries, **raw), hashlib.sha256(pdf).hexdigest(), file, parts)


def _datasheet(paper: Paper, sha256: str, file: str, parts: Sequence[str]) -> Datasheet:
    part = paper.part
    overview = f"{part} register map\n" + "\n".join(f"0x{e.address:02X} {e.name} {e.access}" for e in paper.entries)
    front = f"{part} three axis sensor. Ultra low power, digital output, {paper.number} of its datasheet"
    sections = [
        _section("General description", (), 1, front),
        _section(paper.chapter, (), paper.first_page, overview),
        *(
            _section(
                entry.name, (paper.chapter,), paper.first_page + 1 + number // 3, f"{entry.name} 0x{entry.address:02X}"
            )
            for number, entry in enumerate(paper.entries)
        ),
    ]
    registers = tuple(_register(paper, number, entry) for number, entry in enumerate(paper.entries))
    return Datasheet(
        sha256=sha256,
        file=file,
        title=f"{part} three axis sensor",
        parts=tuple(dict.fromkeys((*parts, part))),
        family=part.lower(),
        revision=str(paper.number),
        num_pages=30,
        sections=tuple(sections),
        registers=registers,
        pages=tuple(_page(sections, number) for number in range(1, 31)),
    )


def _section(title: str, above: tuple[str, ...], page: int, text: str) -> Section:
    return Section(
        title=title,
        number=None,
        level=len(above) + 1,
        path=(*above, title),
        page=page,
        end_page=page,
        text=text,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def _register(paper: Paper, number: int, entry: Entry) -> Register:
    page = paper.first_page + 1 + number // 3
    return Register(
        name=entry.name,
        address=entry.address,
        width=entry.width,
        access=entry.access,
        reset=entry.reset,
        fields=tuple(BitField(name=name, high=high, low=low, page=page) for name, high, low in entry.fields),
        page=page,
        overview_pages=(paper.first_page,),
        section_path=(paper.chapter, entry.name),
        reader="ruled",
    )


def _page(sections: Sequence[Section], number: int) -> str:
    return "\n".join(section.text for section in sections if section.page == number)
