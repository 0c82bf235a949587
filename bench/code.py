"""Measure symbol extraction on a source tree beside universal-ctags: `python -m bench.code [TREE] [--json PATH]`.

Both read the same files in one run, each file as the same language. Speed is in megabytes per CPU second of one
process. Agreement per kind is intersection / union of the sets of (file, name); anonymous types are left out. Without
ctags only our own figures are given.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.generated import write_generated
from mapper.code import is_relevant_path, parse_file
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
    cpu_seconds: float = 0.0
    megabytes_per_second: float = 0.0
    symbols: dict[str, int] = field(default_factory=dict)
    bytes_under_error: int = 0
    files_with_errors: int = 0
    ctags: str | None = None
    ctags_cpu_seconds: float | None = None
    ctags_megabytes_per_second: float | None = None
    agreement: dict[str, dict[str, float]] = field(default_factory=dict)


def measure(root: Path) -> tuple[Measures, dict[str, tuple[set[tuple[str, str]], set[tuple[str, str]]]]]:
    """Return the measures of a tree, and for each kind what only we and what only ctags found."""
    measures = Measures(tree=root.name)
    items = [(path, path.read_bytes()) for path in sorted(root.rglob("*")) if path.is_file()]
    items = [(path, data) for path, data in items if is_relevant_path(path.relative_to(root).as_posix())]
    files: list[SourceFile] = []
    start = time.process_time()
    for path, data in items:
        try:
            files.append(parse_file(path.relative_to(root).as_posix(), data))
        except SourceError as error:
            sys.stderr.write(f"left out: {error}\n")
    measures.cpu_seconds = time.process_time() - start
    files = [file for file in files if file.language in _CTAGS_LANGUAGE]
    measures.num_files, measures.num_bytes = len(files), sum(file.num_bytes for file in files)
    measures.megabytes_per_second = sum(file.num_bytes for file in files) / 1e6 / measures.cpu_seconds
    measures.symbols = dict(sorted(Counter(symbol.kind for file in files for symbol in file.symbols).items()))
    measures.bytes_under_error = sum(file.bytes_under_error for file in files)
    measures.files_with_errors = sum(1 for file in files if file.bytes_under_error)
    different: dict[str, tuple[set[tuple[str, str]], set[tuple[str, str]]]] = {}
    program = shutil.which("ctags")
    if program is None:
        sys.stderr.write("ctags: not installed, so there is no comparison (package universal-ctags)\n")
        return measures, different
    theirs = _read_ctags(program, root, files, measures)
    ours = _our_names(files)
    # A static const member is a const object to us and a member to ctags: the same name found, no disagreement.
    ours["member"] |= ours.pop("const", set()) & theirs["member"]
    for kind in sorted({*ours, *theirs}):
        mine, other = ours.get(kind, set()), theirs.get(kind, set())
        agreement = Agreement(len(mine), len(other), len(mine & other))
        measures.agreement[kind] = {**asdict(agreement), "ratio": round(agreement.ratio, 4)}
        different[kind] = (mine - other, other - mine)
    return measures, different


def _our_names(files: Iterable[SourceFile]) -> Names:
    names: Names = defaultdict(set)
    for file in files:
        for symbol in file.symbols:
            if kind := _FORM_TO_KIND.get(symbol.form):
                names[kind].add((file.path, symbol.name.replace(" ", "")))
    return names


def _read_ctags(program: str, root: Path, files: Sequence[SourceFile], measures: Measures) -> Names:
    names: Names = defaultdict(set)
    version = subprocess.run([program, "--version"], capture_output=True, check=True, text=True).stdout
    measures.ctags = version.split(",")[0]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for language, forced in _CTAGS_LANGUAGE.items():
        paths = "".join(f"{file.path}\n" for file in files if file.language == language)
        command = [program, f"--language-force={forced}", "--kinds-C=+px", "--kinds-C++=+px"]
        command += ["--output-format=json", "--fields=NFK", "-L", "-", "-f", "-"]
        done = subprocess.run(command, cwd=root, input=paths.encode(), capture_output=True, check=True)
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            tag = json.loads(line)
            kind = _CTAGS_TO_KIND.get(tag.get("kind", ""))
            if kind and not tag["name"].startswith("__anon"):
                names[kind].add((tag["path"], tag["name"].rpartition("::")[2].replace(" ", "")))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measures.ctags_cpu_seconds = seconds
    measures.ctags_megabytes_per_second = measures.num_bytes / 1e6 / seconds if seconds else None
    declared = names["function"]
    names["prototype"] = {each for each in names["prototype"] if each not in declared}
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(prog="bench.code", description=__doc__)
    parser.add_argument(
        "tree", type=Path, nargs="?", help="folder of source files; default: the generated vendor's drivers"
    )
    parser.add_argument("--json", type=Path, help="write the measures to this file")
    parser.add_argument("--show", type=int, default=0, help="print this many names a kind that only one side found")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        tree = options.tree or write_generated(Path(scratch))[1]["veldra-drivers"]
        measures, different = measure(tree)
    if options.json:
        options.json.write_text(json.dumps(asdict(measures), indent=1) + "\n")
    sys.stdout.write(_report(measures))
    for kind, (ours, theirs) in different.items():
        for side, names in (("ours", ours), ("ctags", theirs)):
            for path, name in sorted(names)[: options.show]:
                sys.stdout.write(f"only {side}: {kind} {name} in {path}\n")
    return 0


def _report(measures: Measures) -> str:
    share = measures.bytes_under_error / measures.num_bytes if measures.num_bytes else 0.0
    lines = [
        f"{measures.tree}: {measures.num_files} files, {measures.num_bytes / 1e6:.2f} MB, {measures.symbols}",
        f"speed: {measures.megabytes_per_second:.2f} MB/s a CPU"
        + (f", ctags {measures.ctags_megabytes_per_second:.1f} MB/s" if measures.ctags_megabytes_per_second else ""),
        f"under ERROR: {share:.3%} of bytes, in {measures.files_with_errors} files",
    ]
    for kind, row in measures.agreement.items():
        lines.append(f"  {kind:<11} {row['ratio']:7.1%}  ours {row['ours']}, ctags {row['theirs']}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
