"""Parse the files of a snapshot in a few processes; what comes back is what linking reads of each file, no more."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from deploy.cli.sourcetree import SourceTree, parse_content, read_contents, read_file, text_of
from mapper.code import role_of
from mapper.errors import SourceError
from mapper.linking.index.facts import FileFacts, file_facts
from mapper.linking.index.structure import ANSWER_ROLES
from mapper.model import SourceFile
from streams.lifeline import die_with_parent

FILES_A_TASK = 32
FEW_FILES = 200
"""So few are parsed here: starting processes would take longer."""
MAX_WORKERS = 8
TASKS_A_PROCESS = 200
"""Then a fresh process takes over, whatever the parser has kept of large files."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's facts, or why there are none: its role is none that may implement a part, or it could not be taken."""

    name: str
    facts: FileFacts | None
    skipped: str = ""


def parse_tree(
    tree: SourceTree, names: Sequence[str], advance: Callable[[int], None], *, workers: int | None = None
) -> Iterator[Parsed]:
    """Yield what linking reads of these files, in order. At most a few tasks' files are held at a time."""
    wanted = [name for name in names if role_of(text_of(name)) in ANSWER_ROLES]
    advance(len(names) - len(wanted))
    number = workers or max(1, min(MAX_WORKERS, os.cpu_count() or 1))
    if number == 1 or len(wanted) <= FEW_FILES:
        for name, data in read_contents(tree, wanted):
            yield _parsed(name, data)
            advance(1)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(
        number, mp_context=context, initializer=die_with_parent, max_tasks_per_child=TASKS_A_PROCESS
    ) as pool:
        waiting: deque[Future[list[Parsed]]] = deque()
        tasks = _tasks(tree, wanted)
        for root, batch in tasks:
            waiting.append(pool.submit(_parse_batch, root, batch))
            if len(waiting) > 2 * number:
                yield from _taken(waiting.popleft(), advance)
        while waiting:
            yield from _taken(waiting.popleft(), advance)


def loader(tree: SourceTree) -> Callable[[str], SourceFile]:
    """Return what gives a file as parsed by its path; it raises SourceError if the file cannot be taken."""
    names = {text_of(name): name for name in tree.paths}

    def load(path: str) -> SourceFile:
        [(_, data)] = read_contents(tree, [names[path]])
        return parse_content(names[path], data)

    return load


def _tasks(tree: SourceTree, names: Sequence[str]) -> Iterator[tuple[Path | None, list[tuple[str, bytes | None]]]]:
    """Yield batches: names alone where a worker can read the files itself, else with their contents."""
    if tree.commit is None:
        for start in range(0, len(names), FILES_A_TASK):
            yield tree.root, [(name, None) for name in names[start : start + FILES_A_TASK]]
        return
    contents = read_contents(tree, names)
    while batch := list(islice(contents, FILES_A_TASK)):
        yield None, batch


def _taken(task: Future[list[Parsed]], advance: Callable[[int], None]) -> list[Parsed]:
    parsed = task.result()
    advance(len(parsed))
    return parsed


def _parse_batch(root: Path | None, batch: Sequence[tuple[str, bytes | None]]) -> list[Parsed]:
    return [_parsed(name, data if root is None else read_file(root / name)) for name, data in batch]


def _parsed(name: str, data: bytes | None) -> Parsed:
    try:
        return Parsed(name, file_facts(parse_content(name, data)))
    except SourceError as error:
        return Parsed(name, None, str(error))
