"""A tree's state as bytes and back: named arrays, texts and blobs behind one header, so that arrays are read in place.

The form is: MAGIC, length of the header (8 bytes, little endian), crc32 of the header (4 bytes), the header as JSON
(what the caller says; for each part its name, type, length, crc32), then the parts, each at a multiple of ALIGN.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from mapper.errors import StateError
from mapper.linking.index.postings import Postings
from mapper.linking.index.state import TreeState

MAGIC = b"sheetstream map state 1\n"
ALIGN = 64
_LENGTHS = 12
Array = npt.NDArray[Any]
Parts = Mapping[str, Array | bytes]


@dataclass(frozen=True, slots=True)
class Package:
    """A header and named parts."""

    header: Mapping[str, Any]
    parts: Parts


def pack(package: Package) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a package, part after part."""
    entries = []
    for name, part in package.parts.items():
        kind = "bytes" if isinstance(part, bytes) else part.dtype.str
        raw = _raw(part)
        entries.append([name, kind, len(raw), zlib.crc32(raw)])
    header = json.dumps({"header": dict(package.header), "parts": entries}, separators=(",", ":")).encode()
    yield MAGIC
    yield len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(4, "little")
    yield header
    at = len(MAGIC) + _LENGTHS + len(header)
    for part in package.parts.values():
        raw = _raw(part)
        yield bytes(-at % ALIGN)
        yield raw
        at += -at % ALIGN + len(raw)


def unpack(data: memoryview, *, source: str) -> Package:
    """Return the package in these bytes; its arrays are views of them. Raises StateError: foreign, torn or damaged."""
    start = len(MAGIC) + _LENGTHS
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise StateError(f"{source}: not a state that `map` wrote, in this format", reason="foreign")
    length = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 8], "little")
    raw = bytes(data[start : start + length])
    if len(raw) != length or zlib.crc32(raw) != int.from_bytes(data[len(MAGIC) + 8 : start], "little"):
        raise StateError(f"{source}: the header is damaged or cut off", reason="damaged")
    said = json.loads(raw)
    at = start + length
    parts: dict[str, Array | bytes] = {}
    for name, kind, size, crc in said["parts"]:
        at += -at % ALIGN
        piece = data[at : at + size]
        if len(piece) != size or zlib.crc32(piece) != crc:
            raise StateError(f"{source}: part {name} is damaged or cut off", reason="damaged")
        parts[name] = bytes(piece) if kind == "bytes" else np.frombuffer(piece, dtype=np.dtype(kind))
        at += size
    return Package(said["header"], parts)


def state_parts(state: TreeState) -> dict[str, Array | bytes]:
    """Return a tree's state as named parts."""
    parts: dict[str, Array | bytes] = {}
    for field in fields(TreeState):
        value = getattr(state, field.name)
        if isinstance(value, Postings):
            for column in fields(Postings):
                parts[f"tree.{field.name}.{column.name}"] = getattr(value, column.name)
        elif isinstance(value, tuple):
            parts[f"tree.{field.name}"] = "\0".join((*value, "")).encode(errors="surrogatepass")
        else:
            parts[f"tree.{field.name}"] = value
    return parts


def state_of(parts: Parts) -> TreeState:
    """Return the tree's state in named parts."""
    columns: dict[str, Any] = {}
    for field in fields(TreeState):
        part = parts.get(f"tree.{field.name}")
        if part is None:
            columns[field.name] = Postings(
                **{column.name: parts[f"tree.{field.name}.{column.name}"] for column in fields(Postings)}  # type: ignore[arg-type]
            )
        elif isinstance(part, bytes):
            columns[field.name] = tuple(part.decode(errors="surrogatepass").split("\0")[:-1])
        else:
            columns[field.name] = part
    return TreeState(**columns)


def _raw(part: Array | bytes) -> bytes | memoryview:
    return part if isinstance(part, bytes) else np.ascontiguousarray(part).view(np.uint8).data
