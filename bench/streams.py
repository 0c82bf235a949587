"""Measure the stream processors: `python -m bench.streams [--json PATH]`, about five minutes on 2 cores.

Records per second through each agent beside a bare Faust app over the same records, the latency from a commit seen to
its links durable, and what a small commit costs beside a full mapping of its repository: on a generated repository of
more than 500 files, and with --mirror on the real history of a bare git repository, whose datasheets are given.
"""

import argparse
import dataclasses
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.streaming.commit_cost import TARGET_SHARE, RepositoryCost, measure_repository
from bench.streaming.latency import Latency, measure_latency
from bench.streaming.throughput import Rate, measure_throughput
from bench.streaming.vendor import driver_tree, small_commits, snapshots, write_sheets
from deploy.demo.repositories.history import publish_commit, write_history
from deploy.local.broker import running_broker
from deploy.local.config import load_settings
from mapper.model import Datasheet
from streams.sandbox import read_sheet

OTHER_DRIVERS = 250
"""Two files each: with the demo's drivers a tree of more than 500 files."""


def main() -> None:
    arguments = _arguments()
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="sheetstream-bench-") as name:
        folder = Path(name)
        costs = list(_costs(folder / "costs", arguments))
        print(report_costs(costs))
        found["commits"] = [dataclasses.asdict(cost) for cost in costs]
        if not arguments.costs_only:
            with running_broker(folder / "broker", load_settings().cache) as kafka:
                latency = measure_latency(
                    folder / "latency", kafka, num_commits=arguments.commits, num_others=OTHER_DRIVERS, say=_say
                )
                print(report_latency(latency))
                rates = measure_throughput(folder / "rates", kafka, num_repositories=arguments.repositories, say=_say)
                print(report_rates(rates))
            found |= {"latency": dataclasses.asdict(latency), "rates": [dataclasses.asdict(rate) for rate in rates]}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    if not all(cost.equal for cost in costs):
        sys.exit("the ledger after the commits is not that of a full mapping")


def report_costs(costs: Sequence[RepositoryCost]) -> str:
    """Return a table of what commits cost."""
    lines = [
        f"{'repository':24}{'files':>7}{'sheets':>8}{'links':>7}{'commits':>9}{'CPU ms':>8}{'p95':>7}{'full ms':>9}"
        f"{'share':>7}{'p95':>7}{'ledger ms':>11}{'equal':>7}"
    ]
    for cost in costs:
        cpu = [1000 * commit.cpu_seconds for commit in cost.commits]
        ledger = statistics.median(1000 * commit.ledger_seconds for commit in cost.commits)
        lines.append(
            f"{cost.repository:24}{cost.num_files:7}{cost.num_sheets:8}{cost.num_links:7}{len(cpu):9}"
            f"{statistics.median(cpu):8.0f}{percentile(cpu, 95):7.0f}{1000 * cost.full.cpu_seconds:9.0f}"
            f"{cost.median_share():7.1%}{percentile(cpu, 95) / (1000 * cost.full.cpu_seconds):7.1%}{ledger:11.1f}"
            f"{'yes' if cost.equal else 'NO':>7}"
        )
    return "\n".join([*lines, f"target: a commit's median below {TARGET_SHARE:.0%} of the full mapping", ""])


def report_latency(latency: Latency) -> str:
    """Return a table of the latencies' percentiles."""
    lines = [f"{'seconds to durable links':28}{'commits':>9}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}"]
    for what, seconds in (("since Kafka has the event", latency.from_seen), ("since the push", latency.from_push)):
        cells = "".join(f"{percentile(seconds, share):8.2f}" for share in (50, 95, 99, 100))
        lines.append(f"{what:28}{len(seconds):9}{cells}")
    return "\n".join([*lines, f"one repository of {latency.num_files} files", ""])


def report_rates(rates: Sequence[Rate]) -> str:
    """Return a table of the rates, each beside the bare apps over the same topic."""
    bare = {(rate.agent, rate.work): rate.per_second for rate in rates if rate.work in ("faust", "confirmed")}
    lines = [
        f"{'agent':10}{'work':16}{'records':>9}{'seconds':>9}{'records/s':>11}{'bare Faust/s':>14}{'confirmed/s':>13}"
    ]
    for rate in rates:
        if rate.work in ("faust", "confirmed"):
            continue
        beside = [bare.get((rate.agent, kind)) for kind in ("faust", "confirmed")]
        cells = [f"{value:.0f}" if value else "-" for value in beside]
        lines.append(
            f"{rate.agent:10}{rate.work:16}{rate.records:9}{rate.seconds:9.1f}{rate.per_second:11.1f}"
            f"{cells[0]:>14}{cells[1]:>13}"
        )
    return "\n".join([*lines, "confirmed: the bare app waits for Kafka after each record, as a delivery must", ""])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]


def _costs(folder: Path, arguments: argparse.Namespace) -> Sequence[RepositoryCost]:
    pdfs = write_sheets(folder / "sheets")
    tree = driver_tree(OTHER_DRIVERS)
    path = folder / "generated.git"
    commits = write_history(path, snapshots(tree, small_commits(tree, arguments.commits)))
    publish_commit(path, commits[-1])
    costs = [measure_repository(folder / "generated", path, _read(pdfs), last=arguments.commits, say=_say)]
    if arguments.mirror:
        real = arguments.mirror.resolve()
        costs.append(
            measure_repository(folder / "mirror", real, _read(arguments.pdfs), last=arguments.commits, say=_say)
        )
    return costs


def _read(pdfs: Sequence[Path]) -> list[Datasheet]:
    _say(f"reading {len(pdfs)} datasheets")
    return [read_sheet(pdf.read_bytes(), file=pdf.name) for pdf in pdfs]


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=100, help="small commits to measure")
    parser.add_argument("--repositories", type=int, default=40, help="small repositories for the rates")
    parser.add_argument("--mirror", type=Path, help="a bare git repository whose last commits are measured too")
    parser.add_argument("pdfs", type=Path, nargs="*", metavar="PDF", help="the datasheets that go with the mirror")
    parser.add_argument("--costs-only", action="store_true", help="no Kafka: only what a commit costs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
