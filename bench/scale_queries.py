"""What is asked of a large ledger: every query of the console and the commands, the sealer's, and a commit's update."""

import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bench.scale_rows import template
from mapper.model import SourceFile, Symbol, TraceLink
from streams.events import Cause
from streams.ledger import conflicts, costs, links, offsets, outbox, samples, shards, sheets, sources, symbols
from streams.ledger.counts import counts
from streams.ledger.coverage import coverage
from streams.ledger.impact import commit_impact
from streams.ledger.indexes import IS_PENDING
from streams.ledger.letters import find_letters
from streams.ledger.links import LinkRow, LinkTurn, StoredLink
from streams.ledger.outbox import Outgoing
from streams.ledger.schema import links as link_table
from streams.ledger.schema import samples as sample_table
from streams.ledger.symbols import AppliedCommit

CONSOLE_ROWS = 201
COMMAND_ROWS = 101


@dataclass(frozen=True, slots=True)
class Subject:
    """What one round asks about: a link drawn by chance, and what is around it."""

    row: LinkRow
    content_hash: str
    commit: str
    number: int


Query = Callable[[Connection, Subject], Any]


def draw(conn: Connection, chance: random.Random, number: int) -> Subject:
    """Return a subject drawn evenly from all links (so mostly of large repositories)."""
    start = f"ln1_{chance.getrandbits(128):032x}"
    query = select(link_table.c.link_id).where(link_table.c.link_id >= start).order_by(link_table.c.link_id).limit(1)
    link_id = conn.execute(query).scalar_one_or_none()
    story = links.link_story(conn, link_id or conn.execute(select(link_table.c.link_id).limit(1)).scalar_one())
    assert story is not None
    text = conn.execute(select(sample_table.c.content_hash).where(sample_table.c.path == story.row.path).limit(1))
    content = text.scalar_one_or_none() or "0" * 64
    return Subject(row=story.row, content_hash=content, commit=story.history[0].cause_id, number=number)


READS: dict[str, Query] = {
    "links: all, first page": lambda c, s: links.find_links(c, limit=CONSOLE_ROWS),
    "links: all, page after a link": lambda c, s: links.find_links(c, after=s.row.link_id, limit=CONSOLE_ROWS),
    "links: of a symbol": lambda c, s: links.find_links(c, symbol=s.row.name, limit=CONSOLE_ROWS),
    "links: of the symbol init": lambda c, s: links.find_links(c, symbol="init", limit=CONSOLE_ROWS),
    "links: of a file": lambda c, s: links.find_links(c, path=s.row.path, limit=CONSOLE_ROWS),
    "links: of a folder": lambda c, s: links.find_links(
        c, path=f"{s.row.path.rpartition('/')[0]}/*", limit=CONSOLE_ROWS
    ),
    "links: of a part": lambda c, s: links.find_links(c, part=s.row.part, limit=CONSOLE_ROWS),
    "links: of a register": lambda c, s: links.find_links(c, register=s.row.register, limit=CONSOLE_ROWS),
    "links: of a register of a part": lambda c, s: links.find_links(
        c, register=s.row.register, part=s.row.part, limit=CONSOLE_ROWS
    ),
    "links: broken": lambda c, s: links.find_links(c, state="broken", limit=CONSOLE_ROWS),
    "links: broken, of a register": lambda c, s: links.find_links(
        c, state="broken", register=s.row.register, limit=CONSOLE_ROWS
    ),
    "links: retired, after a link": lambda c, s: links.find_links(
        c, state="retired", after=s.row.link_id, limit=CONSOLE_ROWS
    ),
    "link: story and history": lambda c, s: links.link_story(c, s.row.link_id),
    "repository: 1,000 links": lambda c, s: links.find_links(c, repo_id=s.row.repo_id, limit=1000),
    "repository: commits": lambda c, s: symbols.recent_commits(c, repo_id=s.row.repo_id, limit=50),
    "repository: costs": lambda c, s: costs.recent_costs(c, repo_id=s.row.repo_id),
    "commit: 200 links that it touched": lambda c, s: commit_impact(c, s.commit, repo_id=s.row.repo_id, limit=200),
    "sheet: 1,000 links": lambda c, s: links.find_links(c, sheet_family=s.row.sheet_family, limit=1000),
    "sheet: releases and changes": lambda c, s: (
        sheets.list_sheets(c, current=None, family=s.row.sheet_family),
        sheets.find_sheet_changes(c, family=s.row.sheet_family),
    ),
    "sheets: coverage": lambda c, s: coverage(c),
    "conflicts: open": lambda c, s: conflicts.find_conflicts(c, state="open"),
    "conflicts: resolved": lambda c, s: conflicts.find_conflicts(c, state="resolved"),
    "status, gauges: counts": lambda c, s: counts(c),
    "status: commits, offsets, shards": lambda c, s: (
        symbols.recent_commits(c, limit=15),
        offsets.positions(c),
        shards.newest_sealed_event_time(c),
    ),
    "status: repositories and sheets": lambda c, s: (
        sources.list_repositories(c),
        sources.list_sheet_sources(c),
        sheets.list_sheets(c),
    ),
    "left out: newest": lambda c, s: samples.find_drops(c, limit=100),
    "left out: of a repository": lambda c, s: samples.find_drops(c, repo_id=s.row.repo_id, limit=100),
    "left out: for a reason": lambda c, s: samples.find_drops(c, reason="licence", limit=100),
    "dead letters": lambda c, s: find_letters(c),
    "symbols: of a name": lambda c, s: symbols.find_symbols(c, s.row.name),
    "shards: newest": lambda c, s: shards.list_shards(c, limit=50),
    "sealer: what waits": lambda c, s: (samples.pending_summary(c), shards.planned_shards(c)),
    "sealer: next samples": lambda c, s: c.execute(
        select(sample_table.c.sample_id).where(IS_PENDING).order_by(sample_table.c.seq).limit(256)
    ).all(),
    "samples: live of a file": lambda c, s: samples.live_samples(c, s.row.repo_id, [s.row.path]),
    "samples: of a text": lambda c, s: samples.live_by_content(c, [s.content_hash]),
    "samples: copies of a text": lambda c, s: samples.drops_of_content(c, "duplicate", {s.content_hash}),
}


