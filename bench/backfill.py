"""Measure a huge first import: `python -m bench.backfill [--commits N] [--one-by-one N] [--json PATH]`.

A repository of so many commits is generated (git fast-import), then taken in with its whole history twice over: by
the watcher's look, with a producer that keeps the records in a file, and by the agents symbols and links, which apply
these records to an SQLite ledger with one datasheet. Each in a process of its own, for its memory. Beside them,
measured in the same run, the same of the first commits alone (--one-by-one) with each of them mapped.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from bench.in_process import InProcess
from bench.mapper.process import Spent, run_measured
from mapper.model import Datasheet, Register, Section
from streams.agents.handlers import create_handlers
from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import MovedError
from streams.ledger import links, outbox, sheets, sources, symbols
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import ChangeRecord, CommitRecord
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

COMMITS = 10_000
ONE_BY_ONE = 100
FILES = 60
REGISTERS = 24
RECORDS = "records.jsonl"
PART = "ZQ4071"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of taking a history in."""

    name: str
    commits: int
    events: int
    parsed: int
    mappings: int
    watch_seconds: float
    watch_mib: float
    apply_seconds: float
    apply_mib: float
    links: int
    recorded: int


def generate(folder: Path, num_commits: int) -> None:
    """Write a bare repository of so many commits, each changing one of FILES headers, the first the part's."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder)], check=True)
    process = subprocess.Popen(["git", "-C", str(folder), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert process.stdin
    for number in range(num_commits):
        for line in _commit(number):
            process.stdin.write(line)
    process.stdin.close()
    if process.wait():
        raise SystemExit("git fast-import failed")


def _commit(number: int) -> Iterator[bytes]:
    message = f"change {number}\n".encode()
    yield b"commit refs/heads/main\ncommitter V <v@x> %d +0000\n" % (1_600_000_000 + number)
    yield b"data %d\n%s" % (len(message), message)
    file = number % FILES
    name = PART if file == 0 else f"BOARD{file}"
    lines = [f"#define {name}_REG_CHANNEL_{n} 0x{n:02X}" for n in range(REGISTERS)]
    text = "\n".join([f"/* {name}, revision {number} */", *lines, f"#define {name}_BUILD {number}", ""]).encode()
    yield b"M 100644 inline drivers/%s.h\ndata %d\n%s\n" % (name.lower().encode(), len(text), text)


class FileProducer:
    """Keeps records in a file: memory is the watcher's own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, records: Sequence[Outgoing]) -> None:
        """Append records."""
        with self._path.open("ab") as file:
            for record in records:
                file.write((record.value or b"") + b"\n")


def watch(home: Path, repository: Path, backfill_commits: int) -> None:
    """Take the repository's whole history in, as the watcher does."""
    settings = StreamsSettings(home=home, backfill_commits=backfill_commits)
    engine = _ledger(settings)
    with writing(engine) as conn:
        added = sources.add_repository(conn, url=str(repository), now=1.0, parts=[PART])
        if added.tip is None:
            sources.record_tip(conn, added.repo_id, EMPTY_TREE)
        added = sources.get_repository(conn, added.repo_id)
    producer: Any = FileProducer(home / RECORDS)
    poller = Poller(settings, engine, producer, BlobStore(home), StreamsMetrics(CollectorRegistry()))
    started = time.perf_counter()
    poller.poll_repository(added)
    (home / "watch.json").write_text(json.dumps(time.perf_counter() - started), encoding="utf-8")
    engine.dispose()


def apply(home: Path) -> None:
    """Apply the records as the agents symbols and links do, one transaction a record."""
    settings = StreamsSettings(home=home)
    engine = _ledger(settings)
    with writing(engine) as conn:
        sheets.write_sheet(conn, _sheet(), source_id="src", released_at=1.0, read_at=1.0, seconds=0.0, current=True)
    registry, pool = CollectorRegistry(), InProcess()
    handlers: dict[str, Any] = {
        handler.agent: handler
        for handler in create_handlers(settings, engine, StreamsMetrics(registry), pool)  # type: ignore[arg-type]
    }
    counts: Counter[str] = Counter()
    started = time.perf_counter()
    with (home / RECORDS).open("rb") as records:
        for line in records:
            counts["events"] += 1
            for change in _deliver(engine, handlers["symbols"], CommitRecord.decode(line.rstrip(b"\n")).to_domain()):
                counts["mappings"] += 1
                _deliver(engine, handlers["links"], ChangeRecord.decode(change.value).to_domain())
    seconds = time.perf_counter() - started
    parsed = registry.get_sample_value("sheetstream_streams_files_parsed_total") or 0
    with reading(engine) as conn:
        (repository,) = sources.list_repositories(conn)
        recorded = len(symbols.recent_commits(conn, repo_id=repository.repo_id, limit=10**9))
        num_links = len(links.load_links(conn, repo_id=repository.repo_id))
    found = {"parsed": int(parsed), "recorded": recorded, "links": num_links, "seconds": seconds, **counts}
    (home / "counts.json").write_text(json.dumps(found), encoding="utf-8")
    engine.dispose()


