"""The mapper against the generated vendor's gold: no figure may fall below what was measured, less a small slack."""

from dataclasses import dataclass

import pytest

from deploy.demo.vendor import Vendor
from mapper import map_tree, parse_file, read_datasheet, score
from mapper.code import is_relevant_path
from mapper.linking.format import file_line, link_line
from mapper.model import Mapping
from mapper.scoring import Ratio, ScoreReport

# Measured on the tree that these labels came with; lower them only with a reason, raise them when a change gives more.
SYMBOL_PRECISION = 0.98
SYMBOL_RECALL = 0.93
NIL_LEFT_ALONE = 0.93
FILE_PRECISION = 0.85
CONFLICTS_FOUND = 0.90


@dataclass(frozen=True)
class Measured:
    mapping: Mapping
    report: ScoreReport


@pytest.fixture(scope="module")
def measured(full_vendor: Vendor) -> dict[str, Measured]:
    """Return the mapping of each repository's newest tree with all datasheets, and its figures."""
    newest = [sheet.revisions[-1] for sheet in full_vendor.sheets]
    sheets = [read_datasheet(pdf.read_bytes(), file=pdf.name) for pdf in newest]
    found = {}
    for name, commits in full_vendor.truth.trees.items():
        tree = list(commits.values())[-1]
        files = [parse_file(path, file.data) for path, file in tree.items() if is_relevant_path(path)]
        mapping = map_tree(files, sheets, repo_family=name)
        lines = [*map(file_line, mapping.files), *map(link_line, mapping.links)]
        found[name] = Measured(mapping, score(lines, full_vendor.truth.gold_lines(name)))
    return found


def share(ratios: list[Ratio]) -> float:
    return sum(ratio.hits for ratio in ratios) / sum(ratio.total for ratio in ratios)


def test_symbols(full_vendor: Vendor, measured: dict[str, Measured]) -> None:
    """Top links are right, specified symbols are linked, and symbols that nothing specifies are left alone."""
    every_kind = [entry for each in measured.values() for entry in each.report.read if entry.kind == "all"]

    assert share([entry.precision for entry in every_kind]) >= SYMBOL_PRECISION
    assert share([entry.recall for entry in every_kind]) >= SYMBOL_RECALL
    assert share([entry.nil for entry in every_kind]) >= NIL_LEFT_ALONE


def test_files(full_vendor: Vendor, measured: dict[str, Measured]) -> None:
    """The best file of each datasheet is right, no primary file is missed, an absent part is answered with nothing."""
    reports = [each.report for each in measured.values()]

    assert share([report.hit_at_1 for report in reports]) == 1
    assert share([report.set_recall for report in reports]) == 1
    assert share([report.absent for report in reports]) == 1
    assert share([report.set_precision for report in reports]) >= FILE_PRECISION


def test_conflicts(full_vendor: Vendor, measured: dict[str, Measured]) -> None:
    """Planted disagreements are reported, and nothing else is but those that a vendored copy still has."""
    truth = full_vendor.truth
    planted, copied, reported = set(), set(), set()
    for name, each in measured.items():
        planted |= {(name, c.path, c.symbol, c.kind) for c in truth.conflicts_at(name)}
        copied |= {(name, c.path, c.symbol, c.kind) for c in truth.conflicts_at(name, copies=True)}
        reported |= {(name, c.symbol.path, c.symbol.name, c.kind) for c in each.mapping.conflicts}

    assert len(planted & reported) / len(planted) >= CONFLICTS_FOUND
    assert reported - planted - copied == set()
