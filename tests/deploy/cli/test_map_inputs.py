"""`sheetstream map` on input that is odd or wrong: what it does, and that it says what came and what was expected."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from mapper.model import Datasheet, Register

MapTree = Callable[..., Result]
REGISTERS = (("Control", 0x00, 4), ("Status", 0x02, 5), ("Rate", 0x03, 6), ("Threshold", 0x07, 6))


def fake_read_sheet(pdf: bytes, *, file: str, parts: Sequence[str] = ()) -> Datasheet:
    """Stand for the sandboxed reader: the bytes are the part number, all parts have the same registers."""
    part = pdf.decode()
    registers = tuple(
        Register(name=name, address=address, page=page, section_path=("Registers", name))
        for name, address, page in REGISTERS
    )
    return Datasheet(
        sha256=part.lower().ljust(64, "0"), file=file, title=part, parts=(part,), family=part.lower(), revision=None,
        num_pages=6, sections=(), registers=registers, pages=(f"{part} datasheet",) * 6,
    )  # fmt: skip


def header(part: str) -> str:
    """Return a driver header with all registers of a part."""
    return "".join(f"#define {part}_REG_{name.upper()} 0x{address:02X}\n" for name, address, _ in REGISTERS)


@pytest.fixture
def map_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MapTree:
    """Return what maps a tree, given as path -> content, with the datasheets of these parts."""
    monkeypatch.setattr("streams.sandbox.read_sheet", fake_read_sheet)

    def run(tree: dict[str, str | bytes], *parts: str) -> Result:
        for path, content in tree.items():
            file = tmp_path / "vendor" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        pdfs = []
        for part in parts:
            pdfs.append(tmp_path / f"{part.lower()}.pdf")
            pdfs[-1].write_text(part)
        words = ["map", tmp_path / "vendor", *pdfs, "-o", tmp_path / "links.jsonl"]
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "links.jsonl").read_text().splitlines()]


def files_of(folder: Path) -> dict[str, set[str]]:
    """Return the accepted files of each datasheet."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines(folder):
        if line["level"] == "file" and line["accepted"]:
            found[line["datasheet"]["file"]].add(line["path"])
    return found


def linked(folder: Path) -> set[str]:
    """Return the names of linked symbols."""
    return {line["symbol"]["name"] for line in lines(folder) if line["level"] == "symbol"}


def test_a_tree_without_code_is_said(map_tree: MapTree, tmp_path: Path) -> None:
    """Texts and pictures only: which kinds of source were looked for, exit code 2, no output file."""
    result = map_tree({"README.md": "# ZQ4071", "doc/zq4071.png": b"\x89PNG\r\n"}, "ZQ4071")

    assert result.exit_code == 2
    assert "no source code found (C, C++, assembler, device tree, Kconfig or linker script expected)" in result.stderr
    assert not (tmp_path / "links.jsonl").exists()


