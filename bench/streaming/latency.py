"""How long from a commit seen by the watcher to its links in the ledger: watcher and worker as they run for users."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.streaming.place import Place, new_place
from bench.streaming.vendor import driver_tree, small_commits, snapshots, write_sheets
from deploy.demo.repositories.history import publish_commit, write_history
from deploy.local.home import Home
from streams import topics
from streams.ledger import sheets, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.records import CommitRecord
from streams.replay import read_since

LOOK_SECONDS = 0.005
LIMIT_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds for each commit, in the order of the commits."""

    num_files: int
    from_seen: tuple[float, ...]
    """From the moment Kafka has the commit's event."""
    from_push: tuple[float, ...]
    """From the moment the branch moved: with the wait for the watcher's next look."""


def measure_latency(
    folder: Path, kafka: str, *, num_commits: int, num_others: int, say: Callable[[str], object]
) -> Latency:
    """Return how long small commits to one repository take, one after another."""
    place = new_place(folder / "home", kafka, prefix="latency.")
    tree = driver_tree(num_others)
    path = folder / "vendor.git"
    commits = write_history(path, snapshots(tree, small_commits(tree, num_commits)))
    pdfs = write_sheets(folder / "sheets")
    publish_commit(path, commits[0])
    ports = Home(folder / "ports")
    ports.create()
    chosen = ports.choose_ports(["watcher", "worker"])
    with place.process("watcher", chosen["watcher"]), place.process("worker", chosen["worker"]):
        repo_id = _add(place, path, pdfs)
        say(f"first import of {len(tree)} files")
        _await_linked(place, repo_id, commits[0], num_sheets=len(pdfs))
        say(f"{num_commits} small commits")
        pushed, linked = {}, {}
        for commit in commits[1:]:
            pushed[commit] = time.time()
            publish_commit(path, commit)
            linked[commit] = _await_linked(place, repo_id, commit, num_sheets=len(pdfs))
    seen = {
        CommitRecord.decode(record.value).commit: record.time for record in read_since(place.settings, topics.COMMITS)
    }
    return Latency(
        num_files=len(tree),
        from_seen=tuple(linked[commit] - seen[commit] for commit in linked),
        from_push=tuple(linked[commit] - pushed[commit] for commit in linked),
    )


def _add(place: Place, path: Path, pdfs: list[Path]) -> str:
    engine = open_ledger(place.settings.database_url)
    with writing(engine) as conn:
        for pdf in pdfs:
            sources.add_sheet_source(conn, location=str(pdf), now=time.time())
        repo_id = sources.add_repository(conn, url=str(path), now=time.time()).repo_id
    engine.dispose()
    return repo_id


def _await_linked(place: Place, repo_id: str, commit: str, *, num_sheets: int) -> float:
    """Return when the ledger's links are of this commit."""
    engine = open_ledger(place.settings.database_url)
    deadline = time.monotonic() + LIMIT_SECONDS
    try:
        while time.monotonic() < deadline:
            with reading(engine) as conn:
                repository = sources.get_repository(conn, repo_id)
                if repository.linked_head == commit and len(sheets.current_releases(conn)) == num_sheets:
                    return time.time()
            time.sleep(LOOK_SECONDS)
    finally:
        engine.dispose()
    log = (place.settings.home / "worker.log").read_text(errors="replace")[-2000:]
    raise TimeoutError(f"commit {commit} not linked within {LIMIT_SECONDS:g} s; the worker said:\n{log}")
