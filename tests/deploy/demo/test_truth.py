"""What the vendor knows about itself: gold lines, planted disagreements, changes between revisions."""

from deploy.demo.vendor import Vendor
from mapper.code import is_relevant_path, parse_file


def test_every_gold_symbol_is_in_the_parsed_file(full_vendor: Vendor) -> None:
    """The symbol reader finds each symbol of the truth, on the line the truth names."""
    for repository in full_vendor.repositories:
        tree = list(full_vendor.truth.trees[repository.name].values())[-1]
        found = {
            (path, symbol.name, symbol.line)
            for path, file in tree.items()
            if is_relevant_path(path)
            for symbol in parse_file(path, file.data).symbols
        }

        gold = {
            (line["path"], line["name"], line["line"])
            for line in full_vendor.truth.gold_lines(repository.name)
            if line["level"] == "symbol"
        }

        assert gold - found == set()


def test_anchors_name_a_page_of_the_newest_revision(vendor: Vendor) -> None:
    """A symbol that is not NIL has anchors, each with a page that exists and a title."""
    lines = [line for line in vendor.truth.gold_lines("veldra-drivers") if line["level"] == "symbol"]

    assert any(line["nil"] for line in lines)
    for line in lines:
        num_pages = vendor.truth.sheets[line["part"]].placement.num_pages
        assert line["nil"] == (not line["anchors"])
        assert all(1 <= anchor["page"] <= num_pages and anchor["title"] for anchor in line["anchors"])
        assert len(line["anchors"]) <= 6


def test_file_lines_name_the_primary_files(vendor: Vendor) -> None:
    """Each driver is primary for its part, its test and the vendored copy only support."""
    roles = {
        (line["part"], line["path"]): line["role"]
        for repository in vendor.repositories
        for line in vendor.truth.gold_lines(repository.name)
        if line["level"] == "file"
    }

    assert roles["VLA3160", "src/vla3160/vla3160.c"] == "primary"
    assert roles["VLA3160", "tests/test_vla3160.c"] == "support"
    assert roles["VLR2470", "third_party/veldra-drivers/vlr2470.c"] == "support"


def test_open_conflicts_are_of_every_kind(full_vendor: Vendor) -> None:
    """At the end code contradicts the datasheets in address, width, access, reset and value."""
    assert {conflict.kind for conflict in full_vendor.truth.conflicts} == {
        "address",
        "width",
        "access",
        "reset",
        "value",
    }


def test_a_commit_fixes_a_planted_address(vendor: Vendor) -> None:
    """The wrong address of FIFO_CTRL is there at first and gone in the end."""
    truth = vendor.truth
    first, *_, last = truth.trees["veldra-drivers"]

    def wrong(commit: str) -> list[tuple[str, str]]:
        found = truth.conflicts_at("veldra-drivers", commit)
        return [(c.code_value, c.sheet_value) for c in found if c.symbol == "VLA3160_REG_FIFO_CTRL"]

    assert wrong(first) == [("0x17", "0x18")]
    assert wrong(last) == []
    assert any(c.symbol == "VLA3160_REG_FIFO_CTRL" for c in truth.fixed_by_commit)


def test_revision_b_settles_a_disagreement(vendor: Vendor) -> None:
    """The code knew the reset value of CTRL1 before the datasheet did."""
    settled = {(c.symbol, c.code_value, c.sheet_value) for c in vendor.truth.fixed_by_revision}

    assert ("VLA3160_CTRL1_RESET", "0x17", "0x07") in settled


def test_sheet_changes_are_of_every_kind(vendor: Vendor) -> None:
    """Each part's revision B changes a reset value, adds a field, a register and a section, widens, corrects access."""
    kinds = {"reset", "field_added", "field_widened", "access", "register_added", "section_added"}

    for sheet in vendor.sheets:
        assert kinds <= {change.what for change in vendor.truth.sheet_changes(sheet.part)}


def test_a_vendored_copy_is_identical_to_some_commit(vendor: Vendor) -> None:
    """The copy in the kit is a file the library once had, byte for byte."""
    kit = list(vendor.truth.trees["veldra-sdk"].values())[-1]
    library = {file.data for tree in vendor.truth.trees["veldra-drivers"].values() for file in tree.values()}

    assert kit["third_party/veldra-drivers/vlr2470.h"].data in library


def test_copies_are_not_labelled(vendor: Vendor) -> None:
    """Symbols of a vendored copy have no gold line, and its old mistakes are kept apart."""
    labelled = {line["path"] for line in vendor.truth.gold_lines("veldra-sdk") if line["level"] == "symbol"}
    apart = {conflict.symbol for conflict in vendor.truth.copied_conflicts}

    assert not any(path.startswith("third_party/") for path in labelled)
    assert not any(conflict.path.startswith("third_party/") for conflict in vendor.truth.conflicts)
    assert "VLR2470_PLL_STATUS" in apart
