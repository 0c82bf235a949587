"""What linking reads of one file."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.linking.index.facts import SOURCES, file_facts, name_key, name_tokens, pair_keys
from mapper.linking.words import name_of
from mapper.model import SourceFile

from_text = Callable[[str, str], SourceFile]


@given(st.text(alphabet="abREGI2Cx_019xMaskSht", max_size=16))
def test_a_name_is_read_as_everywhere(name: str) -> None:
    """The tokens of a definition are those of the name that level 3 compares."""
    read = name_of(name)

    assert name_tokens(name) == {*read.tokens, read.compact}


@pytest.mark.parametrize(
    ("text", "source_name"),
    [
        ('static const char *ids[] = { "acme,zq4071" };', "string"),
        ('static const char *label = "Acme ZQ4071/ZQ4072 sensor";', "label"),
        ("#define ZQ4071_ID 0x12", "symbol"),
        ("/* for the ZQ4071 */", "header"),
        ("int x; /* like a ZQ4071 */", "text"),
    ],
)
def test_a_part_word_has_the_best_place_it_stands_in(source: from_text, text: str, source_name: str) -> None:
    """An id string says more than a label, a label more than a comment."""
    names = dict(file_facts(source("drivers/accel.c", text + "\n")).names)

    assert SOURCES[names["zq4071"]] == source_name


def test_values_and_their_names_become_keys(source: from_text) -> None:
    """A definition gives one pair for each telling token, and its name with its value."""
    facts = file_facts(source("a.h", "#define AB_REG_SAMPLE_RATE 0x12\n#define AB_NEXT OTHER_NAME\n"))

    assert set(pair_keys([0x12, 0x12], ["sample", "rate"])) <= set(facts.pairs)
    assert (facts.defined.tolist(), facts.values.tolist()) == ([name_key("AB_REG_SAMPLE_RATE")], [0x12])
    assert np.array_equal(facts.pairs, np.unique(facts.pairs))


def test_facts_depend_on_path_and_content_alone(source: from_text) -> None:
    """Two readings of one file agree in every array."""
    text = "#define AB_REG_SAMPLE_RATE 0x12\nint ab_read(void);\n"
    first, second = file_facts(source("a.h", text)), file_facts(source("a.h", text))

    assert np.array_equal(first.words, second.words)
    assert np.array_equal(first.pairs, second.pairs)
