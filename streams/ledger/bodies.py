"""Bodies: the mapper's dataclasses as zlib-compressed JSON in one column, beside the columns that are searched."""

import hashlib
import zlib
from typing import Any, TypeVar

from pydantic import TypeAdapter

LEVEL = 6

T = TypeVar("T")


def pack(value: object) -> bytes:
    """Return a dataclass value as bytes for a body column; the same value gives the same bytes."""
    return zlib.compress(_adapter(type(value)).dump_json(value), LEVEL)


def unpack(kind: type[T], body: bytes) -> T:
    """Return the value of type `kind` in a body column."""
    value: T = _adapter(kind).validate_json(zlib.decompress(body))
    return value


def is_packed(body: bytes, value: object) -> bool:
    """Return whether a body column holds this value."""
    return zlib.decompress(body) == _adapter(type(value)).dump_json(value)


def content_of(body: bytes) -> str:
    """Return the digest of what a body column holds, however it was compressed."""
    return hashlib.sha256(zlib.decompress(body)).hexdigest()


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
