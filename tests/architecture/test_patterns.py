"""Regular expressions that every Python from 3.11.0 on reads alike."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mapper", "streams", "trainer", "eval", "deploy", "bench")
SOURCES = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")


def test_no_group_is_repeated_possessively() -> None:
    """Python before 3.11.5 misses matches of possessive and atomic groups; a possessive character class is right."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if POSSESSIVE_GROUP.search(line)
    ]

    assert found == []
