"""Measure symbol extraction beside universal-ctags: `python -m bench.code [TREE ...] [--commits MIRROR] [--json PATH]`.

Both read the same files in one run, each file as the same language. Speeds are megabytes per CPU second of one process,
medians over --repeats: "outline" finds the same kinds as ctags with their places and scopes, "all" is parse_file, with
hashes, references, values, comments and identifiers. Agreement per kind is intersection / union of the sets of
(file, name); anonymous types are left out. "explained" counts what only one side found for a reason known from the
text itself: a name of ours that ctags gives under another kind, a name of ctags' that stands inside a function body.
It is shown beside the agreement, which it does not change. Without ctags only our own figures are given.

--commits re-reads what each of the last 100 commits of a git mirror changed in code, as a watcher does.
"""

import argparse
import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.code_commits import replay, report_replay
from bench.generated import write_generated
from mapper.code import is_relevant_path, parse_file
from mapper.code.parse import outline_file
from mapper.errors import SourceError
from mapper.model import SourceFile

_FORM_TO_KIND = {
    "function": "function",
    "prototype": "prototype",
    "macro": "macro",
    "guard": "macro",
    "default": "macro",
    "enumerator": "enumerator",
    "typedef": "typedef",
    "struct": "struct",
    "union": "struct",
    "class": "struct",
    "enum": "struct",
    "member": "member",
    "const": "const",
}
_CTAGS_TO_KIND = {
    "function": "function",
    "prototype": "prototype",
    "macro": "macro",
    "enumerator": "enumerator",
    "typedef": "typedef",
    "struct": "struct",
    "union": "struct",
    "class": "struct",
    "enum": "struct",
    "member": "member",
}
_CTAGS_LANGUAGE = {"c": "C", "cpp": "C++"}

Names = dict[str, set[tuple[str, str]]]
Different = dict[str, tuple[set[tuple[str, str]], set[tuple[str, str]]]]
Reader = Callable[[str, bytes], object]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two sets of (file, name) of one kind."""

    ours: int
    theirs: int
    shared: int

    @property
    def ratio(self) -> float:
        union = self.ours + self.theirs - self.shared
        return self.shared / union if union else 1.0


@dataclass(slots=True)
class Measures:
    """What one run gives; megabytes are 10^6 bytes."""

    tree: str
    num_files: int = 0
    num_bytes: int = 0
    outline_megabytes_per_second: float = 0.0
    all_megabytes_per_second: float = 0.0
    symbols: dict[str, int] = field(default_factory=dict)
    bytes_under_error: int = 0
    files_with_errors: int = 0
    ctags: str | None = None
    ctags_megabytes_per_second: float | None = None
    agreement: dict[str, dict[str, float]] = field(default_factory=dict)


def measure(root: Path, repeats: int) -> tuple[Measures, Different]:
    """Return the measures of a tree, and for each kind what only we and what only ctags found."""
    measures = Measures(tree=root.name)
    items = [(path.relative_to(root).as_posix(), path) for path in sorted(root.rglob("*")) if path.is_file()]
    texts = {name: path.read_bytes() for name, path in items if is_relevant_path(name)}
    files: list[SourceFile] = []
    for name, data in texts.items():
        try:
            file = parse_file(name, data)
        except SourceError as error:
            sys.stderr.write(f"left out: {error}\n")
            continue
        files += [file] if file.language in _CTAGS_LANGUAGE else []
    pairs = [(file.path, texts[file.path]) for file in files]
    measures.num_files, measures.num_bytes = len(files), sum(file.num_bytes for file in files)
    measures.outline_megabytes_per_second = _speed(outline_file, pairs, measures.num_bytes, repeats)
    measures.all_megabytes_per_second = _speed(parse_file, pairs, measures.num_bytes, repeats)
    measures.symbols = dict(sorted(Counter(symbol.kind for file in files for symbol in file.symbols).items()))
    measures.bytes_under_error = sum(file.bytes_under_error for file in files)
    measures.files_with_errors = sum(1 for file in files if file.bytes_under_error)
    different: Different = {}
    program = shutil.which("ctags")
    if program is None:
        sys.stderr.write("ctags: not installed, so there is no comparison (package universal-ctags)\n")
        return measures, different
    theirs = _read_ctags(program, root, files, measures, repeats)
    ours = _our_names(files)
    # A static const member is a const object to us and a member to ctags: the same name found, no disagreement.
    ours["member"] |= ours.pop("const", set()) & theirs["member"]
    bodies = _names_in_bodies(files, texts, different_of(ours, theirs))
    all_theirs = set().union(*theirs.values())
    for kind in sorted({*ours, *theirs}):
        mine, other = ours.get(kind, set()), theirs.get(kind, set())
        agreement = Agreement(len(mine), len(other), len(mine & other))
        explained = len((mine - other) & all_theirs) + len((other - mine) & bodies)
        measures.agreement[kind] = {**asdict(agreement), "ratio": round(agreement.ratio, 4), "explained": explained}
        different[kind] = (mine - other, other - mine)
    return measures, different


def different_of(ours: Names, theirs: Names) -> set[tuple[str, str]]:
    """Return the names that ctags found and we did not, of any kind."""
    return {each for kind, names in theirs.items() for each in names - ours.get(kind, set())}


def _names_in_bodies(
    files: Iterable[SourceFile], texts: dict[str, bytes], names: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return those of the names that stand in their file only within the lines of function bodies."""
    found = set()
    by_path: dict[str, list[str]] = defaultdict(list)
    for path, name in names:
        by_path[path].append(name)
    for file in files:
        if file.path not in by_path:
            continue
        inside: set[int] = set()
        for symbol in file.symbols:
            if symbol.form == "function":
                inside.update(range(symbol.line + 1, symbol.end_line + 1))
        lines = texts[file.path].decode("latin-1").split("\n")
        for name in by_path[file.path]:
            used = [number for number, line in enumerate(lines, 1) if re.search(rf"\b{re.escape(name)}\b", line)]
            if used and inside.issuperset(used):
                found.add((file.path, name))
    return found


