"""The bytes of every topic: faust.Record types with a schema version, from and to the values of streams/events.py.

JSON, one record a message. A version that is not known here is an error that ends in the dead letters, never a
guess. Fields that a later minor change adds (LATER) are ignored by an older reader, and may be missing.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import faust
from pydantic import TypeAdapter, ValidationError

from streams.errors import RecordError
from streams.events import (
    CommitEvent,
    HintEvent,
    LinkedChange,
    LinkEvent,
    MappingChange,
    SampleEvent,
    ShardEvent,
    SheetEvent,
)

VERSION = 1
MAX_CHANGED_PATHS = 2000  # of a commit event: a message stays well under Kafka's 1 MB
MAX_EARLIER = 500  # commits that one event records
MAX_LISTED_IDS = 500  # of a mapping change
MAX_LISTED_PATHS = 2000  # of a mapping change and a linked change
MAX_PATHS_BYTES = 400_000  # of these paths

DomainT = TypeVar("DomainT")


class WireRecord(  # type: ignore[call-arg]  # faust is not followed by mypy
    faust.Record,  # type: ignore[misc]
    Generic[DomainT],
    abstract=True,
    serializer="json",
    include_metadata=False,
):
    """A record with a schema version; its other fields are those of its value in streams/events.py."""

    DOMAIN: ClassVar[type[Any]]
    LATER: ClassVar[Mapping[str, Any]] = {}
    """Fields that were added after records without them had been written, with what their absence means."""

    version: int

    @classmethod
    def from_domain(cls, value: DomainT) -> Self:
        """Return the record of a value."""
        return cls(version=VERSION, **dataclasses.asdict(cast(Any, value)))

    def to_domain(self) -> DomainT:
        """Return the value, every field checked; RecordError names the first field that is wrong."""
        fields = {name: value for name, value in self.asdict().items() if name != "version"}
        try:
            return cast(DomainT, _adapter(self.DOMAIN).validate_python(fields))
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise RecordError(f"{type(self).__name__}.{name}: {first['msg']}, got {first['input']!r:.100}") from None

    def encode(self) -> bytes:
        """Return the JSON bytes of this record."""
        fields = self.asdict()
        for name, absent in self.LATER.items():
            if fields[name] == absent:
                del fields[name]  # as it was written before there was this field
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def decode(cls, data: bytes | None) -> Self:
        """Return the record in these bytes; RecordError when they are not of this type and a known version."""
        if data is None:
            raise RecordError(f"{cls.__name__}: a value expected, got a tombstone")
        try:
            fields = json.loads(data)
        except ValueError as error:
            raise RecordError(f"{cls.__name__}: JSON expected: {error}", reason="decode") from None
        if not isinstance(fields, dict):
            raise RecordError(f"{cls.__name__}: a JSON object expected, got {type(fields).__name__}", reason="decode")
        if fields.get("version") != VERSION:
            raise RecordError(f"{cls.__name__}: version {VERSION} expected, got {fields.get('version')!r:.100}")
        known = {name: value for name, value in fields.items() if name in cls._options.fields}
        if missing := sorted(cls._options.fields.keys() - cls.LATER.keys() - known.keys()):
            raise RecordError(f"{cls.__name__}: fields missing: {', '.join(missing)}")
        return cast(Self, cls.from_data({**cls.LATER, **known}))


class CommitRecord(WireRecord[CommitEvent]):
    """Topic repo.commits, key: repository family.

    `changed`: objects of status, path, blob_id, old_path. `earlier`: those of EarlierCommit.
    """

    DOMAIN = CommitEvent
    LATER = {"earlier": (), "mapped": True, "backfill": 0, "upgrade": None}  # noqa: RUF012 - ClassVar of the parent

    event_id: str
    repo_id: str
    family: str
    ref: str
    commit: str
    base: str | None
    changed: list[dict[str, Any]]
    complete: bool
    commit_time: float
    summary: str
    earlier: list[dict[str, Any]]
    mapped: bool
    backfill: int
    upgrade: str | None


class SheetRecord(WireRecord[SheetEvent]):
    """Topic datasheet.releases, key: source id (the family is known only once the PDF is read)."""

    DOMAIN = SheetEvent
    LATER = {"upgrade": None}  # noqa: RUF012 - ClassVar of the parent

    event_id: str
    source_id: str
    location: str
    file: str
    sha256: str
    parts: list[str]
    revision: str | None
    released_at: float
    upgrade: str | None


class ChangeRecord(WireRecord[MappingChange]):
    """Topic mapping.changes, key: repository id or datasheet family."""

    DOMAIN = MappingChange

    cause: dict[str, Any]
    repo_id: str | None
    sheet_family: str | None
    paths: list[str]
    symbol_ids: list[str]
    anchors: list[str]


class LinkedRecord(WireRecord[LinkedChange]):
    """Topic mapping.linked, key: repository id."""

    DOMAIN = LinkedChange

    repo_id: str
    paths: list[str]
    cause: dict[str, Any]


class LinkRecord(WireRecord[LinkEvent]):
    """Topic trace.links, key: link id."""

    DOMAIN = LinkEvent

    link_id: str
    revision: str
    state: str
    repo_id: str
    sheet_family: str
    part: str
    path: str
    symbol: str
    anchor: str
    page: int
    score: float
    cause: dict[str, Any]


class SampleRecord(WireRecord[SampleEvent]):
    """Topic corpus.samples, key: sample id."""

    DOMAIN = SampleEvent

    sample_id: str
    state: str
    repo_id: str
    path: str
    domain: str
    content_hash: str
    cause: dict[str, Any]


class ShardRecord(WireRecord[ShardEvent]):
    """Topic corpus.shards, key: sequence number."""

    DOMAIN = ShardEvent

    seq: int
    name: str
    sha256: str
    num_samples: int
    num_bytes: int
    newest_event_time: float
    sealed_at: float


class HintRecord(WireRecord[HintEvent]):
    """Topic source.hints, key: place."""

    DOMAIN = HintEvent

    delivery_id: str
    place: str
    forge: str
    received_at: float


def path_batches(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the paths, sorted, in pieces that fit into one record each; nothing for no paths."""
    batch: list[str] = []
    num_bytes = 0
    for path in sorted(paths):
        size = len(path.encode())
        if batch and (len(batch) == MAX_LISTED_PATHS or num_bytes + size > MAX_PATHS_BYTES):
            yield tuple(batch)
            batch, num_bytes = [], 0
        batch.append(path)
        num_bytes += size
    if batch:
        yield tuple(batch)


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(domain: type[Any]) -> TypeAdapter[Any]:
    if domain not in _ADAPTERS:
        _ADAPTERS[domain] = TypeAdapter(domain)
    return _ADAPTERS[domain]
