"""A made-up chip, its datasheet and its driver as values, for the linking rules."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from mapper.code import parse_file
from mapper.model import BitField, Datasheet, Register, Section, SourceFile

HEADER = """
#ifndef DRV_ZQ4071_H
#define DRV_ZQ4071_H
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS 0x02
#define ZQ4071_REG_INT_THRESH_H 0x05
#define ZQ4071_REG_INT_THRESH_L 0x06
#define ZQ4071_SAMPLE_RATE_MASK 0x70
#define ZQ4071_SAMPLE_RATE_SHIFT 4
typedef enum { ZQ4071_RATE_SLOW = 0, ZQ4071_RATE_FAST = 1 } zq4071_rate_t;
typedef struct { void (*delay_ms)(unsigned ms); int inited; } zq4071_handle_t;
int zq4071_set_sample_rate(zq4071_handle_t *handle, zq4071_rate_t rate);
#endif
"""
SOURCE = """
#include "drv_zq4071.h"
int zq4071_init(zq4071_handle_t *handle) { handle->inited = 1; return 0; }
int zq4071_set_sample_rate(zq4071_handle_t *handle, zq4071_rate_t rate)
{
    return bus_write(handle, ZQ4071_REG_SAMPLE_RATE, rate << ZQ4071_SAMPLE_RATE_SHIFT);
}
int zq4071_read_status(zq4071_handle_t *handle) { return bus_read(handle, ZQ4071_REG_STATUS); }
static void debug_print(const char *text) { log(text); }
"""

REGISTER_PATH = ("Registers",)


def _register(name: str, address: int, page: int, fields: tuple[BitField, ...] = (), access: str = "rw") -> Register:
    return Register(
        name=name,
        address=address,
        width=8,
        access=access,
        reset=0,
        fields=fields,
        page=page,
        overview_pages=(7,),
        section_path=(*REGISTER_PATH, f"{name} register"),
        reader="ruled",
    )


REGISTERS = (
    _register("Control", 0x00, 8, (BitField(name="EN", high=0, low=0, access="rw", page=8),)),
    _register("SampleRate", 0x01, 9, (BitField(name="SAMPLE_RATE", high=6, low=4, access="rw", page=9),)),
    _register("Status", 0x02, 10, (BitField(name="DRDY", high=0, low=0, access="r", page=10),), access="r"),
    _register("IntThreshH", 0x05, 11),
    _register("IntThreshL", 0x06, 11),
)
PAGES = (
    "ZQ4071 three axis sensor",
    *[""] * 5,
    "Register map\n0x00 Control\n0x01 SampleRate\n0x02 Status",
    "Control register",
    "SampleRate register",
    "Status register",
    "IntThreshH IntThreshL",
)


def section(title: str, page: int, text: str = "", path: tuple[str, ...] = ()) -> Section:
    """Return a section without sub-sections."""
    digest = hashlib.sha256(f"{title}{text}".encode()).hexdigest()
    return Section(
        title=title,
        number=None,
        level=len(path) + 1,
        path=(*path, title),
        page=page,
        end_page=page,
        text=text,
        content_hash=digest,
    )


@pytest.fixture
def sheet() -> Datasheet:
    """The datasheet of the made-up chip: five registers on pages 7 to 11, limits on page 3."""
    sections = (
        section("Recommended operating conditions", 3, "Supply voltage 1.7 V to 3.6 V"),
        section("Registers", 7, PAGES[6]),
    )
    return Datasheet(
        sha256="ab" * 32,
        file="zq4071.pdf",
        title="ZQ4071 three axis sensor",
        parts=("ZQ4071",),
        family="zq4071",
        revision="1.0",
        num_pages=len(PAGES),
        sections=sections,
        registers=REGISTERS,
        pages=PAGES,
    )


@pytest.fixture
def other_sheet(sheet: Datasheet) -> Datasheet:
    """A datasheet of a part that no tree here has, with the same registers."""
    return replace(
        sheet,
        sha256="cd" * 32,
        file="wv8830.pdf",
        parts=("WV8830",),
        family="wv8830",
        title="WV8830",
        pages=("WV8830 sensor",),
    )


@pytest.fixture
def source() -> Callable[[str, str], SourceFile]:
    """What turns a path and a text into a parsed file."""
    return lambda path, text: parse_file(path, text.encode())


@pytest.fixture
def driver(source: Callable[[str, str], SourceFile]) -> list[SourceFile]:
    """The driver of the made-up chip beside an unrelated one, a test and an example."""
    return [
        source("src/drv_zq4071.h", HEADER),
        source("src/drv_zq4071.c", SOURCE),
        source("src/drv_kt220.h", "#define KT220_REG_GAIN 0x01\n#define KT220_REG_OFFSET 0x09\n"),
        source("test/zq4071_test.c", '#include "drv_zq4071.h"\nint main(void) { return ZQ4071_REG_STATUS; }\n'),
        source("example/zq4071_basic.c", '#include "drv_zq4071.h"\nint basic(void) { return 0; }\n'),
    ]
