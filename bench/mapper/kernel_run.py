"""The mapper on the kernel's tree as a user runs it: `sheetstream map --since`, cold, unchanged, one file changed.

Each run is a process of its own. The tree is laid out by hard links, so that one file can be changed without touching
the original. Cold, then nothing changed, then a definition added to one driver that a datasheet's links lie in, then
taken away again: the last output must equal the cold one, which knew no state.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bench.mapper.gold import GoldRow
from bench.mapper.hidden import NameHider
from bench.mapper.measure import OURS, Measured
from bench.mapper.process import Spent, run_measured
from bench.mapper.sets import KERNEL
from bench.mapper.trees import ROOT
from deploy.cli.sourcetree import SETTLED_SECONDS
from mapper.linking.format import parse_lines
from mapper.scoring import score

ADDED = b"\n#define BENCH_REG_ADDED 0x7f\n"
OLD = 1_000_000_000
"""Time of change of a file written here, long settled."""
FILES_A_TASK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRun:
    """What the four runs took. is_equal: the last output, two changes later, is the one without a state."""

    hidden: bool
    cold: Spent
    unchanged: Spent
    changed: Spent
    changed_back: Spent
    is_equal: bool
    num_files: int


def run_kernel(
    folder: Path,
    pdfs: list[Path],
    gold: list[GoldRow],
    *,
    hidden: bool,
    count: Callable[[Path, float], object] = lambda _state, _seconds: None,
) -> tuple[Measured, TreeRun]:
    """Return our figures on a tree that may be written to, and what the runs took; state and output are scratch.

    count is called with the state's file and the CPU time of the run that wrote it.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        state, output = Path(scratch, "state"), Path(scratch, "links.jsonl")
        map_it = partial(_map, folder, pdfs, state, output)
        cold = map_it()
        first = output.read_bytes()
        report = score(parse_lines(output.read_text(encoding="utf-8"), source=str(output)), gold)
        count(state, cold.cpu_seconds)
        unchanged = map_it()
        place = _driver(folder, gold)
        original, status = place.read_bytes(), place.stat()
        _write(place, original + ADDED, time.time() - 2 * SETTLED_SECONDS)
        changed = map_it()
        _write(place, original, status.st_mtime)
        changed_back = map_it()
        is_equal = output.read_bytes() == first
    num_files = sum(len(files) for _, _, files in os.walk(folder))
    measured = Measured(KERNEL, hidden, OURS, report, cold.seconds, num_files)
    run = TreeRun(
        hidden=hidden,
        cold=cold,
        unchanged=unchanged,
        changed=changed,
        changed_back=changed_back,
        is_equal=is_equal,
        num_files=num_files,
    )
    return measured, run


def _map(folder: Path, pdfs: list[Path], state: Path, output: Path) -> Spent:
    command = [sys.executable, "-m", "deploy.cli.main", "map", str(folder), *map(str, pdfs)]
    options = ["--since", str(state), "-o", str(output), "--no-llm"]
    return run_measured([*command, *options], {**os.environ, "PYTHONPATH": str(ROOT)})


def _driver(folder: Path, gold: list[GoldRow]) -> Path:
    """Return the first file of the tree that the labels require."""
    required = (row for row in gold if row.get("path") and str(row.get("role") or "primary") == "primary")
    return min(place for row in required if (place := folder / str(row["path"])).is_file())


def _write(place: Path, data: bytes, changed_at: float) -> None:
    """Put a file in place of a link, so that what the link leads to stays as it is."""
    written = place.with_name(f"{place.name}.part")
    written.write_bytes(data)
    os.utime(written, (changed_at, changed_at))
    written.replace(place)


def linked_tree(folder: Path, under: tuple[str, ...], target: Path) -> Path:
    """Return target with the same files below some subfolders: hard links, or copies on another file system."""
    for piece in under:
        shutil.copytree(folder / piece, target / piece, symlinks=True, copy_function=_link)
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def hidden_tree(folder: Path, paths: list[str], hider: NameHider, target: Path) -> Path:
    """Return target with these files, names hidden in paths and contents; written by a few processes."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        tasks = [paths[start : start + FILES_A_TASK] for start in range(0, len(paths), FILES_A_TASK)]
        list(pool.map(partial(_hide, folder, hider, target), tasks))
    return target


def _hide(folder: Path, hider: NameHider, target: Path, paths: list[str]) -> None:
    for path in paths:
        place = target / hider.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(hider.data((folder / path).read_bytes()))
        os.utime(place, (OLD, OLD))


def run_lines(runs: list[TreeRun]) -> Iterator[str]:
    """Yield what the runs took as lines."""
    if not runs:
        return
    yield f"== {KERNEL}: `sheetstream map --since` as a process; peak: PSS of it and its children"
    yield f"  {'names':6} {'run':28} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}   what it says of its cost"
    for run in runs:
        names = "hidden" if run.hidden else "plain"
        for title, spent in (
            ("cold", run.cold),
            ("nothing changed", run.unchanged),
            ("one driver changed", run.changed),
            ("changed back", run.changed_back),
        ):
            cost = next((line for line in spent.said.splitlines() if line.startswith("cost: ")), "")
            yield f"  {names:6} {title:28} {spent.seconds:8.1f} {spent.cpu_seconds:8.1f} {spent.peak_mib:9.0f}   {cost}"
        yield f"  {names:6} output after change and change back equals the run without a state: {run.is_equal}"


def runs_json(runs: list[TreeRun]) -> list[dict[str, object]]:
    """Return the runs for the JSON of all figures."""
    return json.loads(json.dumps([asdict(run) for run in runs]))  # type: ignore[no-any-return]
