"""Glyphs to words, words to lines, strokes to rules."""

from mapper.datasheet.page.layout import Glyph, Style, Word, join_words, lines_of, words_of
from mapper.datasheet.page.rules import Rule, join_rules

STYLES = (Style(10.0, False), Style(5.0, False))


def _glyphs(text: str, x: float, y: float, style: int = 0) -> list[Glyph]:
    size = STYLES[style].size
    return [(c, x + i * size / 2, y, x + (i + 1) * size / 2, y + size, style) for i, c in enumerate(text)]


def _word(text: str, left: float, top: float, width: float | None = None) -> Word:
    return Word(text, left, top, left + (width or 5.0 * len(text)), top + 10, 10.0, False)


def test_ligatures_are_spelled_out() -> None:
    """NFKC turns the fi ligature into its letters."""
    assert [word.text for word in words_of(_glyphs("con\ufb01g", 0, 0), STYLES)] == ["config"]


def test_raised_small_letter_is_a_word_of_its_own() -> None:
    """A footnote letter is parted from the name before it and left out of the joined text."""
    words = words_of(_glyphs("NAME", 0, 10) + _glyphs("a", 20, 9, 1), STYLES)

    assert [(word.text, word.is_raised) for word in words] == [("NAME", False), ("a", True)]
    assert join_words(words) == "NAME"


def test_two_columns_of_prose_are_read_one_after_the_other() -> None:
    """Lines of the left column come before those of the right one; a line across both stays whole."""
    words = [_word("Heading over the whole width of this page", 50, 20, 400)]
    for row in range(8):
        words += [_word(f"left{row}", 50 + 45 * i, 50 + 12 * row, 40) for i in range(4)]
        words += [_word(f"right{row}", 300 + 45 * i, 50 + 12 * row, 40) for i in range(4)]

    lines = [line.text.split()[0] for line in lines_of(words, 530)]

    assert lines == ["Heading", *(f"left{row}" for row in range(8)), *(f"right{row}" for row in range(8))]


def test_rows_of_a_table_stay_whole() -> None:
    """Columns of short cells are no prose, so a table's rows are not split at a gap near the middle."""
    words = [_word(text, x, 50 + 12 * row) for row in range(8) for text, x in (("0x01", 60), ("NAME", 330))]

    assert [line.text for line in lines_of(words, 530)] == ["0x01 NAME"] * 8


def test_dashes_and_double_strokes_are_one_rule() -> None:
    """Dashes on one height join over small gaps, a second stroke beside them is dropped, short remains too."""
    strokes = [Rule(True, 100.0, x, x + 4) for x in range(0, 60, 6)]
    strokes += [Rule(True, 101.0, 0, 58), Rule(False, 5.0, 0, 3)]

    assert join_rules(strokes) == (Rule(True, 100.0, 0, 58),)
