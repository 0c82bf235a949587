"""The reader on real datasheets, against register tables read by hand."""

from pathlib import Path

import pytest

from bench.datasheet import TableScore, run, total
from mapper.datasheet import diff_datasheets, read_datasheet
from mapper.model import Datasheet

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def scores(data_dir: Path) -> list[TableScore]:
    """Scores of the first reader on all hand-read tables."""
    return run(data_dir, with_peer=False)


def test_registers_are_found(scores: list[TableScore]) -> None:
    """Name and address agree for nearly all registers, and little else is taken for one."""
    totals = total(scores)

    assert totals["register_recall"] >= 0.98
    assert totals["register_precision"] >= 0.97


def test_fields_and_resets_are_found(scores: list[TableScore]) -> None:
    """Field names with their bits, and reset values, agree."""
    totals = total(scores)

    assert totals["field_recall"] >= 0.97
    assert totals["reset_share"] >= 0.97


def test_no_table_is_lost(scores: list[TableScore]) -> None:
    """Each table is read, not only most of them together."""
    assert {score.part for score in scores if score.registers_found < 0.9 * score.num_registers} == set()


@pytest.fixture(scope="module")
def revisions(data_dir: Path) -> list[Datasheet]:
    """All revisions of the one datasheet of which several are there."""
    files = sorted((data_dir / "datasheets").glob("pulpino__*_datasheet.pdf"))
    return [read_datasheet(path.read_bytes(), file=path.name) for path in files]


def test_revisions_are_one_family(revisions: list[Datasheet]) -> None:
    """Family does not change with the file name or the release."""
    assert len(revisions) >= 6
    assert len({sheet.family for sheet in revisions}) == 1


def test_most_sections_survive_a_revision(revisions: list[Datasheet]) -> None:
    """Between any two releases few sections are added or removed, and registers keep their addresses."""
    for old in revisions:
        for new in revisions:
            changes = diff_datasheets(old, new)
            moved = [c for c in changes if c.what in {"added", "removed"} and c.anchor.startswith("section/")]
            assert len(moved) <= 0.2 * len(new.sections)
