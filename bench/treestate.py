"""Measure where a tree's state should live: `python -m bench.treestate TREE [--json PATH]`.

Three ways to have the state of a tree whose parsed files are in the ledger: from a file of the state itself, moved by
one changed file; from the facts of each file, if the ledger kept them; from the parsed files. CPU time and bytes of
each.
"""

import argparse
import dataclasses
import json
import pickle
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from bench.mapper.trees import read_folder
from mapper.code import parse_file
from mapper.errors import SourceError
from mapper.linking.index.facts import file_facts
from mapper.linking.index.keeping import Package, pack, state_of, state_parts, unpack
from mapper.linking.index.state import TreeState
from mapper.linking.index.structure import answer_files
from mapper.model import SourceFile
from streams.ledger import bodies

ROUNDS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """One way to have the state."""

    name: str
    cpu_seconds: float
    num_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path, help="a folder with source code")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    num_files, ways = measure(arguments.tree)
    print(f"{num_files} files that may implement a part")
    for way in ways:
        print(f"{way.name:44}{way.cpu_seconds * 1000:10.1f} ms CPU{way.num_bytes / 1000:12.0f} kB")
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(way) for way in ways], indent=1) + "\n")


def measure(folder: Path) -> tuple[int, list[Way]]:
    """Return how many files count, and the three ways, each the best of some rounds."""
    files = answer_files(_parsed(folder))
    packed = [bodies.pack(file) for file in files]
    facts = [zlib.compress(pickle.dumps(file_facts(file))) for file in files]
    state = TreeState.of(map(file_facts, files))
    kept = b"".join(bytes(piece) for piece in pack(Package({}, state_parts(state))))
    changed = file_facts(files[0])

    def from_file() -> None:
        state_of(unpack(memoryview(kept), source="kept").parts).updated((), [changed])

    def from_facts() -> None:
        TreeState.of([pickle.loads(zlib.decompress(body)) for body in facts])

    def from_files() -> None:
        TreeState.of([file_facts(bodies.unpack(SourceFile, body)) for body in packed])

    return len(files), [
        Way("from its file, moved by one changed file", _best(from_file), len(kept)),
        Way("from facts of each file", _best(from_facts), sum(map(len, facts))),
        Way("from parsed files, as the ledger has them", _best(from_files), sum(map(len, packed))),
    ]


def _best(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def _parsed(folder: Path) -> list[SourceFile]:
    found = []
    for path, data in read_folder(folder).contents.items():
        try:
            found.append(parse_file(path, data))
        except SourceError:
            continue
    return found


if __name__ == "__main__":
    main()
