"""Samples of a file."""

import json
from dataclasses import replace

import pytest

from mapper.code import parse_file
from mapper.corpus.build import build_samples
from mapper.corpus.drop import DROP_REASONS, Drop
from mapper.corpus.duplicates import content_hash
from mapper.corpus.holdout import Holdout
from mapper.corpus.passage import passage
from mapper.corpus.sample import SAMPLE_KEYS, Sample, read_entry, sample_entry
from mapper.errors import FormatError
from mapper.model import LLM_ONLY_RULE, Anchor, BitField, Datasheet, Evidence, Register, SourceFile, Symbol, TraceLink

SOURCE = """/* Thermometer. Copyright (c) 2020 Jane Doe */
#include "bus.h"
#define XY12_REG_TEMP 0x05
#define WIFI_PASS "k1ttens&rainbows"

int xy12_read(int *out)
{
    return bus_read(XY12_REG_TEMP, out);
}
"""

TEMP = Register(
    name="TEMP",
    address=5,
    width=16,
    access="r",
    reset=0x1F,
    description="Ambient temperature in steps of the resolution. More prose follows here.",
    fields=(BitField(name="SIGN", high=12, low=12), BitField(name="T", high=11, low=0, access="r", reset=0)),
)


def sheet(**changes: object) -> Datasheet:
    values: dict[str, object] = {
        "sha256": "d" * 64, "file": "xy12.pdf", "title": "XY12", "parts": ("XY12",), "family": "xy12", "revision": "B",
        "num_pages": 9, "sections": (), "registers": (TEMP,),
    }  # fmt: skip
    return Datasheet(**{**values, **changes})  # type: ignore[arg-type]


def link(symbol: Symbol, revision: str, anchor: Anchor) -> TraceLink:
    return TraceLink(
        link_id="ln1_x", revision=revision, sheet_sha256="d" * 64, sheet_file="xy12.pdf", sheet_family="xy12",
        part="XY12",
        anchor=anchor, anchor_id="anc1_x", symbol=symbol, symbol_id="sym1_x", grade="full", score=0.9, method="m1",
        evidence=(),
    )  # fmt: skip


def links_of(file: SourceFile) -> list[TraceLink]:
    symbols = {symbol.name: symbol for symbol in file.symbols}
    register = Anchor(kind="register", title="TEMP", path=("Registers",), page=4, register="TEMP", address=5)
    section = Anchor(kind="section", title="Reading", path=("Operation", "Reading the temperature"), page=3)
    return [link(symbols["XY12_REG_TEMP"], "lr1_b", register), link(symbols["xy12_read"], "lr1_a", section)]


def build(
    text: str, path: str = "src/xy12.c", licence: str | None = "MIT"
) -> tuple[tuple[Sample, ...], tuple[Drop, ...]]:
    file = parse_file(path, text.encode())
    return build_samples(file, text, [], {}, repo_family="acme/xy12", commit="c" * 40, default_licence=licence)


def test_linked_file_carries_its_facts() -> None:
    """The text begins with part, sections and registers with their fields; then comes the code."""
    file = parse_file("src/xy12.c", SOURCE.encode())

    (sample,), drops = build_samples(
        file,
        SOURCE,
        links_of(file),
        {"d" * 64: sheet()},
        repo_family="acme/xy12",
        commit="c" * 40,
        default_licence="MIT",
    )

    assert drops == ()
    assert sample.text.startswith(
        "/*\n * File: src/xy12.c\n * Datasheet: XY12, revision B\n * Section: Operation > Reading the temperature\n"
        " * Register TEMP at 0x05, 16 bits, r, reset 0x1F: Ambient temperature in steps of the resolution\n"
        " *   [12] SIGN\n *   [11:0] T, r, reset 0x0\n */\n"
    )
    assert sample.link_revisions == ("lr1_a", "lr1_b")
    assert sample.sheet_sha256 == "d" * 64


def test_a_link_that_only_a_model_made_teaches_nothing() -> None:
    """Its facts stay out of the sample until a rule agrees; those of other links are told."""
    file = parse_file("src/xy12.c", SOURCE.encode())
    register, section = links_of(file)
    alone = Evidence(rule=LLM_ONLY_RULE, detail="the rules refused it", weight=0.0)

    (sample,), _ = build_samples(
        file,
        SOURCE,
        [register, replace(section, evidence=(alone,))],
        {"d" * 64: sheet()},
        repo_family="f",
        commit="c" * 40,
        default_licence="MIT",
    )

    assert sample.link_revisions == ("lr1_b",)
    assert "Register TEMP" in sample.text
    assert "Reading the temperature" not in sample.text


def test_copy_restricted_sheet_gives_table_facts_alone() -> None:
    """Where copying is forbidden neither titles nor descriptions are told."""
    file = parse_file("src/xy12.c", SOURCE.encode())
    sheets = {"d" * 64: sheet(copy_restricted=True)}

    (sample,), _ = build_samples(
        file, SOURCE, links_of(file), sheets, repo_family="f", commit="c" * 40, default_licence="MIT"
    )

    assert "Register TEMP at 0x05, 16 bits, r, reset 0x1F\n" in sample.text
    assert "Ambient" not in sample.text
    assert "Operation" not in sample.text


