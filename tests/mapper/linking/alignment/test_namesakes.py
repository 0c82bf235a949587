"""Symbols that stand for what a function of the same name stands for."""

from collections.abc import Callable

from mapper.linking import map_tree
from mapper.model import Datasheet, SourceFile, TraceLink

from_text = Callable[[str, str], SourceFile]

HEADER = "#define ZQ4071_REG_CONTROL 0x00\n#define ZQ4071_REG_SAMPLE_RATE 0x01\n#define ZQ4071_REG_STATUS 0x02\n"
SETTER = "int zq4071_set_sample_rate(struct zq4071 *dev) { return wr(ZQ4071_REG_SAMPLE_RATE, dev->sample_rate); }\n"


def links_of(source: from_text, sheet: Datasheet, text: str) -> dict[str, TraceLink]:
    links = map_tree([source("src/zq4071.c", HEADER + text)], [sheet], repo_family="demo").links
    return {link.symbol.name: link for link in links if link.rank == 1}


def test_a_member_stands_for_what_its_setter_writes(source: from_text, sheet: Datasheet) -> None:
    """The setter takes the struct, mentions the member and has its name."""
    links = links_of(source, sheet, "struct zq4071 { int sample_rate; int retries; };\n" + SETTER)

    assert (links["sample_rate"].anchor.register, links["sample_rate"].method) == ("SampleRate", "held value")
    assert "retries" not in links


def test_a_member_of_a_struct_that_no_setter_takes_is_not_its_value(source: from_text, sheet: Datasheet) -> None:
    """The same name in another struct says nothing by itself."""
    links = links_of(source, sheet, "struct zq4071 { int other; };\nstruct request { int retries; };\n" + SETTER)

    assert not {"retries", "other"} & set(links)


def test_a_comment_in_the_datasheets_spelling_says_what_a_member_holds(source: from_text, sheet: Datasheet) -> None:
    """The comment names the field, and a function that uses the member uses the field's register."""
    text = "struct zq4071 { int ready; /* last value of DRDY */ int busy; /* DRDY */ };\n"
    use = "int zq4071_poll(struct zq4071 *dev) { dev->ready = rd(ZQ4071_REG_STATUS); return 0; }\n"

    links = links_of(source, sheet, text + use)

    assert (links["ready"].anchor.register, links["ready"].anchor.field) == ("Status", "DRDY")
    assert "busy" not in links


def test_a_conversion_stands_for_what_the_setter_writes(source: from_text, sheet: Datasheet) -> None:
    """It touches no register, but computes the value of the one that the setter of its name writes."""
    links = links_of(source, sheet, SETTER + "int zq4071_sample_rate_convert_to_data(int reg) { return reg * 3; }\n")

    assert links["zq4071_sample_rate_convert_to_data"].anchor.register == "SampleRate"
