"""Small values to put into a ledger."""

from collections.abc import Callable

import pytest

from mapper.ids import anchor_id, link_id, link_revision, symbol_id
from mapper.model import Anchor, Datasheet, Evidence, Register, SourceFile, Symbol, TraceLink


@pytest.fixture
def make_file() -> Callable[..., SourceFile]:
    """Give a function that makes a file of macros: make_file("a.h", CTRL=0x10)."""

    def make(path: str, blob: str = "b1", **macros: int) -> SourceFile:
        symbols = tuple(
            Symbol(path=path, kind="macro", name=name, line=line, end_line=line, value=value, revision=f"r{value}")
            for line, (name, value) in enumerate(macros.items(), start=1)
        )
        return SourceFile(path=path, blob_id=blob, num_bytes=10, language="c", role="driver", symbols=symbols)

    return make


@pytest.fixture
def make_sheet() -> Callable[..., Datasheet]:
    """Give a function that makes a release of a family with these registers."""

    def make(sha256: str = "s1", family: str = "fam", registers: tuple[str, ...] = ("CTRL",)) -> Datasheet:
        return Datasheet(
            sha256=sha256,
            file=f"{family}.pdf",
            title="A part",
            parts=("PART1",),
            family=family,
            revision="A",
            num_pages=3,
            sections=(),
            registers=tuple(Register(name=name, address=at, page=2) for at, name in enumerate(registers)),
        )

    return make


@pytest.fixture
def make_link() -> Callable[..., TraceLink]:
    """Give a function that makes a link of a macro to a register."""

    def make(name: str = "REG_CTRL", register: str = "CTRL", *, path: str = "a.h", sheet: str = "s1") -> TraceLink:
        symbol = Symbol(path=path, kind="macro", name=name, line=1, end_line=1, value=16, revision="r16")
        anchor = Anchor(kind="register", title=register, path=("Registers",), page=2, register=register)
        own, there = symbol_id("repo", path, "macro", name), anchor_id("fam", anchor)
        identity = link_id(own, there)
        return TraceLink(
            link_id=identity,
            revision=link_revision(identity, "r16", sheet, "name"),
            sheet_sha256=sheet,
            sheet_file="fam.pdf",
            sheet_family="fam",
            part="PART1",
            anchor=anchor,
            anchor_id=there,
            symbol=symbol,
            symbol_id=own,
            grade="full",
            score=0.9,
            method="name",
            evidence=(Evidence(rule="name", detail="same name", weight=1.0),),
        )

    return make
