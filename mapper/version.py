"""What decides about links, as one digest: a ledger notes it beside what was decided, so an upgrade decides anew."""

import functools
import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy

LINKING = ("linking", "code", "model.py", "ids.py")
"""Files and folders of this package that a mapping of parsed files and datasheets as read depends on. A parsed file's
facts are made of what the parser finds, so its code counts too."""
PARSERS = ("tree-sitter", "tree-sitter-c", "tree-sitter-cpp")


@functools.cache
def linker_version() -> str:
    """Return the version of what links: the same as long as no line of it, no parser and not numpy has changed."""
    packages = [(name, version(name)) for name in PARSERS]
    return source_digest(LINKING, [*packages, ("numpy", numpy.__version__)])[:32]


def source_digest(names: Iterable[str], packages: Iterable[tuple[str, str]] = ()) -> str:
    """Return the sha256 over Python sources of this package (files, or all below folders) and versions of others."""
    root = Path(__file__).parent
    digest = hashlib.sha256(repr(list(packages)).encode())
    for name in sorted(names):
        here = root / name
        for source in [here] if here.is_file() else sorted(here.rglob("*.py")):
            digest.update(source.relative_to(root).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()
