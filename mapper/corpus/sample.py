"""A training sample and its bytes in a shard; the only module of the mapper that the trainer knows.

In a shard a sample is two members, <sample_id>.txt (its text) and <sample_id>.json (all else), as webdataset reads it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from mapper.errors import FormatError

SAMPLE_KEYS = ("txt", "json")
TEMPLATE_VERSION = 1
"""Version of how a sample's text is put together (build.py); part of its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One training text with where it is from."""

    sample_id: str
    text: str
    domain: str
    licence: str
    """SPDX expression under which the file was taken."""
    repo_family: str
    path: str
    blob_id: str
    commit: str
    sheet_sha256: str | None
    """The datasheet that its passage is from, if it has one."""
    link_revisions: tuple[str, ...]
    template_version: int


_SAMPLE: TypeAdapter[Sample] = TypeAdapter(Sample)


def sample_entry(sample: Sample) -> dict[str, str | bytes]:
    """Return a sample as webdataset writes it: "__key__" and one value for each of SAMPLE_KEYS."""
    return {
        "__key__": sample.sample_id,
        "txt": sample.text.encode(),
        "json": _SAMPLE.dump_json(sample, exclude={"text"}),
    }


def read_entry(entry: Mapping[str, str | bytes]) -> Sample:
    """Return the sample of an entry; further keys, as webdataset adds them, are ignored. Raises FormatError."""
    key = str(entry.get("__key__", "?"))
    try:
        metadata = json.loads(entry["json"])
        text = entry["txt"]
        fields = {**metadata, "text": text.decode() if isinstance(text, bytes) else text}
        return _SAMPLE.validate_python(fields)
    except KeyError as error:
        raise FormatError(f"sample {key}: no member {error}, expected {', '.join(SAMPLE_KEYS)}") from error
    except (ValueError, TypeError, ValidationError) as error:
        raise FormatError(f"sample {key}: {error}") from error
