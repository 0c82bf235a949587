"""The soak: disturb the streams in every way we know, and compare what comes of it with an undisturbed run.

    python -m tests.soak --minutes 30 [--only NAME]... [--seed N] [--lanes N] [--folder DIR] [--json FILE] [--list]

Every scenario once, then again with other random numbers until the time is over. Prints a row for each and exits 1
when anything was lost or doubled. What each proves: docs/reliability.md; how one is added: tests/soak/scenario.py.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from tests.soak.bench import Ground
from tests.soak.run import run
from tests.soak.scenario import Row, Scenario, load_scenarios

COLUMNS = ("scenario", "kills", "records", "lost", "doubled", "resent", "seconds", "ok")
LANES = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 when nothing was lost or doubled, 1 otherwise, 2 for what can not be asked."""
    options = _options(arguments)
    chosen = _choose(load_scenarios(), options.only)
    if not chosen:
        print(f"--only {' '.join(options.only)}: no such scenario, see --list", file=sys.stderr)
        return 2
    if options.list:
        print(*(f"{scenario.name}: {scenario.text}" for scenario in chosen), sep="\n")
        return 0
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}: {len(chosen)} scenarios, {options.lanes} at a time", flush=True)
    print(_line(COLUMNS), flush=True)
    started = time.monotonic()
    home = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory(prefix="sheetstream-soak-")
    with home as folder:
        ground = Ground(Path(folder), seed)
        try:
            rows = run(ground, chosen, seconds=options.minutes * 60, lanes=options.lanes, say=_say)
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            ground.close()
    return _report(rows, seed, time.monotonic() - started, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="start no scenario later; 0: each once")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="those whose name holds this")
    parser.add_argument("--seed", type=int, help="repeat the run of this seed")
    parser.add_argument("--lanes", type=int, default=LANES, help="how many scenarios at a time")
    parser.add_argument("--folder", type=Path, help="keep homes and logs in this folder, which must be new or empty")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file too")
    parser.add_argument("--list", action="store_true", help="say what there is")
    options = parser.parse_args(arguments)
    if options.folder and options.folder.exists() and any(options.folder.iterdir()):
        parser.error(f"--folder {options.folder}: a new or empty folder expected")
    return options


def _choose(known: dict[str, Scenario], only: Sequence[str]) -> list[Scenario]:
    return [scenario for name, scenario in known.items() if not only or any(part in name for part in only)]


def _say(row: Row) -> None:
    print(_line(_values(row)), *(f"    {finding}" for finding in row.findings), sep="\n", flush=True)


def _values(row: Row) -> tuple[object, ...]:
    values = (getattr(row, column) for column in COLUMNS[:-2])
    return (*values, f"{row.seconds:.0f}", "ok" if row.ok else "FAILED")


def _line(values: Sequence[object]) -> str:
    return f"{values[0]!s:34}" + "".join(f"{value!s:>9}" for value in values[1:])


def _report(rows: Sequence[Row], seed: int, seconds: float, target: Path | None) -> int:
    total = Row(
        scenario=f"all {len(rows)}",
        kills=sum(row.kills for row in rows),
        records=sum(row.records for row in rows),
        lost=sum(row.lost for row in rows),
        doubled=sum(row.doubled for row in rows),
        resent=sum(row.resent for row in rows),
        seconds=seconds,
        ok=all(row.ok for row in rows),
    )
    _say(total)
    if target is not None:
        document = {"seed": seed, "total": asdict(total), "rows": [asdict(row) for row in rows]}
        target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if total.ok else 1


if __name__ == "__main__":
    sys.exit(main())
