"""One tree with one or two datasheets: all three levels together."""

from dataclasses import replace

from mapper.linking import map_tree
from mapper.model import Datasheet, Mapping, SourceFile, TraceLink


def links_of(mapping: Mapping, name: str) -> list[TraceLink]:
    return [link for link in mapping.links if link.symbol.name == name]


def top(mapping: Mapping, name: str) -> TraceLink:
    return next(link for link in links_of(mapping, name) if link.rank == 1)


def test_the_driver_is_accepted_and_its_test_is_not(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Source and header that name the part are the answer; tests, examples and other parts are not."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    assert {f.path for f in mapping.files if f.accepted} == {"src/drv_zq4071.h", "src/drv_zq4071.c"}


def test_an_absent_part_gets_no_file_and_no_link(driver: list[SourceFile], other_sheet: Datasheet) -> None:
    """Equal registers do not make another part's driver the answer."""
    mapping = map_tree(driver, [other_sheet], repo_family="demo")

    assert not [f for f in mapping.files if f.accepted]
    assert not mapping.links


def test_a_register_definition_links_to_description_and_overview(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Address and name agree: the page that prints both in one line comes first, the description follows."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    links = links_of(mapping, "ZQ4071_REG_SAMPLE_RATE")

    assert [(link.anchor.place, link.anchor.page) for link in links] == [("overview", 7), ("description", 9)]
    assert {(link.anchor.register, link.method) for link in links} == {("SampleRate", "address+name")}


def test_siblings_are_told_apart(driver: list[SourceFile], sheet: Datasheet) -> None:
    """The high half's definition does not link to the low half's register."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    assert {link.anchor.register for link in links_of(mapping, "ZQ4071_REG_INT_THRESH_H")} == {"IntThreshH"}


def test_mask_and_shift_link_to_the_field(driver: list[SourceFile], sheet: Datasheet) -> None:
    """A mask and a shift whose values are the field's place stand for the field."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    for name in ("ZQ4071_SAMPLE_RATE_MASK", "ZQ4071_SAMPLE_RATE_SHIFT"):
        assert (top(mapping, name).anchor.kind, top(mapping, name).anchor.field) == ("field", "SAMPLE_RATE")


def test_a_function_links_to_what_its_body_uses(driver: list[SourceFile], sheet: Datasheet) -> None:
    """The reader of one register stands for that register."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    assert top(mapping, "zq4071_read_status").anchor.register == "Status"


def test_an_enum_stands_for_what_the_function_that_takes_it_sets(driver: list[SourceFile], sheet: Datasheet) -> None:
    """The type and its enumerators follow the function that has it as a parameter."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    assert top(mapping, "zq4071_rate_t").anchor.page == 9
    assert top(mapping, "ZQ4071_RATE_FAST").anchor.page == 9


def test_plumbing_gets_no_link(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Initialisation, debug output, handles and include guards have no counterpart."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    for name in ("zq4071_init", "debug_print", "zq4071_handle_t", "delay_ms", "DRV_ZQ4071_H"):
        assert not links_of(mapping, name), name


def test_the_order_of_the_input_does_not_matter(
    driver: list[SourceFile], sheet: Datasheet, other_sheet: Datasheet
) -> None:
    """Two runs over differently ordered input are equal to the byte."""
    forward = map_tree(driver, [sheet, other_sheet], repo_family="demo")

    assert map_tree(driver[::-1], [other_sheet, sheet], repo_family="demo") == forward


def test_link_ids_are_unique(driver: list[SourceFile], sheet: Datasheet) -> None:
    """One symbol and one anchor make one link."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    assert len({link.link_id for link in mapping.links}) == len(mapping.links)


def test_an_empty_tree_maps_to_nothing(sheet: Datasheet) -> None:
    """No files, no links, no error."""
    assert map_tree([], [sheet], repo_family="demo") == Mapping(files=(), links=(), conflicts=())


def test_a_table_printed_on_two_pages_makes_one_link(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Two overviews that list one register are one anchor, on the first of their pages; ranks have no gap."""
    twice = replace(sheet, registers=tuple(replace(r, overview_pages=(7, 12)) for r in sheet.registers))

    links = links_of(map_tree(driver, [twice], repo_family="demo"), "ZQ4071_REG_SAMPLE_RATE")

    assert [link.anchor.page for link in links if link.anchor.place == "overview"] == [7]
    assert [link.rank for link in links] == list(range(1, len(links) + 1))
