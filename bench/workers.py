"""One worker against two, on PostgreSQL and a real broker: `python -m bench.workers [--workers 1 2] [--json PATH]`.

The same repositories (each on a partition of its own as far as their ids allow) and the same commits for every number
of workers, in turns: commits go in first, then the workers start, and the records that all agents applied are divided
by the time from the first applied one to the last. Workers share this machine's cores with broker, database and each
other: the printed number of cores says how far the figures can carry.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.flow import LOOK_SECONDS, PART, REGISTERS, Flow, working
from bench.postgres import Server, serving
from deploy.local.broker import running_broker
from deploy.local.config import load_settings
from streams.audit import audit
from streams.config import StreamsSettings
from streams.ledger.engine import open_ledger

REPOSITORIES = 6
COMMITS = 20
FILES = 12
SETTLE_SECONDS = 600.0
_GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"} | {
    f"GIT_{who}_{what}": "v@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@dataclass(frozen=True, slots=True)
class Rate:
    """What so many workers did, the median of some rounds."""

    workers: int
    records: int
    seconds: float
    shares: list[float]
    """Records of each worker in the last round."""

    @property
    def records_per_second(self) -> float:
        return self.records / self.seconds


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="sheetstream-workers-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        repositories = [_repository(folder / f"vendor{number}", arguments.commits) for number in range(REPOSITORIES)]
        with running_broker(folder / "broker", load_settings().cache) as kafka, serving(folder / "postgres") as server:
            rates = _measure(arguments, folder, repositories, kafka, server)
    cores = len(os.sched_getaffinity(0))
    print(f"{'workers':>8}{'records':>9}{'seconds':>9}{'records/s':>11}{'of one':>8}   each")
    for rate in rates:
        times = rate.records_per_second / rates[0].records_per_second
        cells = f"{rate.workers:8}{rate.records:9}{rate.seconds:9.1f}{rate.records_per_second:11.1f}{times:8.2f}"
        print(f"{cells}   {', '.join(f'{share:.0f}' for share in rate.shares)}")
    print(f"cores: {cores}, shared with the broker and PostgreSQL; repositories: {REPOSITORIES}")
    if arguments.json:
        found = [asdict(rate) | {"records_per_second": rate.records_per_second} for rate in rates]
        arguments.json.write_text(json.dumps({"cores": cores, "rates": found}, indent=1) + "\n")


def _measure(
    arguments: argparse.Namespace, folder: Path, repositories: list[Path], kafka: str, server: Server
) -> list[Rate]:
    """Return the rates by number of workers; the numbers take turns."""
    taken: dict[int, list[Rate]] = {number: [] for number in arguments.workers}
    for turn in range(arguments.rounds):
        for number in arguments.workers:
            rate = _run(folder / f"home{turn}-{number}", repositories, kafka, _database(server), number)
            print(f"round {turn + 1}: {number} workers, {rate.records_per_second:.1f} records/s", file=sys.stderr)
            taken[number].append(rate)
    return [
        Rate(number, found[-1].records, statistics.median(rate.seconds for rate in found), found[-1].shares)
        for number, found in taken.items()
    ]


def _run(home: Path, repositories: list[Path], kafka: str, database_url: str, number: int) -> Rate:
    home.mkdir()
    prefix = f"{uuid.uuid4().hex[:8]}."
    flow = Flow(StreamsSettings(home=home, database_url=database_url, kafka=kafka, topic_prefix=prefix, partitions=8))
    flow.add_sheet()
    for repository in repositories:
        flow.add_repository(repository)
    with working(flow, number) as workers:
        while not flow.applied():
            time.sleep(LOOK_SECONDS)
        before, started = flow.applied(), time.monotonic()
        flow.settle(workers, SETTLE_SECONDS)
        seconds = time.monotonic() - started - LOOK_SECONDS
        records = flow.applied() - before
        shares = [worker.records() for worker in workers]
    if not audit(flow.engine).is_clean:
        raise SystemExit(f"{number} workers: the ledger is not what a mapping from scratch gives")
    flow.close()
    return Rate(number, records, seconds, shares)


def _database(server: Server) -> str:
    """Return the URL of a new database."""
    name = f"run_{uuid.uuid4().hex[:8]}"
    engine = open_ledger(server.url).execution_options(isolation_level="AUTOCOMMIT", ledger_writes=True)
    with engine.connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.url.replace("/ledger?", f"/{name}?")


def _repository(folder: Path, commits: int) -> Path:
    """Return a repository of register headers and users of them; each commit changes one file."""
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch=main")
    for number in range(commits):
        for file in range(FILES) if number == 0 else [number % FILES]:
            lines = [f"#define {PART}_{file}_REG_{name} {at:#04x}" for at, name in enumerate(REGISTERS)]
            code = f"int rate_{file}(struct bus *bus) {{ return bus_read(bus, {PART}_{file}_REG_STATUS) + {number}; }}"
            (folder / f"zq4071_{file}.h").write_text("\n".join([*lines, code]) + "\n")
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message", f"change {number}")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=os.environ | _GIT, check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
