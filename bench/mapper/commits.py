"""What a commit costs: the last commits of a git mirror that touch code, mapped one after another as they came.

Each commit's changed files are parsed, the tree's state is moved, decisions are taken anew where what they read has
changed. Every EQUAL_EVERY commits the whole tree is parsed and mapped without any state: the two must be equal, and the
CPU time of the second is what the first saved. History is followed along first parents.
"""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.mapper.tokens import TokenCounts
from mapper.code import MAX_FILE_BYTES, is_relevant_path, parse_file, role_of
from mapper.errors import SourceError
from mapper.linking.asking.material import refusal
from mapper.linking.asking.prompts import render
from mapper.linking.asking.questions import Recorder
from mapper.linking.index.facts import FileFacts, file_facts
from mapper.linking.index.state import TreeState
from mapper.linking.index.structure import ANSWER_ROLES
from mapper.linking.mapping import Decision, Remapped, remap_tree
from mapper.model import Datasheet, SourceFile
from streams.watch.git import EMPTY_TREE, GitMirror

NUM_COMMITS = 100
EQUAL_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCost:
    """One commit. files, links: datasheets whose decisions at that level were taken anew."""

    commit: str
    num_parsed: int
    files: int
    links: int
    cpu_seconds: float
    num_prompts: int
    """Prompts of policy "undecided" that no earlier commit asked."""
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCosts:
    """The commits of one mirror, oldest first. checks: equal to a full mapping, and the CPU time of that."""

    mirror: str
    num_files: int
    num_sheets: int
    commits: tuple[CommitCost, ...]
    checks: tuple[tuple[bool, float], ...]


class Replayed:
    """A mirror's tree at one commit after another, and its mapping with some datasheets."""

    def __init__(self, folder: Path, sheets: Sequence[Datasheet], counts: TokenCounts | None) -> None:
        self.mirror = GitMirror(folder)
        self._repo_family = folder.parent.name if folder.name == "repo" else folder.name
        self._sheets = as_read(sheets)
        self._counts = counts
        self._asked: set[str] = set()
        self._blobs: dict[str, str] = {}
        self._state = TreeState.of(())
        self._decisions: Mapping[str, Decision] = {}

    def move(self, commit: str) -> CommitCost:
        """Map the tree of a commit from where the last one stood."""
        blobs = {path: blob for path, blob in self.mirror.tree(commit).items() if is_relevant_path(path)}
        changed = [path for path, blob in blobs.items() if self._blobs.get(path) != blob]
        gone = {path for path in self._blobs if path not in blobs}
        started = time.process_time()
        facts = self._facts(blobs, changed)
        state = self._state.updated({*gone, *changed}, facts)
        remapped = self._remap(state, blobs, self._decisions)
        spent = time.process_time() - started
        anew = {key for key, decision in remapped.decisions.items() if self._decisions.get(key) is not decision}
        self._blobs, self._state, self._decisions = blobs, state, remapped.decisions
        prompts, tokens = self._new_prompts(state, blobs, anew)
        return CommitCost(
            commit=commit,
            num_parsed=len(changed),
            files=remapped.num_files_decided,
            links=remapped.num_links_decided,
            cpu_seconds=spent,
            num_prompts=prompts,
            num_tokens=tokens,
        )

    def check(self) -> tuple[bool, float]:
        """Say whether a mapping of the whole tree, parsed anew, is the same; and its CPU time."""
        started = time.process_time()
        state = TreeState.of(self._facts(self._blobs, list(self._blobs)))
        remapped = self._remap(state, self._blobs, {})
        return remapped.decisions == self._decisions, time.process_time() - started

    def num_files(self) -> int:
        return len(self._blobs)

    def _facts(self, blobs: Mapping[str, str], paths: Sequence[str]) -> list[FileFacts]:
        wanted = [path for path in paths if role_of(path) in ANSWER_ROLES]
        contents = self.mirror.read_blobs([blobs[path] for path in wanted], max_bytes=MAX_FILE_BYTES)
        found = []
        for path, (_, data) in zip(wanted, contents, strict=True):
            try:
                if data is not None:
                    found.append(file_facts(parse_file(path, data)))
            except SourceError:
                continue
        return found

    def _remap(self, state: TreeState, blobs: Mapping[str, str], before: Mapping[str, Decision]) -> Remapped:
        load = _Files(self.mirror, blobs).load
        return remap_tree(state, load, self._sheets, repo_family=self._repo_family, before=before)

    def _new_prompts(self, state: TreeState, blobs: Mapping[str, str], anew: set[str]) -> tuple[int, int]:
        """Return how many prompts the datasheets decided anew ask that were not asked before, and their tokens."""
        if self._counts is None or not anew:
            return 0, 0
        recorder = Recorder()
        remap_tree(
            state,
            _Files(self.mirror, blobs).load,
            {key: self._sheets[key] for key in anew},
            repo_family=self._repo_family,
            before={},
            model=recorder,
            policy="undecided",
        )
        prompts = {p.digest: p for q in recorder.questions if refusal(q) is None for p in [render(q)]}
        new = [prompt for digest, prompt in prompts.items() if digest not in self._asked]
        self._asked.update(prompts)
        return len(new), sum(self._counts.counter.prompt(prompt) for prompt in new)


