"""Small trees and labels to draw from, to merge and to check."""

from collections.abc import Callable
from typing import Any

import pytest

from mapper import Datasheet, Mapping, SourceFile, map_tree, parse_file
from mapper.gold import GoldAnchor, GoldLabel
from mapper.model import Register

HEADER = b"""#ifndef ZQ4071_H
#define ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_STATUS 0x02
#define ZQ4071_REG_RATE 0x03
#define ZQ4071_RETRIES 3
struct zq4071_bus { int port; };
int zq4071_open(struct zq4071_bus *bus);
#endif
"""


@pytest.fixture
def files() -> list[SourceFile]:
    """Return one driver header of an invented part."""
    return [parse_file("src/zq4071.h", HEADER)]


@pytest.fixture
def sheet() -> Datasheet:
    """Return its datasheet: three registers on three pages."""
    registers = tuple(
        Register(name=name, address=address, page=page, section_path=("Registers", name))
        for name, address, page in (("Control", 0, 4), ("Status", 2, 5), ("Rate", 3, 6))
    )
    pages = ("", "", "", "3.1 Control\nStarts a conversion.", "3.2 Status\nBUSY[7:0]\n7 BUSY r Busy.", "3.3 Rate")
    return Datasheet(
        sha256="ab" * 32, file="zq4071.pdf", title="ZQ4071", parts=("ZQ4071",), family="zq4071", revision=None,
        num_pages=6, sections=(), registers=registers, pages=pages,
    )  # fmt: skip


@pytest.fixture
def mapping(files: list[SourceFile], sheet: Datasheet) -> Mapping:
    """Return what the mapper proposes."""
    return map_tree(files, [sheet], repo_family="vendor")


Make = Callable[..., GoldLabel]


@pytest.fixture
def make_label() -> Make:
    """Return what makes a label of the pages given, NIL without one."""

    def make(*pages: int, **other: Any) -> GoldLabel:
        values: dict[str, Any] = {
            "file": "zq4071.pdf", "set": "vendor", "path": "src/zq4071.h", "line": 3, "kind": "register",
            "name": "ZQ4071_REG_CONTROL", "scope": None, "nil": not pages,
            "anchors": tuple(GoldAnchor(page=page, kind="description", title=f"Page {page}") for page in pages),
        }  # fmt: skip
        return GoldLabel(**(values | other))

    return make
