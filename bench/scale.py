"""A synthetic ledger, and what each query and a commit's update take on it: `python -m bench.scale [--links N]`.

Fills an empty ledger in --folder (SQLite's file, or a PostgreSQL server of its own), refreshes the coverage, and
measures: warm, after the same query for another subject; cold, as the first one after the caches of database and
system were dropped, with a subject of its own each round. Ends by removing what it made, unless --keep is given; what
was kept is measured again without being filled again. Ten million links take some 25 GB.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine

from bench.postgres import Server, serving
from bench.scale_load import files, load, sizes
from bench.scale_queries import READS, Subject, draw, update
from bench.scale_rows import Shape, rows
from streams.ledger.coverage import refresh
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade

TARGET_READ_MS = 50.0
TARGET_UPDATE_MS = 100.0
WARM_ROUNDS = 30
UPDATE = "update: one commit, one file"
COLD_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """What one query took, in milliseconds; warm_cpu: of them at work in this process."""

    name: str
    target: float
    warm_p50: float
    warm_p95: float
    warm_cpu: float
    cold_p50: float
    cold_p95: float

    @property
    def verdict(self) -> str:
        if self.warm_p95 > self.target:
            return "misses"
        return "warm" if self.cold_p95 > self.target else "meets"


def main() -> None:
    arguments = _arguments()
    folder: Path = arguments.folder / arguments.database
    with _opened(arguments, folder) as (engine, server):
        filled = _fill(engine, folder, Shape(links=arguments.links, seed=arguments.seed))
        figures = measure(engine, server, folder, random.Random(arguments.seed))
        taken = sizes(engine)
        engine.dispose()
    report = {"database": arguments.database, "links": arguments.links, **filled}
    report["figures"] = [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
    report["bytes"] = {table: {"rows": own, "indexes": other} for table, (own, other) in taken.items()}
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    text = "\n".join([*_figure_lines(figures), "", *_size_lines(taken, filled["rows"])])
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n")
    print(text)


def measure(engine: Engine, server: Server | None, folder: Path, chance: random.Random) -> list[Figure]:
    """Return the figures of all queries, then of the update."""
    warm: dict[str, list[float]] = defaultdict(list)
    cold: dict[str, list[float]] = defaultdict(list)
    with reading(engine) as conn:
        subjects = [draw(conn, chance, number) for number in range(WARM_ROUNDS + 1 + COLD_ROUNDS)]
    for number in range(COLD_ROUNDS):
        _drop_caches(engine, server, folder)
        _round(engine, subjects.pop(), cold, chance)
        print(f"cold round {number + 1} of {COLD_ROUNDS}", file=sys.stderr)
    for number, subject in enumerate(subjects):
        _round(engine, subject, warm if number else defaultdict(list), chance)
    names = [*READS, UPDATE]
    return [
        Figure(
            name,
            TARGET_READ_MS if name in READS else TARGET_UPDATE_MS,
            *(round(value, 2) for value in (*_percentiles(warm[name]), cpu, *_percentiles(cold[name]))),
        )
        for name in names
        for cpu in (statistics.median(warm[f"cpu of {name}"]),)
    ]


def _round(engine: Engine, subject: Subject, taken: dict[str, list[float]], chance: random.Random) -> None:
    """Ask everything once, in an order drawn by chance: what one query reads, the next finds in the cache."""
    for name in chance.sample(list(READS), len(READS)):
        with _timed(taken, name), reading(engine) as conn:
            READS[name](conn, subject)
    with _timed(taken, UPDATE), writing(engine) as conn:
        update(conn, subject)


@contextmanager
def _timed(taken: dict[str, list[float]], name: str) -> Iterator[None]:
    started, at_work = time.perf_counter(), time.process_time()
    yield
    taken[name].append((time.perf_counter() - started) * 1000)
    taken[f"cpu of {name}"].append((time.process_time() - at_work) * 1000)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def _drop_caches(engine: Engine, server: Server | None, folder: Path) -> None:
    engine.dispose()
    if server:
        server.stop()
    for path in files(engine, folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if server:
        server.start()


def _fill(engine: Engine, folder: Path, shape: Shape) -> dict[str, dict[str, int]]:
    """Return the number of rows by table: filled now, or by the run that kept it."""
    note = folder / "filled.json"
    if note.exists():
        found: dict[str, dict[str, int]] = json.loads(note.read_text())
        return found
    upgrade(engine)
    counted = load(engine, rows(shape))
    while refresh(engine, time.time, seconds=60.0):
        pass
    note.write_text(json.dumps({"rows": counted}))
    return {"rows": counted}


@contextmanager
def _opened(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[Engine, Server | None]]:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        server = None
        if arguments.database == "postgresql":
            server = stack.enter_context(serving(folder / "server", keep=arguments.keep))
        elif not arguments.keep:
            stack.callback(shutil.rmtree, folder)
        engine = open_ledger(server.url if server else f"sqlite:///{folder / 'ledger.db'}")
        yield engine, server
    if server and not arguments.keep:
        shutil.rmtree(folder)


def _figure_lines(figures: Sequence[Figure]) -> list[str]:
    head = [
        "| query | warm p50 | p95 | of that at work | cold p50 | p95 | target | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return head + [
        f"| {f.name} | {f.warm_p50:.1f} | {f.warm_p95:.1f} | {f.warm_cpu:.1f} | {f.cold_p50:.1f} | {f.cold_p95:.1f} "
        f"| {f.target:.0f} ms | {f.verdict} |"
        for f in figures
    ]


def _size_lines(taken: dict[str, tuple[int, int]], counted: dict[str, int]) -> list[str]:
    lines = ["| table | rows | bytes a row | of indexes a row | MB |", "|---|---|---|---|---|"]
    for table, (own, indexes) in sorted(taken.items(), key=lambda item: -sum(item[1])):
        number = counted.get(table, 0)
        if number:
            size = f"{own / number:.0f} | {indexes / number:.0f} | {(own + indexes) / 1e6:.1f}"
            lines.append(f"| {table} | {number:,} | {size} |")
    total = sum(own + indexes for own, indexes in taken.values())
    return [*lines, f"| all | | | | {total / 1e6:.1f} |"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--links", type=int, default=10_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/sheetstream-scale"))
    parser.add_argument("--keep", action="store_true", help="leave the ledger there, to be measured again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--markdown", type=Path, help="also write the tables there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
