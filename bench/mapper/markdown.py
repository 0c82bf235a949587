"""The figures as a document: what was run on what, the targets as a table, then all tables as printed."""

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from bench.mapper.report import environment
from bench.mapper.targets import Target, verdict


def markdown_lines(targets: Iterable[Target], tables: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the document."""
    made = environment()
    changed = ", with changes not committed" if made["uncommitted_changes"] else ""
    commit = str(made["commit"] or "unknown")[:12]
    yield "# The mapper's figures"
    yield ""
    yield "Written by `python -m bench.mapping --markdown FILE`; do not edit. docs/mapper.md, section Measuring, says"
    yield "what each table tells."
    yield ""
    yield f"Commit {commit}{changed}, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores {made['machine']},"
    yield f"{made['system']}, Python {sys.version.split()[0]}; load average at the end {_load()}."
    yield ""
    yield "| target | measured | verdict |"
    yield "|---|---|---|"
    for target in targets:
        yield f"| {_cell(target.text)} | {_cell(target.measured)} | {verdict(target)} |"
    yield ""
    yield "```text"
    yield from tables
    yield "```"


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|").replace("<", "&lt;")


def _load() -> str:
    return f"{os.getloadavg()[1]:.1f}"
