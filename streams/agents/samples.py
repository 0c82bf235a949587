"""Agent samples: paths whose links or texts changed -> training samples added, kept, retracted or dropped.

A sealed sample whose text is unchanged stays, whatever became of its links: the trainer has it. A copy that was dropped
is looked at again when the text it copied is retracted.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine

from mapper.corpus.build import build_samples
from mapper.corpus.holdout import Holdout
from mapper.corpus.sample import Sample
from mapper.model import Datasheet, SourceFile, TraceLink
from streams import topics
from streams.agents.delivery import Effect
from streams.agents.parsing import CHUNK_BYTES, Mirror
from streams.agents.selection import COPY_OF_HELD_OUT, DUPLICATE, Selection, sample_drop
from streams.agents.symbols import OpenMirror
from streams.config import StreamsSettings
from streams.events import LinkedChange, SampleEvent
from streams.ledger import links, samples, sheets, sources, symbols
from streams.ledger.bodies import unpack
from streams.ledger.engine import reading
from streams.ledger.outbox import Outgoing
from streams.ledger.samples import DropRow
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.records import LinkedRecord, SampleRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A file to make samples of, with what is linked in it."""

    file: SourceFile
    data: bytes
    links: tuple[TraceLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """All that building samples depends on; travels to another process."""

    texts: list[SourceText]
    sheets: dict[str, bytes]
    """sha256 -> packed Datasheet."""
    family: str
    commit: str
    default_licence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The samples and drops of the paths, as of the repository's head."""

    samples: tuple[Sample, ...] = ()
    drops: tuple[DropRow, ...] = ()


class SamplesAgent:
    """Makes samples."""

    agent = "samples"
    record = LinkedRecord

    def __init__(
        self, settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, pool: Pool, open_mirror: OpenMirror
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._pool = pool
        self._open_mirror = open_mirror
        self._holdout = Holdout(frozenset(settings.holdout_families))

    def prepare(self, event: LinkedChange) -> Built:
        """Return the samples that the paths give now."""
        with reading(self._engine) as conn:
            repository = sources.find_repository(conn, event.repo_id)
            if repository is None or repository.state == "removed" or repository.head is None:
                return Built()
            tree = symbols.read_tree(conn, event.repo_id)
            wanted = {path: tree[path] for path in event.paths if path in tree}
            files = symbols.load_parsed(conn, wanted, parser=repository.parser)
            by_path: dict[str, list[TraceLink]] = defaultdict(list)
            for stored in links.load_links(conn, repo_id=event.repo_id, paths=files):
                by_path[stored.link.symbol.path].append(stored.link)
            linked = {link.sheet_sha256 for found in by_path.values() for link in found}
            bodies = {sha256: body for sha256, body in sheets.current_bodies(conn).items() if sha256 in linked}
        built: list[Sample] = []
        drops: list[DropRow] = []
        for texts in _chunks(files, by_path, self._open_mirror(event.repo_id)):
            request = BuildRequest(
                texts=texts,
                sheets=bodies,
                family=repository.family,
                commit=repository.head,
                default_licence=self._settings.default_licence,
            )
            made, dropped = self._pool.call(build_chunk, request)
            built += made
            drops += [sample_drop(event.repo_id, path, wanted[path], reason, text) for path, reason, text in dropped]
        return Built(samples=tuple(built), drops=tuple(drops))

    def apply(self, conn: Connection, event: LinkedChange, prepared: Built) -> Effect:
        """Write what changes among the samples of the paths."""
        samples.lock_samples(conn)
        repository = sources.find_repository(conn, event.repo_id)
        if repository is None or repository.state == "removed":
            paths, held_out, prepared = samples.live_paths(conn, event.repo_id), False, Built()
        else:
            paths, held_out = set(event.paths), self._holdout.excludes(repository.family)
            if event.cause.kind == "removal":  # added again since: what it does not have any more goes nevertheless
                paths |= samples.live_paths(conn, event.repo_id) - symbols.read_tree(conn, event.repo_id).keys()
        selection = Selection(conn, event, paths, prepared.samples, held_out=held_out)
        drops = [*prepared.drops, *selection.drops]
        samples.retract(conn, [row.sample_id for row in selection.retracted])
        samples.add_samples(conn, selection.added)
        samples.replace_drops(conn, self.agent, event.repo_id, paths, drops)
        return Effect(
            records=(*_sample_records(event, selection), *_copies(conn, event, selection)),
            event_time=event.cause.time,
            count=lambda: self._count(drops),
        )

    def _count(self, drops: list[DropRow]) -> None:
        for drop in drops:
            self._metrics.drops.labels(self.agent, drop.reason).inc()


def build_chunk(request: BuildRequest) -> tuple[list[Sample], list[tuple[str, str, str]]]:
    """Return the samples of some files, and (path, reason, detail) of what was left out."""
    sheet_values = {sha256: unpack(Datasheet, body) for sha256, body in request.sheets.items()}
    made: list[Sample] = []
    dropped: list[tuple[str, str, str]] = []
    for item in request.texts:
        found, drops = build_samples(
            item.file,
            item.data.decode("utf-8", "replace"),
            item.links,
            sheet_values,
            repo_family=request.family,
            commit=request.commit,
            default_licence=request.default_licence,
        )
        made += found
        dropped += [(drop.path, drop.reason, drop.detail) for drop in drops]
    return made, dropped


def _chunks(
    files: dict[str, SourceFile], by_path: dict[str, list[TraceLink]], mirror: Mirror
) -> Iterable[list[SourceText]]:
    chunk: list[SourceText] = []
    num_bytes = 0
    ordered = [files[path] for path in sorted(files)]
    for file, (_, data) in zip(ordered, mirror.read_blobs([f.blob_id for f in ordered]), strict=True):
        if data is None:
            continue
        chunk.append(SourceText(file=file, data=data, links=tuple(by_path.get(file.path, ()))))
        num_bytes += len(data)
        if num_bytes >= CHUNK_BYTES:
            yield chunk
            chunk, num_bytes = [], 0
    if chunk:
        yield chunk


def _sample_records(event: LinkedChange, selection: Selection) -> list[Outgoing]:
    return [
        *(
            _record(event, row.sample_id, "retracted", row.path, row.domain, row.content_hash)
            for row in selection.retracted
        ),
        *(
            _record(event, new.sample.sample_id, "pending", new.sample.path, new.sample.domain, new.content_hash)
            for new in selection.added
        ),
    ]


def _record(
    event: LinkedChange,
    sample_id: str,
    state: Literal["pending", "retracted"],
    path: str,
    domain: str,
    content_hash: str,
) -> Outgoing:
    value = SampleEvent(
        sample_id=sample_id,
        state=state,
        repo_id=event.repo_id,
        path=path,
        domain=domain,
        content_hash=content_hash,
        cause=event.cause,
    )
    return Outgoing(topic=topics.SAMPLES.name, key=sample_id, value=SampleRecord.from_domain(value).encode())


def _copies(conn: Connection, event: LinkedChange, selection: Selection) -> list[Outgoing]:
    """Return what makes the places with a dropped copy of a freed text be looked at again."""
    freed: Sequence[str] = selection.freed
    places = {
        (drop.repo_id, drop.path)
        for reason in (DUPLICATE, COPY_OF_HELD_OUT)
        for drop in samples.drops_of_content(conn, reason, freed)
        if drop.repo_id is not None and drop.path is not None
    }
    records = []
    for repo_id, path in sorted(places):
        change = LinkedChange(repo_id=repo_id, paths=(path,), cause=event.cause)
        records.append(Outgoing(topic=topics.LINKED.name, key=repo_id, value=LinkedRecord.from_domain(change).encode()))
    return records
