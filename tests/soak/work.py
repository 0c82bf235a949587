"""The work loads: repositories and datasheets on disk, read once, and the input records they give, step by step.

Reading them is the watcher's own code with a producer that keeps what it is given. Sources never change afterwards, so
all runs share them, and a watcher that looks at them tells the same events.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine

from deploy.demo.model import Part
from deploy.demo.parts import NAMES, device
from deploy.demo.repositories.history import Snapshot, publish_commit, write_history
from deploy.demo.vendor import build_vendor, publish
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.ledger import sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.topics import COMMITS
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

AUTHOR = "Soak <soak@vendor.example>"
SHEET_TIME = 1_700_000_000.0
REGISTERS = 6
Step = tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A work load."""

    name: str
    home: Path
    """Holds mirrors and blobs as the watcher makes them."""
    repositories: Mapping[str, tuple[str, ...]]
    """URL -> parts."""
    sheets: Mapping[str, tuple[str, ...]]
    """Location -> parts."""
    steps: tuple[Step, ...]
    exact: bool
    """Whether the whole history is the same in every run, as each step is settled before the next."""

    def untold(self, conn: Connection) -> int:
        """Return how many sources a watcher has not told to their end, by the ledger."""
        commits = [json.loads(r.value or b"") for step in self.steps for r in step if r.topic == COMMITS.name]
        tips = {commit["repo_id"]: commit["commit"] for commit in commits}
        found = [repository.tip == tips[repository.repo_id] for repository in sources.list_repositories(conn)]
        found += [source.sha256 is not None for source in sources.list_sheet_sources(conn)]
        return found.count(False)

    def add_sources(self, engine: Engine) -> None:
        """Make a ledger know the sources, from which nothing was told yet."""
        with writing(engine) as conn:
            for url, parts in self.repositories.items():
                added = sources.add_repository(conn, url=url, now=1.0, parts=parts)
                sources.record_tip(conn, added.repo_id, EMPTY_TREE)
            for location, parts in self.sheets.items():
                sources.add_sheet_source(conn, location=location, now=1.0, parts=parts)

    def fill(self, home: Path) -> None:
        """Give a home the mirrors and blobs."""
        for name in ("mirrors", "blobs"):
            if (self.home / name).exists():
                shutil.copytree(self.home / name, home / name)


def stepped(folder: Path, sheets: Path) -> Work:
    """Return the small work load: three repositories with four commits each, a datasheet in two revisions, one in one.

    No step has two things that could be the cause of the same change of a link.
    """
    parts = ("VLA3160", "VLP2630", "VLA3160")
    urls = {write_repository(folder / f"step{n}.git", part, n, 4): (part,) for n, part in enumerate(parts)}
    first, second = _sheet(folder, sheets, "VLA3160", "a"), _sheet(folder, sheets, "VLA3160", "b")
    other = _sheet(folder, sheets, "VLP2630", "b")
    reader = _Reader(folder / "home", urls, {first: (), second: (), other: ()})
    commits = [tuple(step) for step in reader.commit_steps()]
    steps = (reader.sheet(first), commits[0], reader.sheet(other), commits[1], reader.sheet(second), *commits[2:])
    return reader.work("stepped", steps, exact=True)


def short(folder: Path, sheets: Path) -> Work:
    """Return a work load like `stepped` in half the steps: two repositories, three commits each, a datasheet."""
    urls = {write_repository(folder / f"step{n}.git", "VLA3160", n, 3): ("VLA3160",) for n in range(2)}
    first, second = _sheet(folder, sheets, "VLA3160", "a"), _sheet(folder, sheets, "VLA3160", "b")
    reader = _Reader(folder / "home", urls, {first: (), second: ()})
    commits = [tuple(step) for step in reader.commit_steps()]
    steps = (reader.sheet(first), commits[0], reader.sheet(second), *commits[1:])
    return reader.work("stepped", steps, exact=True)


def vendor(folder: Path, sheets: Path, *, repositories: int = 4, commits: int = 12) -> Work:
    """Return the large work load: the generated vendor's repositories and datasheets, and more repositories for volume.

    Everything is told at once, so that what the agents find depends on who is first.
    """
    urls: dict[str, tuple[str, ...]] = {}
    for repository in build_vendor(folder / "vendor", small=True).repositories:
        publish(repository, -1)
        urls[str(repository.path)] = ()
    for number in range(repositories):
        part = device(NAMES[number % len(NAMES)])[0].number
        urls[write_repository(folder / f"volume{number}.git", part, 100 + number, commits)] = (part,)
    locations = {_sheet(folder, sheets, device(name)[0].number, letter): () for name in NAMES for letter in "ab"}
    reader = _Reader(folder / "home", urls, locations)
    everything = [record for location in locations for record in reader.sheet(location)]
    everything += [record for step in reader.commit_steps() for record in step]
    return reader.work("vendor", (tuple(everything),), exact=False)


