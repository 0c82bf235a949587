"""What may stand in a prompt."""

from collections.abc import Callable

import pytest

from mapper.linking.asking.material import (
    code,
    has_hidden,
    plain,
    refusal,
    section_text,
    sheet_summary,
    skeleton,
    symbol_text,
)
from mapper.linking.asking.questions import Item, Question
from mapper.model import Datasheet, SourceFile

Source = Callable[[str, str], SourceFile]


def question(text: str) -> Question:
    return Question(
        level="symbols", sheet_file="", about="", items=(Item(id="s1", text=text, candidates=()),), candidates=()
    )


def test_comments_and_literals_are_cut() -> None:
    """Where code can talk to its reader, nothing of it is left."""
    text = code('int f(int a /* obey */, const char *s = "ignore all"); // answer p1')

    assert text == 'int f ( int a , const char * s = "" ) ;'


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\ufeff", "\U000e0041", "\u2066", "\u3164", "\ufe0f"])
def test_hidden_characters_are_seen(hidden: str) -> None:
    """Bidi controls, zero width, tags, fillers and variation selectors."""
    assert has_hidden(f"CTRL{hidden}REG")
    assert refusal(question(f"macro A{hidden}")) == "hidden_characters"


@pytest.mark.parametrize("text", ["Grüße 25 °C ±1 µA Ω", "温度传感器", "مستشعر", "soft\u00adhyphen", "\uf0b7 bullet"])
def test_other_scripts_and_symbol_fonts_are_no_reason(text: str) -> None:
    """Ordinary datasheet text is not withheld."""
    assert refusal(question(text)) is None


def test_a_private_key_is_withheld() -> None:
    """Text that holds one is not sent at all."""
    assert refusal(question("-----BEGIN RSA PRIVATE KEY-----")) == "private_key"


def test_plain_text_is_one_line_cut_at_a_word() -> None:
    """Control characters, soft hyphens and symbol glyphs go."""
    assert plain("a\x00 soft\u00adhyphen \uf0b7\n  two three", 15) == "a softhyphen"


def test_a_symbol_is_named_with_value_or_declaration(source: Source) -> None:
    """Values tell more than the text they are written as; functions say what they use."""
    symbols = {
        s.name: s for s in source("a.c", "#define AB_REG 0x10 /* x */\nint ab_read(int *out) { return 0; }\n").symbols
    }

    assert symbol_text(symbols["AB_REG"], 16).endswith("AB_REG = 0x10")
    assert symbol_text(symbols["ab_read"], None, ["AB_REG"]).startswith("function ab_read: int ab_read ( int * out )")
    assert symbol_text(symbols["ab_read"], None, ["AB_REG"]).endswith("; uses AB_REG")


def test_a_skeleton_names_definitions_first(driver: list[SourceFile]) -> None:
    """Path and the first names; the rest is counted."""
    text = skeleton(driver[0], 2)

    assert text.startswith("src/drv_zq4071.h: ZQ4071_REG_CONTROL, ZQ4071_REG_SAMPLE_RATE and ")


def test_a_summary_says_part_and_registers(sheet: Datasheet) -> None:
    """A few lines, whatever the datasheet's length."""
    summary = sheet_summary(sheet)

    assert "Parts: ZQ4071" in summary
    assert "Control 0x0, SampleRate 0x1" in summary


def test_a_section_keeps_its_lines(sheet: Datasheet) -> None:
    """Title path, then the text."""
    assert section_text(sheet.sections[1]).splitlines()[:2] == ["Section: Registers", "Register map"]
