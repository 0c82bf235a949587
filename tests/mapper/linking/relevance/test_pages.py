"""Page -> file, given the files accepted for a datasheet."""

from mapper.linking import map_tree
from mapper.linking.format import file_line, mapping_lines
from mapper.model import Datasheet, SourceFile


def test_a_page_of_a_register_is_about_the_file_that_defines_it(driver: list[SourceFile], sheet: Datasheet) -> None:
    """The header holds the register's definition and its fields, the source only uses them."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    page = [r for r in mapping.pages if r.anchor is not None and r.anchor.page == 9]
    assert (page[0].path, page[0].rank, page[0].accepted) == ("src/drv_zq4071.h", 1, True)
    assert page[0].evidence[0].rule == "links"


def test_pages_are_written_as_file_lines_with_an_anchor(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Files of the datasheet as a whole have no anchor; a page's file names page and section."""
    mapping = map_tree(driver, [sheet], repo_family="demo")

    anchors = [file_line(relevance)["anchor"] for relevance in (*mapping.files, *mapping.pages)]
    assert anchors[: len(mapping.files)] == [None] * len(mapping.files)
    assert all(isinstance(anchor, dict) and anchor["page"] for anchor in anchors[len(mapping.files) :])
    assert {line["level"] for line in mapping_lines(mapping)} == {"file", "symbol"}


def test_a_datasheet_without_files_has_no_pages(driver: list[SourceFile], other_sheet: Datasheet) -> None:
    """Where no file is accepted no page is about one."""
    assert map_tree(driver, [other_sheet], repo_family="demo").pages == ()
