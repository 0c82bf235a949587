"""What a repository is at one commit, and the commits that lead there."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from deploy.demo.code.writing import Plant, Written
from deploy.demo.repositories.history import Snapshot

Tree = dict[str, Written]

AUTHORS = (
    "Marit Solberg <marit.solberg@veldra.example>",
    "Jonas Teige <jonas.teige@veldra.example>",
    "Ines Caldeira <ines.caldeira@veldra.example>",
    "Tomasz Wrona <tomasz.wrona@veldra.example>",
)
_DAYS_BETWEEN_COMMITS = 6.25


@dataclass(frozen=True, slots=True)
class State:
    """The choices that a tree is written from."""

    small: bool = False
    layout: Literal["flat", "src"] = "flat"
    parts: Mapping[str, str] = field(default_factory=dict)
    """Part in lower case -> revision of the datasheet the code follows."""
    plants: tuple[Plant, ...] = ()
    features: frozenset[str] = frozenset()
    renames: tuple[tuple[str, str], ...] = ()
    """Symbols renamed, old and new name."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files that no writer makes: texts, licences, build files."""

    def add(self, *features: str) -> "State":
        """Return the state with features."""
        return replace(self, features=self.features | set(features))

    def drop(self, *features: str) -> "State":
        """Return the state without features."""
        return replace(self, features=self.features - set(features))

    def plant(self, *plants: Plant) -> "State":
        """Return the state with wrong values planted."""
        return replace(self, plants=(*self.plants, *plants))

    def mend(self, *names: str) -> "State":
        """Return the state without some plants."""
        return replace(self, plants=tuple(plant for plant in self.plants if plant.name not in names))

    def follow(self, part: str, revision: str) -> "State":
        """Return the state with code for a part, after a revision of its datasheet."""
        return replace(self, parts={**self.parts, part: revision})

    def write(self, path: str, data: str | bytes) -> "State":
        """Return the state with one more text file."""
        return replace(self, files={**self.files, path: data.encode() if isinstance(data, str) else data})

    def remove(self, path: str) -> "State":
        """Return the state without a text file."""
        return replace(self, files={name: data for name, data in self.files.items() if name != path})


@dataclass(frozen=True, slots=True)
class Commit:
    """A message and what it does to the state."""

    message: str
    change: Callable[[State], State]
    always: bool = False
    """Kept in a small history."""
    step: bool = False
    """The history is published up to here in one go."""


@dataclass(frozen=True, slots=True)
class History:
    """All snapshots of a repository and their trees with notes."""

    snapshots: tuple[Snapshot, ...]
    trees: tuple[Tree, ...]
    steps: tuple[int, ...]
    """Indexes of the snapshots that end a step; the last one is always among them."""


def play(start: State, commits: Sequence[Commit], write_tree: Callable[[State], Tree], *, first_day: float) -> History:
    """Return the history that the commits give, in a small state only those that are always kept."""
    state = start
    snapshots: list[Snapshot] = []
    trees: list[Tree] = []
    steps: list[int] = []
    kept = [commit for commit in commits if commit.always or not start.small]
    for index, commit in enumerate(kept):
        state = commit.change(state)
        tree = {name: _renamed(file, state.renames) for name, file in write_tree(state).items()}
        tree |= {name: Written(name, data) for name, data in state.files.items()}
        days = first_day + index * _DAYS_BETWEEN_COMMITS
        author = AUTHORS[(index * 7 + len(commit.message)) % len(AUTHORS)]
        snapshots.append(Snapshot(commit.message, author, days, {name: file.data for name, file in tree.items()}))
        trees.append(tree)
        if commit.step or index == len(kept) - 1:
            steps.append(index)
    return History(tuple(snapshots), tuple(trees), tuple(steps))


def _renamed(file: Written, renames: Sequence[tuple[str, str]]) -> Written:
    """Return a file with symbols renamed in its text and its notes."""
    text = file.data
    names = {old: new for old, new in renames if old.encode() in text}
    if not names:
        return file
    for old, new in names.items():
        text = re.sub(rb"\b%s\b" % re.escape(old.encode()), new.encode(), text)
    return replace(
        file,
        data=text,
        mentions=tuple(replace(mention, name=names.get(mention.name, mention.name)) for mention in file.mentions),
        claims=tuple(replace(c, symbol=names.get(c.symbol, c.symbol)) for c in file.claims),
    )
