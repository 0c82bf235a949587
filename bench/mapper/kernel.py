"""The Linux kernel as a haystack: drivers/, sound/ and include/ of Debian's linux-source-6.1, over 36,000 files.

Ours runs as the command does, see kernel_run.py; the baselines in a process of their own, so that their memory goes
when they end.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from bench.mapper.gold import GoldRow, all_parts, gold_rows, read_sheets
from bench.mapper.hidden import NameHider
from bench.mapper.kernel_run import TreeRun, hidden_tree, linked_tree, run_kernel
from bench.mapper.kernel_tokens import kernel_token_cost
from bench.mapper.measure import Measured, measure_baselines
from bench.mapper.sets import KERNEL, Case, Places
from bench.mapper.tokens import TokenCost, TokenCounts
from bench.mapper.trees import Tree, source_paths
from mapper.baselines import TextIndex
from mapper.baselines.texts import MAX_TEXT_CHARS
from mapper.model import Datasheet

SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
PACKAGE = "linux-source-6.1"
UNDER = ("drivers", "sound", "include")
MEBIBYTE = 1024


class NoKernelError(Exception):
    """There is no kernel tree to measure on; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class KernelRun:
    """What one process measured, with its peak resident memory in MiB and its wall time."""

    measured: tuple[Measured, ...]
    peak_mib: float
    seconds: float


def kernel_folder(given: Path | None, places: Places) -> Path:
    """Return the folder with the kernel's tree: the one given, or unpacked from the tar given or Debian's own.

    Raises NoKernelError when there is none.
    """
    if given is not None and given.is_dir():
        return given
    at_hand = places.tree(KERNEL)
    if given is None and at_hand is not None:
        return at_hand
    archive = given or SOURCE
    if not archive.is_file():
        raise NoKernelError(
            f"{archive}: no such file; Debian's package {PACKAGE} has it (apt install {PACKAGE}), or name a folder or "
            "a tar with --linux"
        )
    if places.cache is None:
        raise NoKernelError(f"{archive}: give --cache, a folder to unpack it into (1.1 GB)")
    return _unpack(archive, places.cache / KERNEL)


def run_ours(
    folder: Path, places: Places, counts: TokenCounts | None, *, hidden: bool
) -> tuple[Measured, TreeRun, list[TokenCost]]:
    """Return our figures, what the runs took, and, names plain, what a model would cost."""
    if places.cache is not None:
        places.cache.mkdir(parents=True, exist_ok=True)
    gold, sheets, hider, paths = _material(folder, places, hidden=hidden)
    costs: list[TokenCost] = []
    with tempfile.TemporaryDirectory(dir=places.cache) as scratch:
        target = Path(scratch, KERNEL)
        tree = linked_tree(folder, UNDER, target) if hider is None else hidden_tree(folder, paths, hider, target)

        def count(state: Path, seconds: float) -> None:
            if counts is not None and not hidden:
                costs.append(kernel_token_cost(tree, state, sheets, counts, name=KERNEL, own_seconds=seconds))

        pdfs = [places.data / "datasheets" / sheet.file for sheet in sheets]
        measured, run = run_kernel(tree, pdfs, gold, hidden=hidden, count=count)
    return measured, run, costs


def measure_kernel(folder: Path, places: Places, *, hidden: bool) -> KernelRun:
    """Return what a process of its own measures of the baselines on the kernel's tree."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, folder, places, hidden=hidden).result()


def _measure(folder: Path, places: Places, *, hidden: bool) -> KernelRun:
    started = time.perf_counter()
    gold, sheets, hider, paths = _material(folder, places, hidden=hidden)
    case = Case(Tree(KERNEL, {}), tuple(sheets), tuple(gold))
    index = TextIndex(_texts(folder, paths, hider))
    measured = tuple(measure_baselines(case, hidden=hidden, index=index))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBIBYTE
    return KernelRun(measured, peak, time.perf_counter() - started)


def _material(
    folder: Path, places: Places, *, hidden: bool
) -> tuple[list[GoldRow], list[Datasheet], NameHider | None, list[str]]:
    """Return labels, datasheets, what hides names, and the tree's paths."""
    paths = source_paths(folder, UNDER)
    gold = gold_rows(places.data, KERNEL)
    sheets = read_sheets(places.data, sorted({str(row["file"]) for row in gold}), places.cache)
    read = {sheet.file for sheet in sheets}
    gold = [row for row in gold if row["file"] in read]
    if not hidden:
        return gold, sheets, None, paths
    hider = NameHider([*all_parts(places.data), *(part for sheet in sheets for part in sheet.parts)], paths)
    return list(hider.gold(gold)), sheets, hider, paths


def _texts(folder: Path, paths: list[str], hider: NameHider | None) -> Iterator[tuple[str, str]]:
    for number, path in enumerate(paths, start=1):
        if number % 5000 == 0:
            sys.stderr.write(f"{KERNEL}: {number} of {len(paths)} files read\n")
        with (folder / path).open("rb") as file:
            text = file.read(MAX_TEXT_CHARS).decode("latin-1")
        yield (path, text) if hider is None else (hider.path(path), hider.text(text))


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack the measured parts of a kernel archive into a folder, once."""
    done = folder / ".unpacked"
    if not done.exists():
        sys.stderr.write(f"unpacking {archive}\n")
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [f"*/{piece}" for piece in UNDER]
        command = ["tar", "--extract", "--file", str(archive), "--directory", str(folder), "--strip-components=1"]
        subprocess.run([*command, "--wildcards", "--no-wildcards-match-slash", *wanted], check=True)
        done.touch()
    return folder
