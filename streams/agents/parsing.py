"""Parse the files of a commit that this version has not parsed yet, in the pool's process, and keep what they give.

A file that kills the parser costs its commit nothing but time: it is left out with its reason, and remembered by
content and parser's version, so that no later commit, copy or repository tries it again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine

from mapper.model import SourceFile
from streams.agents.one_file import Refusal, parse_one
from streams.config import StreamsSettings
from streams.errors import PoolError
from streams.events import ChangedPath
from streams.ledger import symbols
from streams.ledger.engine import reading, writing
from streams.ledger.samples import DropRow
from streams.ledger.symbols import RefusedFile
from streams.pool import Pool, parse_limits

STAGE = "symbols"
CHUNK_BYTES = 4 * 1000 * 1000  # of source text that travels to the parser's process at once
CHUNK_FILES = 100
PROBE = ("probe.c", b"int probe(void) { return 0; }\n")
"""A parser that does not survive this one is broken itself: then no file is to blame."""


class Mirror(Protocol):
    """What is read of a repository's mirror."""

    def tree(self, commit: str) -> dict[str, str]:
        """Return path -> blob id of a commit."""
        ...

    def changes(self, base: str | None, commit: str) -> list[ChangedPath]:
        """Return what differs between two commits, renames detected."""
        ...

    def read_blobs(self, blob_ids: Iterable[str], *, max_bytes: int = ...) -> Iterator[tuple[str, bytes | None]]:
        """Yield each blob's content, None for one over max_bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What parsing some files came to."""

    drops: tuple[DropRow, ...]
    num_parsed: int


class FileParser:
    """Parses files that are not in the ledger."""

    def __init__(
        self,
        settings: StreamsSettings,
        engine: Engine,
        pool: Pool,
        *,
        parse: Callable[[str, bytes], SourceFile | Refusal] = parse_one,
    ) -> None:
        self._max_bytes = settings.max_file_bytes
        self._limits = parse_limits(settings)
        self._engine = engine
        self._pool = pool
        self._parse = parse

    def parse(self, repo_id: str, files: Mapping[str, str], mirror: Mirror) -> Parsed:
        """Parse what of path -> blob id this version never parsed, and keep it.

        It is kept by content: that is right even if the commit it came with is never applied. Raises PoolError when
        the parser is broken or the pool was stopped.
        """
        with reading(self._engine) as conn:
            missing = symbols.unparsed(conn, files)
            known = symbols.refused(conn, missing.values())
        drops = [
            drop(repo_id, path, blob, known[blob].reason, f"{path}: {known[blob].detail}")
            for path, blob in missing.items()
            if blob in known
        ]
        missing = {path: blob for path, blob in missing.items() if blob not in known}
        num_parsed = 0
        for chunk in _chunks(self._read(repo_id, missing, mirror, drops)):
            found, refused = self._parse_chunk(repo_id, chunk, missing, drops)
            with writing(self._engine) as conn:
                symbols.store_parsed(conn, found)
                symbols.refuse(conn, refused, time.time())
            num_parsed += len(found)
        return Parsed(drops=tuple(drops), num_parsed=num_parsed)

    def _parse_chunk(
        self, repo_id: str, chunk: list[tuple[str, bytes]], blobs: Mapping[str, str], drops: list[DropRow]
    ) -> tuple[list[SourceFile], list[RefusedFile]]:
        found: list[SourceFile] = []
        refused: list[RefusedFile] = []
        answers = self._pool.call_each(self._parse, chunk, self._limits)
        if any(isinstance(answer, PoolError) for answer in answers):
            (probed,) = self._pool.call_each(self._parse, [PROBE], self._limits)
            if isinstance(probed, PoolError):
                raise probed
        for (path, _), answer in zip(chunk, answers, strict=True):
            blob = blobs[path]
            if isinstance(answer, PoolError):
                refused.append(RefusedFile(blob_id=blob, path=path, reason=answer.reason, detail=str(answer)))
                drops.append(drop(repo_id, path, blob, answer.reason, f"{path}: {answer}"))
            elif isinstance(answer, Refusal):
                drops.append(drop(repo_id, path, blob, answer.reason, answer.detail))
            else:
                found.append(answer)
        return found, refused

    def _read(
        self, repo_id: str, files: Mapping[str, str], mirror: Mirror, drops: list[DropRow]
    ) -> Iterator[tuple[str, bytes]]:
        paths = sorted(files)
        blobs = mirror.read_blobs([files[path] for path in paths], max_bytes=self._max_bytes)
        for path, (blob, data) in zip(paths, blobs, strict=True):
            if data is None:
                text = f"{path}: more than {self._max_bytes} bytes"
                drops.append(drop(repo_id, path, blob, "too_large", text))
            else:
                yield path, data


def drop(repo_id: str, path: str, blob: str, reason: str, detail: str) -> DropRow:
    """Return the note that a file is left out."""
    return DropRow(
        stage=STAGE, reason=reason, repo_id=repo_id, path=path, blob_id=blob, detail=detail, dropped_at=time.time()
    )


def _chunks(files: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    chunk: list[tuple[str, bytes]] = []
    num_bytes = 0
    for path, data in files:
        chunk.append((path, data))
        num_bytes += len(data)
        if num_bytes >= CHUNK_BYTES or len(chunk) >= CHUNK_FILES:
            yield chunk
            chunk, num_bytes = [], 0
    if chunk:
        yield chunk
