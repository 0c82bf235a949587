"""Which version of the mapper read or linked something: a digest of the sources and packages that decide the outcome.

Nobody has to remember to raise a number, and two installations agree exactly when they would give the same answer. A
comment that is corrected makes a new version too: what is read again then comes out as before.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SHARED = ("model.py", "ids.py")
"""The vocabulary and the identities, which every part of the mapper speaks."""
PARSING = (*SHARED, "code")
READING = (*SHARED, "datasheet")
LINKING = (*SHARED, "code", "corpus/secrets.py", "linking")
"""Of parsed files and datasheets as read; how strings and values of code are understood is a part of it."""

PARSERS = ("tree-sitter", "tree-sitter-c", "tree-sitter-cpp")
READERS = ("camelot-py", "numpy", "opencv-python-headless", "pandas", "pdfminer.six", "pypdfium2")
LINKERS = (*PARSERS, "numpy")


@cache
def parser_version() -> str:
    """Return the version of what turns a source file into symbols."""
    return f"parser1_{source_digest(PARSING, _installed(PARSERS))[:32]}"


@cache
def reader_version() -> str:
    """Return the version of what turns a PDF into sections and registers."""
    return f"reader1_{source_digest(READING, _installed(READERS))[:32]}"


@cache
def linker_version() -> str:
    """Return the version of what turns files and datasheets into links."""
    return f"linker1_{source_digest(LINKING, _installed(LINKERS))[:32]}"


@cache
def mapping_version() -> str:
    """Return the version of all three: of links whose files and datasheets were read, and that were made, by this."""
    parts = "\0".join((parser_version(), reader_version(), linker_version()))
    return f"mapping1_{hashlib.sha256(parts.encode()).hexdigest()[:32]}"


def source_digest(names: Iterable[str], packages: Iterable[tuple[str, str]] = ()) -> str:
    """Return the sha256 over Python sources of this package (files, or all below folders) and versions of others."""
    root = Path(__file__).parent
    digest = hashlib.sha256(repr(list(packages)).encode())
    for name in sorted(names):
        here = root / name
        for source in [here] if here.is_file() else sorted(here.rglob("*.py")):
            digest.update(source.relative_to(root).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _installed(packages: Iterable[str]) -> list[tuple[str, str]]:
    return [(package, _version(package)) for package in packages]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