def test_a_datasheet_of_another_part_is_answered_with_nothing(map_tree: MapTree, tmp_path: Path) -> None:
    """The tree is about something else: no accepted file, no link, and one line that says so; that is no error."""
    motor = "#define MOTOR_MAX_SPEED 400\nint motor_start(int speed);\nint motor_stop(void);\n"

    result = map_tree({"src/motor.h": motor, "src/main.c": "int main(void) { return 0; }\n"}, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert files_of(tmp_path) == {}
    assert linked(tmp_path) == set()
    assert "zq4071.pdf: no file is about it" in result.stderr


def test_the_other_parts_driver_is_not_taken_for_it(map_tree: MapTree, tmp_path: Path) -> None:
    """The driver of an unrelated part that shares register names and addresses is not accepted."""
    result = map_tree({"src/xk9033.h": header("XK9033"), "src/xk9033.c": '#include "xk9033.h"\n'}, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert files_of(tmp_path) == {}
    assert "zq4071.pdf: no file is about it" in result.stderr


def test_two_datasheets_of_one_family_keep_to_their_drivers(map_tree: MapTree, tmp_path: Path) -> None:
    """Sibling parts with the same registers: each datasheet has its own part's file, none has the other's."""
    tree = {"src/zq4071.h": header("ZQ4071"), "src/zq4075.h": header("ZQ4075")}

    result = map_tree(tree, "ZQ4071", "ZQ4075")

    assert result.exit_code == 0, result.output
    assert files_of(tmp_path) == {"zq4071.pdf": {"src/zq4071.h"}, "zq4075.pdf": {"src/zq4075.h"}}
    for line in lines(tmp_path):
        if line["level"] == "symbol":
            assert line["symbol"]["name"].startswith(line["datasheet"]["part"])


def test_a_family_driver_serves_both_datasheets(map_tree: MapTree, tmp_path: Path) -> None:
    """One driver with a wildcard in its name, two siblings: both datasheets find it."""
    result = map_tree({"src/zq407x.h": header("ZQ407X")}, "ZQ4071", "ZQ4075")

    assert result.exit_code == 0, result.output
    assert files_of(tmp_path) == {"zq4071.pdf": {"src/zq407x.h"}, "zq4075.pdf": {"src/zq407x.h"}}


def test_circular_includes_end(map_tree: MapTree, tmp_path: Path) -> None:
    """Headers that include each other, and one that includes itself, are read once each."""
    tree = {
        "src/zq4071.h": '#include "zq4071_types.h"\n' + header("ZQ4071"),
        "src/zq4071_types.h": '#include "zq4071.h"\n#include "zq4071_types.h"\ntypedef unsigned char zq4071_u8;\n',
        "src/zq4071.c": '#include "zq4071.h"\nint zq4071_status(void) { return ZQ4071_REG_STATUS; }\n',
    }

    result = map_tree(tree, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert {"ZQ4071_REG_CONTROL", "ZQ4071_REG_STATUS", "zq4071_status"} <= linked(tmp_path)


def test_macros_defined_by_each_other_end(map_tree: MapTree, tmp_path: Path) -> None:
    """A value that refers to itself in a circle has no value; the others have theirs."""
    circle = "#define ZQ4071_A ZQ4071_B\n#define ZQ4071_B ZQ4071_A\n"

    result = map_tree({"src/zq4071.h": circle + header("ZQ4071")}, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert linked(tmp_path) == {f"ZQ4071_REG_{name.upper()}" for name, *_ in REGISTERS}


def test_macros_that_generate_symbols_disturb_nothing_else(map_tree: MapTree, tmp_path: Path) -> None:
    """Names pasted together are not known to a reader without a preprocessor; what is written out is linked."""
    generated = (
        "#define ZQ4071_FIELDS(X) X(gain) X(offset)\n"
        "#define DECLARE(name) int zq4071_get_##name(void); extern int zq4071_##name;\n"
        "ZQ4071_FIELDS(DECLARE)\n"
        "DEFINE_SETTERS(zq4071, gain, offset)\n"
        "enum { ENTRY(FIRST, 1) ENTRY(SECOND, 2) };\n"
    )

    result = map_tree({"src/zq4071.h": generated + header("ZQ4071")}, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert {f"ZQ4071_REG_{name.upper()}" for name, *_ in REGISTERS} <= linked(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "utf-8-sig"])
def test_sources_that_are_not_utf8_are_read(map_tree: MapTree, tmp_path: Path, encoding: str) -> None:
    """A comment in an old encoding, or a byte order mark, costs no symbol."""
    comment = "/* 測定 */" if encoding == "shift_jis" else "/* Schwelle für µV */"

    result = map_tree({"src/zq4071.h": (comment + "\n" + header("ZQ4071")).encode(encoding)}, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert linked(tmp_path) == {f"ZQ4071_REG_{name.upper()}" for name, *_ in REGISTERS}


def test_binary_and_too_large_sources_are_named(map_tree: MapTree, tmp_path: Path) -> None:
    """UTF-16 is binary to a reader of C; a header of 17 MB and a device tree of 3 MB are too large; the rest counts."""
    tree: dict[str, str | bytes] = {
        "src/zq4071.h": header("ZQ4071"),
        "src/wide.h": header("ZQ4071").encode("utf-16"),
        "src/generated.h": "\n" * 17_000_000,
        "src/board.dts": "\n" * 3_000_000,
    }

    result = map_tree(tree, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert "skipped: src/wide.h: " in result.stderr
    assert "binary" in result.stderr
    assert "skipped: src/generated.h: larger than 16000000 bytes" in result.stderr
    assert "skipped: src/board.dts: 3000000 bytes, at most 2000000 expected" in result.stderr.replace("\n", " ")
    assert files_of(tmp_path) == {"zq4071.pdf": {"src/zq4071.h"}}


def test_a_generated_header_of_3_megabytes_is_mapped(map_tree: MapTree, tmp_path: Path) -> None:
    """Registers among thousands of other macros are linked, though the file is too large for the parser."""
    others = "".join(f"#define GENERATED_TABLE_{n} {n} // {'filler ' * 20}\n" for n in range(18_000))

    result = map_tree({"src/zq4071.h": header("ZQ4071") + others}, "ZQ4071")

    assert result.exit_code == 0, result.output
    assert "skipped" not in result.stderr
    assert linked(tmp_path) == {f"ZQ4071_REG_{name.upper()}" for name, *_ in REGISTERS}


def test_a_tree_of_unreadable_files_is_said(map_tree: MapTree) -> None:
    """Not one file could be parsed: how many there were, exit code 2."""
    result = map_tree({"a.c": b"\0\1", "b.h": b"\0\1"}, "ZQ4071")

    assert result.exit_code == 2
    assert "none of its 2 source files could be parsed" in result.stderr.replace("\n", " ")


def test_no_datasheet_could_be_read(map_tree: MapTree, tmp_path: Path) -> None:
    """A missing PDF is named; with none left there is nothing to link, exit code 1."""
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "a.c").write_text("int a;\n")

    result = CliRunner().invoke(
        app, ["map", str(tmp_path / "vendor"), str(tmp_path / "gone.pdf"), "-o", str(tmp_path / "out")]
    )

    assert result.exit_code == 1
    assert "gone.pdf: cannot be read (No such file or directory)" in result.stderr.replace("\n", " ")
    assert "none of the datasheets could be read" in result.stderr
