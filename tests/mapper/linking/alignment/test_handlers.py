"""Interrupt handlers and vector tables."""

from collections.abc import Callable
from dataclasses import replace

from mapper.linking import map_tree
from mapper.model import Datasheet, SourceFile

VECTORS = """Interrupt vectors
0x7C Interrupt line 31: Timer B compare
0x80 Interrupt line 30: Timer B overflow
0x84 Illegal instruction exception"""
SOURCE = """
void ISR_TB_CMP(void) { for (;;); }
void zq4071_illegal_insn_handler(void) { for (;;); }
void zq4071_watchdog_handler(void) { for (;;); }
"""


def test_a_handler_stands_for_the_line_of_the_vector_table(
    source: Callable[[str, str], SourceFile], sheet: Datasheet
) -> None:
    """The words of its name, abbreviated or as initials, are in one line; a handler without a line gets no link."""
    manual = replace(sheet, pages=(*sheet.pages[:6], VECTORS, *sheet.pages[7:]))

    mapping = map_tree([source("src/zq4071.c", SOURCE)], [manual], repo_family="demo")

    pages = {link.symbol.name: link.anchor.page for link in mapping.links if link.method == "vector table"}
    assert pages == {"ISR_TB_CMP": 7, "zq4071_illegal_insn_handler": 7}
