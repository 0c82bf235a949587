"""Characters as PDFium gives them."""

import pytest

from mapper.datasheet.page.glyphs import LINE_HYPHEN, character


@pytest.mark.parametrize(
    ("code", "expected"), [(65, "A"), (0x3A9, "Ω"), (LINE_HYPHEN, "-"), (0xD835, "�"), (0xFFFFFFFF, " ")]
)
def test_every_code_becomes_text_that_can_be_written(code: int, expected: str) -> None:
    """Half a surrogate pair, as fonts with mathematical letters give, is replaced: it cannot be written as UTF-8."""
    assert character(code) == expected
    assert character(code).encode()