def test_unlinked_file_is_a_sample_without_passage() -> None:
    """Code alone is worth reading; secrets and names are out of it."""
    (sample,), drops = build(SOURCE)

    assert sample.text.startswith("/* File: src/xy12.c */\n/* Thermometer. Copyright (c) 2020 <NAME> */\n")
    assert 'WIFI_PASS "<PASSWORD>"' in sample.text
    assert (sample.sheet_sha256, sample.link_revisions, sample.licence, sample.domain) == (None, (), "MIT", "general")
    assert drops == ()


@pytest.mark.parametrize(
    ("path", "text", "licence", "reason"),
    [
        ("README.md", "words " * 20, "MIT", "document"),
        ("generated/a.c", SOURCE, "MIT", "generated"),
        ("a.c", "/* nothing but words in here, and many of them */\n", "MIT", "empty"),
        ("a.c", SOURCE + "\x07", "MIT", "encoding"),
        ("a.c", SOURCE, None, "licence_unknown"),
        ("a.c", SOURCE, "GPL-2.0-only", "licence_refused"),
        ("a.c", SOURCE + "// -----BEGIN PRIVATE " + "KEY-----\n", "MIT", "private_key"),
    ],
)
def test_drop_has_its_reason(path: str, text: str, licence: str | None, reason: str) -> None:
    """What becomes no sample is named with a reason of the closed list."""
    samples, drops = build(text, path, licence)

    assert samples == ()
    assert [drop.reason for drop in drops] == [reason]
    assert reason in DROP_REASONS


def test_long_file_is_cut_at_symbols() -> None:
    """Pieces are at most 24 kB, end between functions, and hold all of the file in order."""
    functions = [
        f"int f{n}(int a)\n{{\n    a += {n};\n\n" + "    a *= 3;\n" * 60 + "    return a;\n}\n\n" for n in range(90)
    ]

    samples, _ = build("".join(functions), "src/long.c")

    assert len(samples) > 2
    assert all(len(sample.text) <= 24_100 for sample in samples)
    assert all(sample.text.endswith("return a;\n}\n") for sample in samples)
    assert sum(sample.text.count("int f") for sample in samples) == 90
    assert samples == build("".join(functions), "src/long.c")[0]


def test_device_tree_and_kconfig_become_samples() -> None:
    """Whole files of other languages, with a comment that is one there."""
    (tree,), _ = build("/dts-v1/;\n/ { soc { uart0: serial@4000 { reg = <0x4000 0x100>; }; }; };\n", "boards/a.dts")
    (config,), _ = build('config XY12\n\tbool "XY12 thermometer"\n\tdefault y\n\thelp\n\t  Say y.\n', "Kconfig")

    assert (tree.domain, tree.text.splitlines()[0]) == ("device_tree", "/* File: boards/a.dts */")
    assert config.text.startswith("# File: Kconfig\nconfig XY12\n")


def test_entry_is_read_back() -> None:
    """A sample survives its shard entry, whatever keys webdataset adds; a missing member is an error that names it."""
    (sample,), _ = build(SOURCE)
    entry = sample_entry(sample)

    assert set(entry) == {"__key__", *SAMPLE_KEYS}
    assert read_entry({**entry, "__url__": "x"}) == sample
    assert "text" not in json.loads(entry["json"])
    with pytest.raises(FormatError, match="no member 'json'"):
        read_entry({"__key__": "k", "txt": b""})
    with pytest.raises(FormatError):
        read_entry({"__key__": "k", "txt": b"", "json": b"{}"})


def test_content_hash_ignores_comments() -> None:
    """Copies that differ in comments and white space are duplicates."""
    assert content_hash("/* a */ int x;\n") == content_hash("int  x ; // b")
    assert content_hash("int x;") != content_hash("int y;")


def test_holdout_names_families() -> None:
    """The digest is of the set, not of its order; capitals do not matter."""
    holdout = Holdout(frozenset({"acme/a", "Acme/B"}))

    assert holdout.excludes("acme/b")
    assert not holdout.excludes("acme/c")
    assert holdout.sha256() == Holdout(frozenset({"acme/B", "acme/a"})).sha256() != Holdout().sha256()


def test_long_passage_keeps_what_is_linked_most() -> None:
    """Beyond its limit a passage leaves out the registers with the least weight, and stays in order of addresses."""
    registers = tuple(Register(name=f"R{n}", address=n, description="word " * 18) for n in range(100))
    symbol = parse_file("a.h", b"#define REG_A 1\n").symbols[0]
    anchors = [Anchor(kind="register", title=f"R{n}", path=(), page=1, register=f"R{n}", address=n) for n in range(100)]
    links = [link(symbol, f"lr1_{n}", anchor) for n, anchor in enumerate([*anchors, *anchors[90:]])]

    lines = passage(sheet(registers=registers), links).splitlines()

    assert sum(map(len, lines)) <= 6000
    assert [line.split()[1] for line in lines[1:]] == [f"R{n}" for n in [*range(len(lines) - 11), *range(90, 100)]]