class _Files:
    """The files of a commit as parsed, each once."""

    def __init__(self, mirror: GitMirror, blobs: Mapping[str, str]) -> None:
        self._mirror = mirror
        self._blobs = blobs
        self._parsed: dict[str, SourceFile] = {}

    def load(self, path: str) -> SourceFile:
        if path not in self._parsed:
            ((_, data),) = self._mirror.read_blobs([self._blobs[path]], max_bytes=MAX_FILE_BYTES)
            self._parsed[path] = parse_file(path, data or b"")
        return self._parsed[path]


def as_read(sheets: Sequence[Datasheet]) -> dict[str, Callable[[], Datasheet]]:
    """Return datasheets that were read already in the form that remap_tree takes."""
    return {sheet.sha256: partial(_itself, sheet) for sheet in sheets}


def _itself(sheet: Datasheet) -> Datasheet:
    return sheet


def measure_commits(
    folder: Path,
    sheets: Sequence[Datasheet],
    counts: TokenCounts | None,
    *,
    num_commits: int = NUM_COMMITS,
    say: Callable[[str], object] = lambda _: None,
) -> CommitCosts:
    """Return what the last code-touching commits of a mirror cost."""
    start, *commits = code_commits(folder, num_commits + 1)
    replayed = Replayed(folder, sheets, counts)
    replayed.move(start)
    costs, checks = [], []
    for number, commit in enumerate(commits, start=1):
        costs.append(replayed.move(commit))
        if number % EQUAL_EVERY == 0:
            checks.append(replayed.check())
            say(f"{folder}: {number} of {len(commits)} commits, equal to a full mapping: {checks[-1][0]}\n")
    return CommitCosts(
        mirror=folder.parent.name if folder.name == "repo" else folder.name,
        num_files=replayed.num_files(),
        num_sheets=len(sheets),
        commits=tuple(costs),
        checks=tuple(checks),
    )


def code_commits(folder: Path, most: int) -> list[str]:
    """Return the last commits along first parents that touch code, oldest first, at most so many."""
    found: list[str] = []
    for commit in _git(folder, "rev-list", "--first-parent", "HEAD").split():
        has_parent = bool(_git(folder, "rev-list", "--parents", "-n1", commit).split()[1:])
        before = f"{commit}^" if has_parent else EMPTY_TREE
        names = _git(folder, "diff-tree", "-r", "-z", "--name-only", "--no-commit-id", before, commit).split("\0")
        if any(map(is_relevant_path, names)):
            found.append(commit)
        if len(found) == most:
            break
    return found[::-1]


def commit_lines(costs: CommitCosts | None) -> Iterator[str]:
    """Yield medians and 90th percentiles as lines."""
    if costs is None or not costs.commits:
        return
    yield (
        f"== cost per commit: {costs.mirror}, the last {len(costs.commits)} commits that touch code, "
        f"{costs.num_files} files, {costs.num_sheets} datasheets"
    )
    for title, values in columns(costs).items():
        middle, high = spread(values)
        yield f"  {title:44} median {middle:10.2f}   p90 {high:10.2f}   most {max(values):10.2f}"
    full = [seconds for _, seconds in costs.checks]
    if full:
        equal = sum(is_equal for is_equal, _ in costs.checks)
        yield f"  {'full mapping, CPU seconds':44} median {statistics.median(full):10.2f}"
        yield f"  equal to a full mapping: {equal} of {len(full)} checked commits"


def columns(costs: CommitCosts) -> dict[str, list[float]]:
    """Return what is told of each commit, by title."""
    return {
        "files parsed": [float(c.num_parsed) for c in costs.commits],
        "datasheets whose files were decided anew": [float(c.files) for c in costs.commits],
        "datasheets whose links were decided anew": [float(c.links) for c in costs.commits],
        "CPU seconds": [c.cpu_seconds for c in costs.commits],
        "new prompts of policy undecided": [float(c.num_prompts) for c in costs.commits],
        "their tokens": [float(c.num_tokens) for c in costs.commits],
    }


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 90th percentile."""
    return statistics.median(values), sorted(values)[int(0.9 * (len(values) - 1))]


def commits_json(costs: CommitCosts | None) -> Mapping[str, object] | None:
    """Return the figures for the JSON."""
    if costs is None or not costs.commits:
        return None
    full = [seconds for _, seconds in costs.checks]
    return {
        "mirror": costs.mirror,
        "num_commits": len(costs.commits),
        "num_sheets": costs.num_sheets,
        "figures": {title: dict(zip(("median", "p90"), spread(v), strict=True)) for title, v in columns(costs).items()},
        "full_mapping_cpu_seconds": statistics.median(full) if full else None,
        "equal": [is_equal for is_equal, _ in costs.checks],
    }


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")
