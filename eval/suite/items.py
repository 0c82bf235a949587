"""A suite on disk: `suite.json` and one JSONL file for each domain, bound to each other by sha256.

A suite is never changed: other items are another suite with another version. Its digest is the sha256 of
`suite.json`, which names the digest of every JSONL file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from eval.errors import SuiteError

FORMAT_VERSION = 1
MANIFEST = "suite.json"

Slice = Literal["in_domain", "held_out"]
Cut = Literal["next_line", "next_unit", "suffix"]
SLICES: tuple[Slice, ...] = ("in_domain", "held_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSource:
    """A folder of source files of one origin family, and the slice its items belong to."""

    root: Path
    family: str
    slice: Slice
    licence: str
    """SPDX identifier of files that carry none of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question: continue `context`; the file itself continues with `reference`."""

    item_id: str
    domain: str
    slice: Slice
    cut: Cut
    family: str
    path: str
    """Relative to the source's root."""
    offset: int
    """Byte of the file at which the reference begins."""
    licence: str
    context: str
    reference: str
    patterned: bool
    """The reference repeats the shape of the lines before it (tables, sequential registers)."""

    @property
    def file(self) -> str:
        """The file the item is from, over all families: what the bootstrap resamples."""
        return f"{self.family}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """What a suite's manifest says about a source. sha256: over paths and digests of the files read."""

    family: str
    slice: Slice
    licence: str
    num_files: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEntry:
    """What a suite's manifest says about a domain's JSONL file."""

    path: str
    num_items: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteManifest:
    """The content of `suite.json`."""

    version: int
    suite_version: str
    seed: int
    items_per_domain: int
    context_bytes: int
    reference_bytes: int
    sources: tuple[SourceEntry, ...]
    domains: dict[str, DomainEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite in memory; items in the order of domains and ids."""

    manifest: SuiteManifest
    sha256: str
    items: tuple[Item, ...]

    @property
    def version(self) -> str:
        return self.manifest.suite_version

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(self.manifest.domains)


MANIFEST_JSON = TypeAdapter(SuiteManifest)
ITEM_JSON = TypeAdapter(Item)


def load_suite(folder: Path) -> Suite:
    """Return the suite in this folder. Raises SuiteError where a file is missing, altered or not in its format."""
    data = _read(folder / MANIFEST)
    try:
        manifest = MANIFEST_JSON.validate_json(data)
    except ValidationError as error:
        raise SuiteError(f"{folder / MANIFEST}: not a suite manifest: {error.errors()[0]['msg']}") from None
    if manifest.version != FORMAT_VERSION:
        raise SuiteError(f"{folder / MANIFEST}: format version {FORMAT_VERSION} expected, got {manifest.version}")
    items = tuple(item for entry in manifest.domains.values() for item in _load_domain(folder, entry))
    return Suite(manifest=manifest, sha256=hashlib.sha256(data).hexdigest(), items=items)


def suite_digest(folder: Path) -> str | None:
    """Return the digest of the suite in this folder without reading its items, or None where there is no suite."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return None


def _load_domain(folder: Path, entry: DomainEntry) -> list[Item]:
    file = folder / entry.path
    if Path(entry.path).name != entry.path:
        raise SuiteError(f"{folder / MANIFEST}: a file name expected, got {entry.path!r}")
    data = _read(file)
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise SuiteError(f"{file}: sha256 {entry.sha256[:16]} expected, got {found[:16]}: the suite was altered")
    try:
        items = [ITEM_JSON.validate_json(line) for line in data.splitlines()]
    except ValidationError as error:
        raise SuiteError(f"{file}: not an item: {error.errors()[0]['msg']}") from None
    if len(items) != entry.num_items:
        raise SuiteError(f"{file}: {entry.num_items} items expected, got {len(items)}")
    return items


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SuiteError(f"{file}: {error.strerror or error}; `sheetstream eval build` makes a suite") from None
