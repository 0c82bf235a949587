"""Names as words, part numbers, units."""

import pytest

from mapper.linking.index.structure import part_words, unit_directory, unit_stem
from mapper.linking.parts import grade_name, is_part_like
from mapper.linking.words import contradict, name_of, similarity, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("BitFramingReg", ("bit", "framing", "reg")),
        ("TxASKReg2", ("tx", "ask", "reg", "2")),
        ("I2C_MST_CTRL", ("i2c", "mst", "ctrl")),
        ("FORCE_100_ASK", ("force", "100", "ask")),
    ],
)
def test_identifiers_split_at_every_border(text: str, words: tuple[str, ...]) -> None:
    """Underscores, capitals and digits are borders; a bus name is one word."""
    assert split_words(text) == words


def test_abbreviations_compare_equal() -> None:
    """One spelling for all: CFG and configuration, EN and enable, a name without its vowels."""
    assert similarity(name_of("FIFO_CFG"), name_of("FIFO configuration")) == pytest.approx(1.0)
    assert similarity(name_of("ALRM_MIN"), name_of("Minute_alarm")) > 0.7
    assert similarity(name_of("get_low_pass_filter"), name_of("DLPF")) > 0.4


def test_word_borders_do_not_matter() -> None:
    """RFCFG is RFCfgReg."""
    assert similarity(name_of("REG_RFCFG"), name_of("RFCfgReg")) == 1.0


@pytest.mark.parametrize(
    ("left", "right"), [("INT1", "INT2"), ("OUT_H", "OUT_L"), ("ACCEL_X", "ACCEL_Y"), ("RX_MODE", "TX_MODE")]
)
def test_siblings_contradict_each_other(left: str, right: str) -> None:
    """Another number, half, axis or direction is another register."""
    assert contradict(name_of(left).tokens, name_of(right).tokens)
    assert similarity(name_of(left), name_of(right)) < 0.4


@pytest.mark.parametrize(
    ("word", "part", "low", "high"),
    [
        ("zq4071", "zq4071", 1.0, 1.0),
        ("zq4071", "zq4071fvi", 0.85, 0.95),
        ("zq407x", "zq4071", 0.7, 0.9),
        ("zq4071c", "zq4071a", 0.4, 0.6),
        ("zq4072", "zq4071", 0.0, 0.0),
        ("zq407", "zq4071", 0.0, 0.0),
        ("wv4071", "zq4071", 0.0, 0.0),
    ],
)
def test_names_are_graded_against_a_part(word: str, part: str, low: float, high: float) -> None:
    """Equal, without order code, wildcard, sibling, another number, another maker."""
    assert low <= grade_name(word, part) <= high


def test_types_and_standards_are_no_parts() -> None:
    """uint8 and sha256 have letters and digits, but nobody sells them."""
    assert is_part_like("zq4071")
    assert not any(is_part_like(word) for word in ("uint8", "sha256", "i2c0", "gpio12", "utf8", "spi", "x1"))


def test_the_unit_is_what_a_path_names() -> None:
    """Generic folders and driver words fall away."""
    assert unit_directory("components/zq4071/src/a.c") == "components/zq4071"
    assert unit_directory("src/include/a.c") == ""
    assert unit_stem("src/driver_zq4071_interface.h") == "zq4071"
    assert "zq4071" in part_words("SensorZQ4071")
    assert "zq4071" in part_words("zq-4071")
