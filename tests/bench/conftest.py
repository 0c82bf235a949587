"""A made-up tree, datasheet and labels as the data folder holds them, small enough to measure in a test."""

import json
from pathlib import Path

import pytest

from bench.mapper.sets import Case, Places
from bench.mapper.trees import Tree
from mapper.model import Datasheet, Register

SOURCE = b"""#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_STATUS 0x02
#define ZQ4071_REG_RATE 0x03
#define ZQ4071_REG_THRESHOLD 0x05
int zq4071_set_rate(int rate) { return bus_write(ZQ4071_REG_RATE, rate); }
"""
OTHER = b"int motor_step(int coil) { return energise(coil); }\n"
PAGES = ("ZQ4071B light sensor", "Control register 0x00", "Status register 0x02", "Rate register 0x03", "Threshold")


@pytest.fixture
def sheet() -> Datasheet:
    registers = tuple(
        Register(name=name, address=address, page=page, section_path=("Registers", name))
        for name, address, page in (("Control", 0, 2), ("Status", 2, 3), ("Rate", 3, 4), ("Threshold", 5, 5))
    )
    return Datasheet(
        sha256="ab" * 32, file="zq4071.pdf", title="ZQ4071B", parts=("ZQ4071B",), family="zq4071", revision=None,
        num_pages=5, sections=(), registers=registers, pages=PAGES,
    )  # fmt: skip


@pytest.fixture
def case(sheet: Datasheet) -> Case:
    """One driver among two files, with labels of both sorts."""
    base = {"file": "zq4071.pdf", "path": "drivers/zq4071.c"}
    gold = (
        {"level": "file", **base, "role": "primary"},
        {"level": "symbol", "source": "address", **base, "kind": "register", "name": "ZQ4071_REG_STATUS", "page": 3},
        {"level": "symbol", "source": "read", **base, "kind": "macro", "name": "ZQ4071_REG_RATE", "line": 3,
         "nil": False, "anchors": [{"page": 4}]},
        {"level": "symbol", "source": "read", "file": "zq4071.pdf", "path": "drivers/motor.c", "kind": "function",
         "name": "motor_step", "line": 1, "nil": True, "anchors": []},
    )  # fmt: skip
    return Case(Tree("made up", {"drivers/motor.c": OTHER, "drivers/zq4071.c": SOURCE}), (sheet,), gold)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A data folder and trees of two repositories of one maker, each with one labelled file; no datasheet at hand."""
    for part in ("zq4071", "zq4072"):
        driver = tmp_path / "trees" / f"ld_{part}" / "src" / f"{part}.c"
        driver.parent.mkdir(parents=True)
        driver.write_bytes(SOURCE.replace(b"4071", part[2:].encode()))
        (driver.parent / "common.c").write_bytes(OTHER)
        gold = tmp_path / "data" / "gold" / f"ld_{part}.jsonl"
        gold.parent.mkdir(parents=True, exist_ok=True)
        row = {"level": "symbol", "source": "address", "kind": "register", "name": "X", "page": 1}
        row |= {"file": f"{part}.pdf", "path": f"src/{part}.c"}
        gold.write_text(json.dumps(row) + "\n")
    return Places((tmp_path / "trees",), tmp_path / "data", tmp_path / "cache")
