"""Measure the ledger's transactions on SQLite and PostgreSQL: `python -m bench.ledger [--postgres URL] [--json PATH]`.

Each figure is the median of several rounds, taken in turns on both databases in one run, of the transactions that
agents make of a large change: a tree's files and symbols, links with their history, samples, records through the
outbox, and the smallest one, an offset. PostgreSQL is measured only when a URL is given; its database gets tables and
rows, so give it one of its own.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from mapper.corpus.sample import Sample
from mapper.ids import anchor_id, link_id, link_revision, symbol_id
from mapper.model import Anchor, Evidence, SourceFile, Symbol, TraceLink
from streams.events import Cause
from streams.ledger import links, offsets, outbox, samples, symbols
from streams.ledger.engine import open_ledger, reading, where, writing
from streams.ledger.links import LinkTurn, StoredLink
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.ledger.samples import NewSample

FILES = 100
SYMBOLS_OF_A_FILE = 20
LINKS = 2000
SAMPLES = 500
RECORDS = 1000
ROUNDS = 5

Action = Callable[[Connection, int], int]


@dataclass(frozen=True, slots=True)
class Median:
    """What one kind of transaction takes on one database."""

    database: str
    transaction: str
    rows: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{folder}/ledger.db", *([arguments.postgres] if arguments.postgres else [])]
        medians = measure([open_ledger(url) for url in urls], arguments.rounds)
    print(f"{'transaction':28}{'database':>12}{'rows':>8}{'ms':>10}{'rows/s':>12}")
    for found in medians:
        cells = (f"{found.rows:8}", f"{found.seconds * 1000:10.1f}", f"{found.rows_per_second:12.0f}")
        print(f"{found.transaction:28}{found.database:>12}{''.join(cells)}")
    if arguments.json:
        rows = [
            {
                "database": found.database,
                "transaction": found.transaction,
                "rows": found.rows,
                "seconds": found.seconds,
                "rows_per_second": found.rows_per_second,
            }
            for found in medians
        ]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(engines: list[Engine], rounds: int) -> list[Median]:
    """Return the medians, by transaction and database; the first round only warms up."""
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    rows: dict[tuple[str, str], int] = {}
    for engine in engines:
        print(f"measuring {where(engine)}", file=sys.stderr)
        upgrade(engine)
    for number in range(rounds + 1):
        for name, (open_transaction, action) in ACTIONS.items():
            for engine in engines:
                started = time.perf_counter()
                with open_transaction(engine) as conn:
                    count = action(conn, number)
                if number:
                    seconds[name, engine.dialect.name].append(time.perf_counter() - started)
                rows[name, engine.dialect.name] = count
    for engine in engines:
        engine.dispose()
    return [
        Median(database, name, rows[name, database], statistics.median(taken))
        for (name, database), taken in sorted(seconds.items(), key=lambda item: list(ACTIONS).index(item[0][0]))
    ]


def _files(number: int) -> list[SourceFile]:
    found = []
    for index in range(FILES):
        path = f"drivers/part{index}/registers.h"
        macros = tuple(
            Symbol(
                path=path,
                kind="macro",
                name=f"PART{index}_REG_{at}",
                line=at,
                end_line=at,
                value=at,
                revision=f"{number}-{at}",
            )
            for at in range(SYMBOLS_OF_A_FILE)
        )
        blob = f"{number:08x}{index:032x}"
        found.append(SourceFile(path=path, blob_id=blob, num_bytes=900, language="c", role="driver", symbols=macros))
    return found


def _apply_tree(conn: Connection, number: int) -> int:
    files = _files(number)
    symbols.store_parsed(conn, files)
    symbols.write_tree(conn, "repo", {file.path: file.blob_id for file in files}, [])
    paths = [file.path for file in files]
    return 2 * len(files) + len(symbols.replace_symbols(conn, "repo", paths, files, f"c{number}"))


def _read_tree(conn: Connection, number: int) -> int:
    return len(symbols.tree_bodies(conn, "repo"))


def _link(index: int, number: int) -> TraceLink:
    path, name = f"drivers/part{index % FILES}/registers.h", f"PART_REG_{index}"
    symbol = Symbol(path=path, kind="macro", name=name, line=index, end_line=index, value=index, revision=f"r{number}")
    anchor = Anchor(kind="register", title=f"REG_{index}", path=("Registers",), page=2, register=f"REG_{index}")
    own, there = symbol_id("repo", path, "macro", name), anchor_id("family", anchor)
    identity = link_id(own, there)
    return TraceLink(
        link_id=identity,
        revision=link_revision(identity, symbol.revision, "sheet", "name"),
        sheet_sha256="sheet",
        sheet_file="part.pdf",
        sheet_family="family",
        part="PART1",
        anchor=anchor,
        anchor_id=there,
        symbol=symbol,
        symbol_id=own,
        grade="full",
        score=0.9,
        method="name",
        evidence=(Evidence(rule="name", detail="the same name", weight=1.0),),
    )


def _write_links(conn: Connection, number: int) -> int:
    cause = Cause(kind="commit", id=f"c{number}", time=1.0)
    stored = [StoredLink(link=_link(index, number), state="kept") for index in range(LINKS)]
    links.write_turns(
        conn, "repo", [LinkTurn(stored=item, cause=cause, detail="value changed") for item in stored], 1.0
    )
    return 2 * len(stored)


def _read_links(conn: Connection, number: int) -> int:
    return len(links.load_links(conn, repo_id="repo"))


def _find_links(conn: Connection, number: int) -> int:
    return len(links.find_links(conn, path=f"drivers/part{number}/*"))


def _add_samples(conn: Connection, number: int) -> int:
    samples.lock_samples(conn)
    new = [
        NewSample(
            sample=Sample(
                sample_id=f"{number}-{index}",
                text="int read(struct bus *bus) { return bus_read(bus, REG_STATUS); }\n" * 40,
                domain="general",
                licence="MIT",
                repo_family="repo",
                path=f"{index}.c",
                blob_id=f"{index}",
                commit="c",
                sheet_sha256=None,
                link_revisions=(),
                template_version=1,
            ),
            repo_id="repo",
            sheet_family=None,
            content_hash=f"{number}-{index}",
            event_time=1.0,
        )
        for index in range(SAMPLES)
    ]
    samples.add_samples(conn, new)
    return len(new)


def _send(conn: Connection, number: int) -> int:
    records = [Outgoing(topic="trace.links", key=f"{index}", value=b"x" * 400) for index in range(RECORDS)]
    ids = outbox.put(conn, records, 1.0)
    for start in range(0, len(ids), 500):
        waiting = outbox.waiting(conn, limit=500)
        outbox.confirm(conn, [item.id for item in waiting])
        assert waiting[0].id == ids[start]
    return len(ids)


def _move_offset(conn: Connection, number: int) -> int:
    place = {"agent": "links", "topic": "mapping.changes", "topic_id": "t", "partition": 0}
    before = offsets.lock_position(conn, "links", "mapping.changes", "t", 0)
    offsets.record_applied(conn, before, **place, offset=number, event_time=1.0, now=1.0)  # type: ignore[arg-type]
    return 1


ACTIONS: dict[str, tuple[Callable[[Engine], AbstractContextManager[Connection]], Action]] = {
    "a tree of 100 files": (writing, _apply_tree),
    "that tree read": (reading, _read_tree),
    "2,000 links and history": (writing, _write_links),
    "those links read": (reading, _read_links),
    "links of a folder": (reading, _find_links),
    "500 samples": (writing, _add_samples),
    "1,000 records sent": (writing, _send),
    "an offset": (writing, _move_offset),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--postgres", metavar="URL", help="a database to measure beside SQLite, like postgresql://...")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
