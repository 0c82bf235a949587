"""Names hidden: no part number is left anywhere, and labels still point at what they pointed at."""

import re

import pytest

from bench.mapper.hidden import NameHider
from mapper.linking.parts import normalise

PARTS = ("ABC1234+", "QRS-77X", "Ultino", "LMN56K78")
PATHS = ("drivers/abc123x/abc123x_regs.h", "src/SensorXYZ987.hpp", "common/ultino.c", "drivers/spi.c")
SOURCE = """/* ABC-1234 driver, also for the abc1230 and ABC 1234; see xyz987 and lmn56k */
#define ABC1234_REG_CTRL1 0x12
int abc123xInit(struct qrs77x *dev, uint32_t i2c1) { printf("\\nabc1234: %d", dev->ultino_id); }
class TouchQRS77X : public XYZ987Base { LMN56 old; };
"""


@pytest.fixture
def hider() -> NameHider:
    return NameHider(PARTS, PATHS)


def test_no_part_number_is_left_in_paths_and_text(hider: NameHider) -> None:
    """Parts, their families and the parts that paths name are gone, however they are spelled."""
    hidden = "\n".join((*map(hider.path, PATHS), hider.text(SOURCE))).lower()

    squeezed = re.sub(r"[-_ ]", "", hidden)
    for word in (*map(normalise, PARTS), "abc123", "xyz987", "lmn56"):
        assert word not in squeezed, word


def test_what_is_no_part_number_stays(hider: NameHider) -> None:
    """Registers, values, types and buses are what a driver is to be found by, so they stay."""
    hidden = hider.text(SOURCE)

    for kept in ("_REG_CTRL1 0x12", "uint32_t i2c1", "Init(struct ", "class Touch", "printf(", "_id"):
        assert kept in hidden
    assert hidden.count("\n") == SOURCE.count("\n")


def test_one_word_has_one_hash_in_its_own_case(hider: NameHider) -> None:
    """The same word is the same hash everywhere, in upper or lower case; a sibling's is another."""
    upper, lower, sibling = hider.text("ABC1234"), hider.text("abc1234"), hider.text("abc1230")

    assert upper.lower() == lower
    assert upper.isupper()
    assert sibling != lower
    assert "abc" not in sibling


def test_labels_follow_the_hidden_tree(hider: NameHider) -> None:
    """A label's path, name and scope are what the hidden file has; its datasheet and page stay."""
    label = {"file": "abc1234.pdf", "path": PATHS[0], "name": "ABC1234_REG_CTRL1", "scope": None, "page": 7}

    (row,) = hider.gold([label])

    assert row["path"] == hider.path(PATHS[0])
    assert f"#define {row['name']} 0x12" in hider.text(SOURCE)
    assert (row["file"], row["page"], row["scope"]) == ("abc1234.pdf", 7, None)


def test_bytes_that_are_no_utf8_are_hidden_too(hider: NameHider) -> None:
    """A latin-1 byte beside a part number neither stops the hiding nor changes."""
    assert hider.data(b"\xb5V ABC1234") == b"\xb5V " + hider.data(b"ABC1234")