def write_sheets(folder: Path) -> Path:
    """Write every datasheet of the generated vendor and return their folder."""
    from deploy.demo.vendor import _write_sheets

    for name in NAMES:
        _write_sheets(folder, name)
    return folder


def write_repository(path: Path, part_number: str, seed: int, commits: int) -> str:
    """Write a repository with a driver of a part, its whole history published; return its URL."""
    part = next(found for found, _ in map(device, NAMES) if found.number == part_number)
    trees = [_tree(part, seed, commit) for commit in range(commits)]
    ids = write_history(path, [Snapshot(f"change {n}", AUTHOR, float(n), tree) for n, tree in enumerate(trees)])
    publish_commit(path, ids[-1])
    return str(path)


def _tree(part: Part, seed: int, commit: int) -> dict[str, bytes]:
    """Return a driver at a commit: registers come, a value turns wrong and right again, a file is renamed, one goes."""
    prefix, licence = part.number, "/* SPDX-License-Identifier: MIT */\n"
    registers = [register for _, register in part.registers()]
    chosen = [registers[(seed + step) % len(registers)] for step in range(REGISTERS + commit)]
    wrong = commit % 3  # of one register, each commit another
    defines = "".join(
        f"#define {prefix}_REG_{r.name} 0x{r.address ^ (0x40 if commit and at == wrong else 0):02X}\n"
        for at, r in enumerate(dict.fromkeys(chosen))
    )
    functions = "".join(
        f"int {prefix.lower()}_{r.name.lower()}_{seed}(struct bus *bus, int value)\n{{\n"
        f"\treturn bus_write(bus, {prefix}_REG_{r.name}, value + {seed * 100 + commit});\n}}\n"
        for r in dict.fromkeys(chosen)
    )
    lower, source = prefix.lower(), "io" if commit % 4 == 2 else "core"
    tree = {
        f"{lower}_regs.h": f"{licence}/* registers of the {prefix}, driver {seed} */\n{defines}".encode(),
        f"{lower}_{source}.c": f'{licence}#include "{lower}_regs.h"\n{functions}'.encode(),
        "README.md": f"Driver {seed} of the {prefix}, change {commit}.\n".encode(),
    }
    if commit % 2 == 0:
        tree[f"extra_{seed}.c"] = (
            f"{licence}int extra_{seed}_{commit}(int a) {{ return a * {seed + commit}; }}\n".encode()
        )
    return tree


def _sheet(folder: Path, sheets: Path, part: str, letter: str) -> str:
    """Publish one revision of a datasheet; later letters are newer. Return where it lies."""
    target = folder / f"{part.lower()}_{letter}.pdf"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sheets / f"{part.lower()}_datasheet_rev_{letter}.pdf", target)
    seconds = SHEET_TIME + 86400 * (ord(letter) - ord("a"))
    os.utime(target, (seconds, seconds))
    return str(target)


@dataclass(slots=True)
class _Kept:
    """A producer that keeps what it is given."""

    records: list[Outgoing] = field(default_factory=list)

    def send(self, records: Sequence[Outgoing]) -> None:
        self.records += records


class _Reader:
    """Reads all sources once, as the watcher does."""

    def __init__(
        self, home: Path, repositories: Mapping[str, tuple[str, ...]], sheets: Mapping[str, tuple[str, ...]]
    ) -> None:
        home.mkdir(parents=True)
        self._work = Work(name="", home=home, repositories=repositories, sheets=sheets, steps=(), exact=False)
        settings = StreamsSettings(home=home, database_url=f"sqlite:///{home / 'prepare.db'}")
        engine = open_ledger(settings.database_url)
        upgrade(engine)
        self._work.add_sources(engine)
        kept = _Kept()
        poller = Poller(settings, engine, kept, BlobStore(home), StreamsMetrics(CollectorRegistry()))  # type: ignore[arg-type]
        self._commits: list[list[Outgoing]] = []
        self._sheets: dict[str, Step] = {}
        with reading(engine) as conn:
            found = sources.list_repositories(conn), sources.list_sheet_sources(conn)
        for repository in found[0]:
            kept.records = []
            poller.poll_repository(repository)
            self._commits.append(kept.records)
        for source in found[1]:
            kept.records = []
            poller.poll_sheet(source)
            self._sheets[source.location] = tuple(kept.records)
        engine.dispose()

    def commit_steps(self) -> Iterator[list[Outgoing]]:
        """Yield the first commit of every repository, then the second, and so on."""
        for step in zip_longest(*self._commits):
            yield [record for record in step if record is not None]

    def sheet(self, location: str) -> Step:
        """Return the step that publishes a datasheet."""
        return self._sheets[location]

    def work(self, name: str, steps: Sequence[Step], *, exact: bool) -> Work:
        base = self._work
        return Work(
            name=name,
            home=base.home,
            repositories=base.repositories,
            sheets=base.sheets,
            steps=tuple(steps),
            exact=exact,
        )
