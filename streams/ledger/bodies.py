"""Bodies: the mapper's dataclasses as zlib-compressed JSON in one column, beside the columns that are searched."""

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


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
