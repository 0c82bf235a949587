"""Level 2 in trees that name no part of the datasheet: registers and words decide, siblings stay refused."""

from collections.abc import Callable
from dataclasses import replace

from mapper.linking import map_tree
from mapper.linking.index.facts import file_facts
from mapper.linking.index.lexicon import Lexicon
from mapper.linking.index.state import TreeState
from mapper.linking.relevance.content import is_family
from mapper.linking.relevance.printed import printed_pairs
from mapper.model import Datasheet, FileRelevance, Register, SourceFile

from_text = Callable[[str, str], SourceFile]
NAMES = ("control", "sample_rate", "status", "drive_gain", "int_thresh", "mux_select", "fifo_level", "wake_delay")


def sheet_with(sheet: Datasheet, names: tuple[str, ...]) -> Datasheet:
    registers = [Register(name=name, address=0x20 + at, page=9) for at, name in enumerate(names)]
    return replace(sheet, registers=tuple(registers), pages=(" ".join(names),), sections=())


def definitions(names: tuple[str, ...], first: int = 0x20) -> str:
    return "".join(f"#define REG_{name.upper()} {first + at:#x}\n" for at, name in enumerate(names))


def other_drivers(source: from_text, number: int = 30) -> list[SourceFile]:
    return [
        source(f"drivers/wv{8800 + n}/wv{8800 + n}.c", f"#define WV_MODE_{n} {n}\nint w{n};\n") for n in range(number)
    ]


def ranked(files: list[SourceFile], sheet: Datasheet) -> tuple[FileRelevance, ...]:
    return map_tree(files, [sheet], repo_family="demo").files


def test_rare_registers_outweigh_another_parts_name(source: from_text, sheet: Datasheet) -> None:
    """Among many drivers the one that defines the whole register map is accepted, whatever part it is named after."""
    files = [*other_drivers(source), source("drivers/kt2204/kt2204.c", definitions(NAMES))]

    accepted = [f.path for f in ranked(files, sheet_with(sheet, NAMES)) if f.accepted]

    assert accepted == ["drivers/kt2204/kt2204.c"]


def test_a_member_of_the_parts_family_is_ranked_and_refused(source: from_text, sheet: Datasheet) -> None:
    """A sibling's driver has the same registers; its name says that it is not the part."""
    files = [*other_drivers(source), source("drivers/zq5130/zq5130.c", definitions(NAMES))]

    found = ranked(files, sheet_with(sheet, NAMES))

    assert (found[0].path, found[0].accepted) == ("drivers/zq5130/zq5130.c", False)


def test_registers_that_many_drivers_have_are_no_sign(source: from_text, sheet: Datasheet) -> None:
    """The same registers in a third of the tree's drivers accept none of them."""
    copies = [source(f"drivers/kt{n}/kt{n}.c", f"{definitions(NAMES)}int k{n};\n") for n in range(2200, 2216)]

    assert not [f for f in ranked([*other_drivers(source), *copies], sheet_with(sheet, NAMES)) if f.accepted]


def test_without_registers_words_rank_the_file(source: from_text, sheet: Datasheet) -> None:
    """A part of commands only: the file that speaks of the same things comes first, and is not accepted."""
    words = ("charge_pump", "segment_remap", "multiplex_ratio", "precharge_period")
    plain = replace(sheet_with(sheet, words), registers=())
    text = "".join(f"int panel_{word}(void);\n" for word in words)
    files = [*other_drivers(source), source("drivers/kt2204/kt2204.c", text)]

    found = ranked(files, plain)

    assert (found[0].path, found[0].accepted) == ("drivers/kt2204/kt2204.c", False)


def test_values_printed_beside_words_rank_the_file(source: from_text, sheet: Datasheet) -> None:
    """Commands in running text, defined under a word of their line, tell the driver from one of the same words."""
    lines = "Set contrast: write 81h\nSegment remap A1h\nMultiplex ratio A8h\nPrecharge period 1101 1001\n"
    codes = {"SET_CONTRAST": 0x81, "SEG_SEGMENT": 0xA1, "MULTIPLEX": 0xA8, "PRECHARGE": 0xD9}
    right = "".join(f"#define {name} {value:#x}\n" for name, value in codes.items())
    wrong = "".join(f"#define {name} {value + 1:#x}\n" for name, value in codes.items())
    files = [source("drivers/kt2203/kt2203.c", wrong), source("drivers/kt2204/kt2204.c", right)]

    found = ranked([*other_drivers(source), *files], replace(sheet, registers=(), sections=(), pages=(lines,)))

    assert found[0].path == "drivers/kt2204/kt2204.c"


def test_printed_pairs_are_values_with_the_words_of_their_line(sheet: Datasheet) -> None:
    """Hexadecimal and binary numbers count; plain lines, 0 and 1, and rows of many numbers do not."""
    page = "Reset 1Ah\nmeasure 0010 0011\nOnly words\nDefault 0x00 01h\nrow 0x11 0x12 0x13 0x14 0x15\n"

    assert printed_pairs(replace(sheet, pages=(page,))) == ((0x1A, "reset"), (0x23, "measurement"))


def test_a_family_shares_the_letters_before_the_number() -> None:
    """Other letters or a single one are no family."""
    assert is_family("zq5130", ["zq4071"])
    assert not is_family("kt5130", ["zq4071"])
    assert not is_family("h1f30", ["h4071"])


def test_nearest_files_are_those_with_the_greatest_cosine(source: from_text) -> None:
    """The look-up by heavy words and the cosines of all files agree on the first."""
    texts = ("int charge_pump;", "int fifo_level;", "int fifo_level, wake_delay;")
    files = [source(f"src/file_{at}.c", text) for at, text in enumerate(texts)]
    state = TreeState.of(map(file_facts, files))
    lexicon, words = Lexicon(state), (("fifo", 2), ("wake", 1), ("delay", 1))

    cosines = lexicon.cosines(range(len(files)), words)

    assert lexicon.nearest(words, state.is_original, 1) == (cosines.index(max(cosines)),)
    assert lexicon.nearest(words, state.is_original, 5) == (1, 2)