def _deliver(engine: Engine, handler: Any, event: Any) -> tuple[Outgoing, ...]:
    while True:
        prepared = handler.prepare(event)
        try:
            with writing(engine) as conn:
                effect = handler.apply(conn, event, prepared)
                outbox.put(conn, effect.records, 1.0)
        except MovedError:
            continue
        effect.count()
        records: tuple[Outgoing, ...] = effect.records
        return records


def _ledger(settings: StreamsSettings) -> Engine:
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = open_ledger(settings.database_url)
    upgrade(engine)
    return engine


def _sheet() -> Datasheet:
    path = ("Registers",)
    text = f"{PART} register map\n" + "\n".join(f"0x{n:02X} CHANNEL_{n}" for n in range(REGISTERS))
    return Datasheet(
        sha256="s",
        file=f"{PART}.pdf",
        title=f"{PART} sensor",
        parts=(PART,),
        family=PART.lower(),
        revision="A",
        num_pages=1,
        sections=(
            Section(title="Registers", number="1", level=1, path=path, page=1, end_page=1, text=text, content_hash="s"),
        ),
        registers=tuple(
            Register(
                name=f"CHANNEL_{n}",
                address=n,
                width=8,
                access="rw",
                reset=0,
                fields=(),
                page=1,
                overview_pages=(1,),
                section_path=path,
                reader="ruled",
            )
            for n in range(REGISTERS)
        ),
        pages=(text,),
    )


def measure(name: str, folder: Path, num_commits: int, backfill_commits: int) -> Row:
    """Return what it took to take a history of so many commits in."""
    home, repository = folder / f"home-{name}", folder / f"{name}.git"
    generate(repository, num_commits)
    stage = [sys.executable, "-m", "bench.backfill", "--home", str(home)]
    seen: Spent = run_measured([*stage, "--watch", str(repository), "--backfill-commits", str(backfill_commits)])
    applied: Spent = run_measured([*stage, "--apply"])
    counts = json.loads((home / "counts.json").read_text(encoding="utf-8"))
    return Row(
        name=name,
        commits=num_commits,
        events=counts["events"],
        parsed=counts["parsed"],
        mappings=counts["mappings"],
        watch_seconds=json.loads((home / "watch.json").read_text(encoding="utf-8")),
        watch_mib=seen.peak_mib,
        apply_seconds=counts["seconds"],
        apply_mib=applied.peak_mib,
        links=counts["links"],
        recorded=counts["recorded"],
    )


def show(rows: Sequence[Row]) -> str:
    """Return the rows as a table; seconds are of the work, memory is the peak of the whole process."""
    columns = ["history", "commits", "recorded", "events", "files parsed", "mappings", "links"]
    columns += ["watch s", "watch MiB", "apply s", "apply MiB"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [
        f"| {row.name} | {row.commits} | {row.recorded} | {row.events} | {row.parsed} | {row.mappings} | {row.links} "
        f"| {row.watch_seconds:.1f} | {row.watch_mib:.0f} | {row.apply_seconds:.1f} | {row.apply_mib:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(prog="python -m bench.backfill", description=__doc__)
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--one-by-one", type=int, default=ONE_BY_ONE)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--watch", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--backfill-commits", type=int, default=200, help=argparse.SUPPRESS)
    parser.add_argument("--apply", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.watch:
        watch(arguments.home, arguments.watch, arguments.backfill_commits)
    elif arguments.apply:
        apply(arguments.home)
    else:
        with tempfile.TemporaryDirectory(prefix="sheetstream-backfill-") as folder:
            rows = [
                measure("backfill", Path(folder), arguments.commits, 200),
                measure("backfill-start", Path(folder), arguments.one_by_one, 1),
                measure("one-by-one", Path(folder), arguments.one_by_one, 10**9),
            ]
        print(show(rows))
        if arguments.json:
            arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
