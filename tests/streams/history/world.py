"""A vendor, its datasheets, and the operator who adds, pauses and removes them as sources of a plant."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from mapper.ids import repository_id
from streams.blobs import BlobStore
from streams.ledger import sheets, sources
from streams.ledger.engine import reading, writing
from streams.watch.git import EMPTY_TREE
from tests.streams.history.git_double import Mirrors, Remote
from tests.streams.history.papers import Paper, first_release, pdf_of, revised
from tests.streams.history.plant import Plant
from tests.streams.history.vendor import Vendor

GLOBS: tuple[tuple[str, ...], ...] = ((), ("src/*",), ("*.h",), ("drivers/*", "lib/*"))
PINNED: tuple[tuple[str, ...], ...] = ((), ("QX4110",), ("QX4120", "QX4110"))
BRANCHES = (None, "next")
FIRST_TIME = 1_700_000_000


class World(Vendor):
    """All that a plant watches, and what its operator says to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.mirrors = Mirrors(self.objects)
        self.papers: dict[str, Paper] = {}
        self._clock = FIRST_TIME
        self.now = 1.0
        shutil.rmtree(folder / "sheets", ignore_errors=True)
        (folder / "sheets").mkdir(parents=True)
        self.plant = Plant(folder / "home", self.mirrors)
        self.mirrors.remotes[repo_id("a")] = self.remotes["a"]

    def fork(self) -> None:
        """Make the second repository a copy of the first."""
        super().fork()
        self.mirrors.remotes[repo_id("b")] = self.remotes["b"]

    def revise(self, part: str, kind: str, pick: int) -> None:
        """Publish another release of a part's datasheet in its place."""
        self.papers[part] = revised(self.papers[part], kind, pick) if part in self.papers else first_release(part)
        self._write(part, pdf_of(self.papers[part]))

    def _write(self, part: str, data: bytes) -> None:
        self._clock += 60
        path = self.location(part)
        path.write_bytes(data)
        os.utime(path, (self._clock, self._clock))

    def location(self, part: str) -> Path:
        """Return where a part's datasheet is published."""
        return self.folder / "sheets" / f"{part.lower()}.pdf"

    # The operator.

    def add_repository(
        self, remote: str, *, globs: Sequence[str] = (), parts: Sequence[str] = (), branch: str | None = None,
        history: bool = False,
    ) -> None:  # fmt: skip
        """Watch a remote, or change how it is watched."""
        if branch is not None and branch not in self.remotes[remote].branches:
            branch = None
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            added = sources.add_repository(
                conn, url=url_of(remote), now=self.now, branch=branch, parts=parts, path_globs=globs
            )
            if history and added.tip is None:
                sources.record_tip(conn, added.repo_id, EMPTY_TREE)

    def set_repository(self, remote: str, state: str) -> None:
        """Pause, resume or remove a repository that is watched."""
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            known = sources.lock_repository(conn, repo_id(remote))
            if known is None or known.state == "removed":
                return
            if state == "removed":
                sources.remove_repository(conn, known.repo_id, self.now)
            else:
                sources.set_repository_state(conn, known.repo_id, state)

    def add_sheet(self, part: str) -> None:
        """Watch the place of a part's datasheet."""
        if part not in self.papers:
            self.revise(part, "same", 0)
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            sources.add_sheet_source(conn, location=str(self.location(part)), now=self.now)

    def set_sheet(self, part: str, state: str) -> None:
        """Pause, resume or remove the place of a datasheet that is watched."""
        self.now += 1.0
        with writing(self.plant.engine) as conn:
            known = sources.find_sheet_source(conn, str(self.location(part)))
            if known is None or known.state == "removed":
                return
            if state == "removed":
                sources.remove_sheet_source(conn, known.source_id, self.now)
            else:
                sources.set_sheet_source_state(conn, known.source_id, state)

    def lose_caches(self) -> None:
        """Take away what may be made again."""
        shutil.rmtree(self.plant.settings.home / "cache", ignore_errors=True)

    # The watcher.

    def active(self) -> list[str]:
        """Return the ids of the sources that are looked at."""
        with reading(self.plant.engine) as conn:
            repositories = [r.repo_id for r in sources.list_repositories(conn, ("active",))]
            return [*repositories, *(s.source_id for s in sources.list_sheet_sources(conn, ("active",)))]

    def settle(self) -> None:
        """Look and deliver until nothing is new."""
        while True:
            news = sum(self.plant.poll(key) for key in self.active())
            self.plant.drain()
            if not news:
                return

    def resume_changed(self) -> None:
        """Resume the repositories that were paused before anybody looked at what was changed about them."""
        with writing(self.plant.engine) as conn:
            for known in sources.list_repositories(conn, ("paused",)):
                if known.forced_at is not None or known.backfill_tip is not None:
                    sources.set_repository_state(conn, known.repo_id, "active")

    def from_scratch(self) -> Plant:
        """Return a plant that has taken in, at once, what this one watches now."""
        home = self.folder / "scratch"
        mirrors = Mirrors(self.objects)
        plant = Plant(home, mirrors)
        (home / "sheets").mkdir()
        with reading(self.plant.engine) as conn:
            repositories, watched = sources.list_repositories(conn), sources.list_sheet_sources(conn)
            releases = {sheet.source_id: sheet.sha256 for sheet in sheets.list_sheets(conn)}
        blobs = BlobStore(self.plant.settings.home)
        with writing(plant.engine) as conn:
            for known in repositories:
                if known.head is None:
                    continue
                mirrors.remotes[known.repo_id] = Remote(self.objects, {known.branch or "main": known.head})
                sources.add_repository(
                    conn, url=known.url, now=1.0, branch=known.branch, parts=known.parts, path_globs=known.path_globs
                )
            for sheet in watched:
                told = sheet.sha256 or releases.get(sheet.source_id)
                if told is None:
                    continue
                path = home / "sheets" / Path(sheet.location).name
                path.write_bytes(blobs.get(told))
                os.utime(path, (FIRST_TIME, FIRST_TIME))
                sources.add_sheet_source(conn, location=str(path), now=1.0, parts=sheet.parts)
        with reading(plant.engine) as conn:
            keys = [s.source_id for s in sources.list_sheet_sources(conn)]
            keys += [r.repo_id for r in sources.list_repositories(conn)]
        for key in keys:
            plant.poll(key)
        plant.drain()
        return plant

    def close(self) -> None:
        """Give everything back."""
        self.plant.close()


def url_of(remote: str) -> str:
    """Return a remote's address."""
    return f"https://vendor.example/{remote}.git"


def repo_id(remote: str) -> str:
    """Return a remote's id as a source."""
    return repository_id(url_of(remote))