def _speed(read: Reader, pairs: Sequence[tuple[str, bytes]], num_bytes: int, repeats: int) -> float:
    """Return the median speed of reading all files, in megabytes per CPU second."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        for path, data in pairs:
            read(path, data)
        seconds.append(time.process_time() - start)
    return num_bytes / 1e6 / statistics.median(seconds)


def _our_names(files: Iterable[SourceFile]) -> Names:
    names: Names = defaultdict(set)
    for file in files:
        for symbol in file.symbols:
            if kind := _FORM_TO_KIND.get(symbol.form):
                names[kind].add((file.path, symbol.name.replace(" ", "")))
    return names


def _read_ctags(program: str, root: Path, files: Sequence[SourceFile], measures: Measures, repeats: int) -> Names:
    names: Names = defaultdict(set)
    version = subprocess.run([program, "--version"], capture_output=True, check=True, text=True).stdout
    measures.ctags = version.split(",")[0]
    seconds = []
    for repeat in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        outputs = [_run_ctags(program, root, files, language, forced) for language, forced in _CTAGS_LANGUAGE.items()]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        for line in "".join(outputs).splitlines() if repeat == 0 else ():
            tag = json.loads(line)
            kind = _CTAGS_TO_KIND.get(tag.get("kind", ""))
            if kind and not tag["name"].startswith("__anon"):
                names[kind].add((tag["path"], tag["name"].rpartition("::")[2].replace(" ", "")))
    measures.ctags_megabytes_per_second = measures.num_bytes / 1e6 / max(statistics.median(seconds), 1e-3)
    declared = names["function"]
    names["prototype"] = {each for each in names["prototype"] if each not in declared}
    return names


def _run_ctags(program: str, root: Path, files: Sequence[SourceFile], language: str, forced: str) -> str:
    paths = "".join(f"{file.path}\n" for file in files if file.language == language)
    command = [program, f"--language-force={forced}", "--kinds-C=+px", "--kinds-C++=+px"]
    command += ["--output-format=json", "--fields=NFK", "-L", "-", "-f", "-"]
    done = subprocess.run(command, cwd=root, input=paths.encode(), capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(prog="bench.code", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("trees", type=Path, nargs="*", help="folders of source files; default: the generated vendor's")
    parser.add_argument("--repeats", type=int, default=3, help="speeds are medians over this many runs")
    parser.add_argument("--commits", type=Path, action="append", default=[], help="git mirror to replay commits of")
    parser.add_argument("--json", type=Path, help="write the measures to this file")
    parser.add_argument("--show", type=int, default=0, help="print this many names a kind that only one side found")
    options = parser.parse_args(arguments)
    measured = []
    with tempfile.TemporaryDirectory() as scratch:
        trees = options.trees
        if not trees and not options.commits:
            trees = [write_generated(Path(scratch))[1]["veldra-drivers"]]
        for tree in trees:
            measures, different = measure(tree, options.repeats)
            measured.append(measures)
            for kind, (ours, theirs) in different.items():
                for side, names in (("ours", ours), ("ctags", theirs)):
                    for path, name in sorted(names)[: options.show]:
                        sys.stdout.write(f"{tree.name}: only {side}: {kind} {name} in {path}\n")
    replays = [replay(mirror) for mirror in options.commits]
    if options.json:
        all_measures = {"trees": list(map(asdict, measured)), "commits": list(map(asdict, replays))}
        options.json.write_text(json.dumps(all_measures, indent=1) + "\n")
    sys.stdout.write(_report(measured) + "".join(map(report_replay, replays)))
    return 0


def _report(measured: Sequence[Measures]) -> str:
    kinds = sorted({kind for measures in measured for kind in measures.agreement})
    head = f"{'tree':<14} files    MB outline    all  ctags  ratio   ERROR files"
    lines = [head + "".join(f" {kind:>16}" for kind in kinds)] if measured else []
    for each in measured:
        ctags = each.ctags_megabytes_per_second
        share = each.bytes_under_error / each.num_bytes if each.num_bytes else 0.0
        line = (
            f"{each.tree:<14} {each.num_files:5} {each.num_bytes / 1e6:5.1f} {each.outline_megabytes_per_second:7.2f}"
        )
        line += f" {each.all_megabytes_per_second:6.2f} {ctags or 0:6.1f}"
        line += f" {(ctags or 0) / each.outline_megabytes_per_second:5.1f}x {share:7.3%} {each.files_with_errors:5}"
        for kind in kinds:
            row = each.agreement.get(kind)
            cell = f"{row['ratio']:.1%} ({row['theirs']:.0f}, {row['explained']:.0f})" if row else ""
            line += f" {cell:>16}"
        lines.append(line)
    lines += (
        ["Cells: agreement (names of ctags, differences explained); speeds in MB a CPU second."] if measured else []
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
