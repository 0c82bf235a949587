"""Build the generated vendor: datasheets in two revisions, repositories with history, held-out code, and the truth."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.domains.held_out import write_held_out
from deploy.demo.gold import write_gold
from deploy.demo.parts import NAMES, device
from deploy.demo.repositories.drivers import drivers_history
from deploy.demo.repositories.drivers_tree import FIRST_SHEET_DATE
from deploy.demo.repositories.history import publish_commit, write_history
from deploy.demo.repositories.sdk import sdk_history
from deploy.demo.repositories.state import History
from deploy.demo.revisions import older
from deploy.demo.sheets import write_sheet
from deploy.demo.truth import SheetTruth, Tree, Truth


@dataclass(frozen=True, slots=True)
class VendorRepository:
    """A bare repository whose history can be published step by step."""

    name: str
    path: Path
    num_commits: int
    milestones: tuple[str, ...]
    """Commit ids to publish one after the other; the last one is the newest commit."""


@dataclass(frozen=True, slots=True)
class VendorSheet:
    """A datasheet's revisions."""

    part: str
    revisions: tuple[Path, ...]
    """PDF files, oldest first."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """All that was generated."""

    repositories: tuple[VendorRepository, ...]
    sheets: tuple[VendorSheet, ...]
    held_out: Path
    """Source trees of another origin that are never published, one folder a family."""
    truth: Truth


def build_vendor(out: Path, *, seed: int = 7, small: bool = False) -> Vendor:
    """Write a vendor below a folder, the same for the same arguments; what was there before is replaced.

    Of each repository the first milestone is published. The gold lines of the last commits are written beside
    (truth/<repository>.jsonl).
    """
    sheets: list[VendorSheet] = []
    known: dict[str, SheetTruth] = {}
    for name in NAMES:
        sheet, truth = _write_sheets(out / "sheets", name)
        sheets.append(sheet)
        known[sheet.part] = truth
    histories = {"veldra-drivers": drivers_history(small=small), "veldra-sdk": sdk_history(seed=seed, small=small)}
    repositories: list[VendorRepository] = []
    trees: dict[str, Mapping[str, Tree]] = {}
    for name, history in histories.items():
        repository, commits = _write_repository(out / "git", name, history)
        repositories.append(repository)
        trees[name] = dict(zip(commits, history.trees, strict=True))
    truth_of_all = Truth(known, trees)
    shutil.rmtree(out / "truth", ignore_errors=True)
    write_gold(out / "truth", truth_of_all)
    held_out = out / "held_out"
    write_held_out(held_out, seed=seed, small=small)
    return Vendor(tuple(repositories), tuple(sheets), held_out, truth_of_all)


def publish(repository: VendorRepository, upto_index: int) -> str:
    """Move a repository's main branch to a milestone and return its commit id."""
    commit = repository.milestones[upto_index]
    publish_commit(repository.path, commit)
    return commit


def _write_sheets(folder: Path, name: str) -> tuple[VendorSheet, SheetTruth]:
    folder.mkdir(parents=True, exist_ok=True)
    part, changes = device(name)
    old = older(part, changes, revision="A", date=FIRST_SHEET_DATE)
    paths = tuple(folder / f"{name}_datasheet_rev_{p.revision.lower()}.pdf" for p in (old, part))
    write_sheet(old, paths[0])
    placement = write_sheet(part, paths[1], history=changes)
    return VendorSheet(part.number, paths), SheetTruth(part, old, changes, paths[1].name, placement)


def _write_repository(folder: Path, name: str, history: History) -> tuple[VendorRepository, tuple[str, ...]]:
    path = folder / f"{name}.git"
    commits = write_history(path, history.snapshots)
    repository = VendorRepository(name, path, len(commits), tuple(commits[index] for index in history.steps))
    publish(repository, 0)
    return repository, commits
