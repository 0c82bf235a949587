"""The file that `sheetstream map --since` keeps between runs: the tree as looked up, datasheets as read, decisions.

It is a cache: whatever is in it, the answer is that of a run without it. A state of another version of the mapper, of
another tree or damaged on the disk is not used; a file that is no state at all is never written over.
"""

import hashlib
import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from mapper.errors import StateError
from mapper.ids import content_id
from mapper.linking.index.keeping import Package, pack, state_of, state_parts, unpack
from mapper.linking.index.state import EMPTY, TreeState
from mapper.linking.mapping import Decision
from mapper.model import Datasheet
from mapper.version import source_digest

SHEET = TypeAdapter(Datasheet)
DECISIONS = TypeAdapter(dict[str, Decision])
NAMES = TypeAdapter(dict[str, str])
PARSERS = ("tree-sitter", "tree-sitter-c", "tree-sitter-cpp", "numpy", "pypdfium2")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """What one run leaves to the next."""

    tree: TreeState = EMPTY
    stamps: Mapping[str, str] = field(default_factory=dict)
    """Name of each source file -> what tells whether it has changed."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Name -> why a file could not be taken."""
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    """Key of a datasheet -> what was decided about it."""
    is_decided: bool = False
    """Whether the decisions were taken for this very tree, so that nothing they read needs to be asked again."""
    sheets: Mapping[str, bytes] = field(default_factory=dict)
    """Key of a datasheet -> the datasheet as read, as JSON."""


def state_key(root: Path, *, is_commit: bool, parts: Iterable[str], policy: str) -> str:
    """Return what a state must have been made for: this tree, parts and policy, this version of the mapper."""
    return content_id("state2", str(root.resolve()), is_commit, sorted(parts), policy, _mapper_version())


def sheet_key(pdf: bytes, *, file: str, parts: Iterable[str]) -> str:
    """Return the key of a datasheet: all that reading it depends on, besides the version of the mapper."""
    return content_id("sheet1", hashlib.sha256(pdf).hexdigest(), file, list(parts))


def load_state(file: Path, key: str) -> tuple[KeptState, str]:
    """Return the kept state and "", or an empty one and why it starts afresh. Raises StateError on another's file."""
    if not file.exists() or file.stat().st_size == 0:
        return KeptState(), f"{file}: new state"
    with file.open("rb") as opened:
        data = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        package = unpack(data, source=str(file))
    except StateError as error:
        if error.reason == "foreign":
            raise
        return KeptState(), f"{error}; starting afresh"
    if package.header.get("key") != key:
        return KeptState(), f"{file}: of another tree, other parts or another version of the mapper; starting afresh"
    parts = package.parts
    blobs = {name: part for name, part in parts.items() if isinstance(part, bytes)}
    return KeptState(
        tree=state_of(parts),
        stamps=NAMES.validate_json(blobs["stamps"]),
        skipped=NAMES.validate_json(blobs["skipped"]),
        decisions=DECISIONS.validate_json(blobs["decisions"]),
        is_decided=blobs["is_decided"] == b"true",
        sheets={name.removeprefix("sheet."): part for name, part in blobs.items() if name.startswith("sheet.")},
    ), ""


def save_state(file: Path, key: str, state: KeptState) -> None:
    """Write a state in place of the last one, at once."""
    parts = {
        **state_parts(state.tree),
        "stamps": NAMES.dump_json(dict(state.stamps)),
        "skipped": NAMES.dump_json(dict(state.skipped)),
        "decisions": DECISIONS.dump_json(dict(state.decisions)),
        "is_decided": b"true" if state.is_decided else b"false",
        **{f"sheet.{name}": body for name, body in state.sheets.items()},
    }
    partial = file.with_name(file.name + ".part")
    with partial.open("wb") as out:
        for piece in pack(Package({"key": key}, parts)):
            out.write(piece)
    partial.replace(file)


def _mapper_version() -> str:
    """Return a digest of the mapper's source and of the parsers it uses."""
    return source_digest(["."], [(name, version(name)) for name in PARSERS])