def update(conn: Connection, subject: Subject) -> None:
    """Write what a commit to one file changes.

    All symbols of the file change, and all their links turn: history, conflicts, relevance, drops, the offset and the
    records to publish.
    """
    row, number = subject.row, subject.number
    commit = f"{number:040x}"
    cause = Cause(kind="commit", id=commit, time=1.0)
    sources.lock_repository(conn, row.repo_id)
    found = links.find_links(conn, repo_id=row.repo_id, path=row.path, state="all", limit=1000)
    named = {item.name: item for item in found}
    own = tuple(
        Symbol(path=row.path, kind="macro", name=name, line=item.line, end_line=item.line, value=1, revision=commit)
        for name, item in named.items()
    )
    file = SourceFile(
        path=row.path, blob_id=commit, num_bytes=4000, language="c", role="driver", symbols=own, identifiers=()
    )
    symbols.write_tree(conn, row.repo_id, {row.path: commit}, [])
    symbols.store_parsed(conn, [file])
    symbols.replace_symbols(conn, row.repo_id, [row.path], [file], commit)
    applied = AppliedCommit(
        event_id=f"ce1_{number:032x}",
        repo_id=row.repo_id,
        commit_id=commit,
        base=None,
        summary="change",
        commit_time=1.0,
        applied_at=1.0,
        files_changed=1,
        files_parsed=1,
        symbols_changed=len(own),
        seconds=0.1,
    )
    symbols.record_commit(conn, applied)
    turns = [
        LinkTurn(
            stored=StoredLink(link=_link(item), state="kept" if item.state != "kept" else "stale"),
            cause=cause,
            detail="value changed",
        )
        for item in found
    ]
    links.write_turns(conn, row.repo_id, turns, 1.0)
    samples.replace_drops(conn, "symbols", row.repo_id, [row.path], [])
    place: dict[str, Any] = {"agent": "links", "topic": "mapping.changes", "topic_id": "t", "partition": 0}
    before = offsets.lock_position(conn, "links", "mapping.changes", "t", 0)
    offsets.record_applied(conn, before, **place, offset=1000 + number, event_time=1.0, now=1.0)
    records = [Outgoing(topic="trace.links", key=turn.stored.link.link_id, value=b"x" * 400) for turn in turns]
    outbox.put(conn, records, 1.0)


def _link(row: LinkRow) -> TraceLink:
    """Return a link with the searchable columns of a row."""
    base = template()
    symbol = dataclasses.replace(base.symbol, path=row.path, kind="macro", name=row.name, line=row.line)
    anchor = dataclasses.replace(base.anchor, register=row.register, title=row.anchor_title, page=row.page)
    return dataclasses.replace(
        base,
        link_id=row.link_id,
        sheet_family=row.sheet_family,
        sheet_sha256=row.sheet_sha256,
        part=row.part,
        anchor=anchor,
        anchor_id=row.anchor_id,
        symbol=symbol,
        symbol_id=row.symbol_id,
    )
