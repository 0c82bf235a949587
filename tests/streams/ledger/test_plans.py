"""Every query of console, commands, gauges and agents is answered through an index, on both databases.

The functions run as they are; each statement that they send is explained by the database. Tables that hold one row a
source, a datasheet, a version, a tag, a partition, a shard or a record that waits may be read from end to end.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event, insert

from mapper.datasheet.revision import SheetChange
from mapper.model import Datasheet
from streams.events import Cause
from streams.ledger import (
    audits,
    causes,
    conflicts,
    costs,
    coverage,
    decisions,
    deliveries,
    impact,
    letters,
    links,
    outbox,
    pending,
    samples,
    schema,
    shards,
    sheets,
    snapshots,
    sources,
    symbols,
    tags,
    upgrades,
)
from streams.ledger.counts import counts
from streams.ledger.engine import writing
from streams.ledger.samples import DropRow

SMALL = {
    *("repositories", "sheet_sources", "datasheets", "offsets", "counters", "shards"),
    *("tallies", "link_tallies", "sheet_coverage", "outbox", "CONSTANT"),
    *("repository_tags", "refused_files", "parser_versions", "upgrades"),
}
IN_ORDER = {
    *(
        "newest links",
        "open conflicts",
        "resolved conflicts",
        "all conflicts",
        "newest commits",
        "what was left out",
        "pending samples",
    ),
    *("conflicts of a kind", "newest audits", "newest costs", "deliveries forgotten"),
    *("dead letters", "counts", "sealed shards", "outbox", "changes of a release", "what the sealer looks at"),
}
"""Queries of the first rows of all."""
FEW = {
    *("what a commit touched", "what a revision touched"),
    *("what a revision touched in a repository", "what a revision touched at a register"),
}
"""Queries that sort what they find through an index: what one cause did."""
SHA256, COMMIT = "a" * 64, "c" * 40
CAUSE = Cause(kind="commit", id="c", time=1.0)
QUERIES: dict[str, Callable[[Connection], Any]] = {
    "newest links": lambda conn: links.find_links(conn),
    "links of a symbol": lambda conn: links.find_links(conn, symbol="init"),
    "links of a file": lambda conn: links.find_links(conn, path="a.c"),
    "links of a folder": lambda conn: links.find_links(conn, path="src/*"),
    "links of a part": lambda conn: links.find_links(conn, part="AB12"),
    "links of a register": lambda conn: links.find_links(conn, register="CTRL"),
    "links of a state": lambda conn: links.find_links(conn, state="broken"),
    "links of a repository": lambda conn: links.find_links(conn, repo_id="r"),
    "links of a datasheet": lambda conn: links.find_links(conn, sheet_family="f"),
    "all links of a register": lambda conn: links.find_links(conn, register="CTRL", state="all"),
    "links on the next page": lambda conn: links.find_links(conn, register="CTRL", after="ln1_0"),
    "a link's story": lambda conn: links.link_story(conn, "ln1_0"),
    "links of some files": lambda conn: links.load_links(conn, repo_id="r", paths=["a.c", "b.c"]),
    "links to map again": lambda conn: links.load_links(conn, repo_id="r", states=None),
    "links written": lambda conn: links.write_turns(conn, "r", [], 1.0),
    "relevance": lambda conn: links.replace_relevance(conn, "r", []),
    "open conflicts": lambda conn: conflicts.find_conflicts(conn, state="open"),
    "resolved conflicts": lambda conn: conflicts.find_conflicts(conn, state="resolved"),
    "all conflicts": lambda conn: conflicts.find_conflicts(conn),
    "conflicts of a repository": lambda conn: conflicts.find_conflicts(conn, repo_id="r", state="open"),
    "conflicts written": lambda conn: conflicts.replace_conflicts(conn, "r", [], CAUSE),
    "conflicts of a part": lambda conn: conflicts.find_conflicts(conn, part="AB12", state="open"),
    "conflicts of a kind": lambda conn: conflicts.find_conflicts(conn, kind="address", state="open"),
    "conflicts of a cause": lambda conn: conflicts.by_cause(conn, COMMIT),
    "a conflict's story": lambda conn: conflicts.conflict_turns(conn, "cf1_0"),
    "conflicts of some datasheets": lambda conn: conflicts.replace_conflicts(conn, "r", [], CAUSE, families=["f"]),
    "coverage": coverage.coverage,
    "a revision's causes": lambda conn: causes.explain_causes(conn, [SHA256, COMMIT, "r"]),
    "what a commit touched": lambda conn: impact.commit_impact(conn, COMMIT),
    "what a revision touched": lambda conn: impact.sheet_impact(conn, SHA256),
    "what a revision touched in a repository": lambda conn: impact.sheet_impact(conn, SHA256, repo_id="r"),
    "what a revision touched at a register": lambda conn: impact.sheet_impact(conn, SHA256, register="CTRL"),
    "links that differ": lambda conn: links.differing_links(conn, "r", "f", {}),
    "paths with links": lambda conn: links.live_paths(conn, "r"),
    "datasheets with links": lambda conn: (links.families_of(conn, "r"), links.count_by_release(conn, "r")),
    "decisions": lambda conn: (decisions.load_decisions(conn, "r"), decisions.write_decisions(conn, "r", [], ["s"])),
    "what waits to be mapped": lambda conn: pending.load_pending(conn, "r"),
    "what no longer waits": lambda conn: (pending.forget(conn, "r", ["c"]), pending.forget(conn, "r")),
    "newest costs": lambda conn: costs.recent_costs(conn),
    "costs of a repository": lambda conn: costs.recent_costs(conn, repo_id="r"),
    "newest audits": lambda conn: audits.find_audits(conn),
    "audits of a repository": lambda conn: audits.find_audits(conn, repo_id="r"),
    "what an audit of all reads": lambda conn: (
        snapshots.whole_snapshot(conn),
        samples.count_misplaced(conn),
        samples.ids_of_shard(conn, 1),
    ),
    "tags": lambda conn: (tags.read_tags(conn, "r"), tags.write_tags(conn, "r", {}, 1.0), tags.count_tags(conn)),
    "deliveries known": lambda conn: deliveries.is_known(conn, ["d"]),
    "deliveries forgotten": lambda conn: deliveries.prune(conn, 1.0),
    "what is of another version": lambda conn: (upgrades.outdated(conn), upgrades.due(conn, "links", 1.0)),
    "files of another version": lambda conn: upgrades.remove_unneeded(conn, 1e12),
    "counts": counts,
    "newest commits": lambda conn: symbols.recent_commits(conn),
    "commits of a repository": lambda conn: symbols.recent_commits(conn, repo_id="r"),
    "a commit": lambda conn: symbols.is_recorded(conn, "e"),
    "symbols of a name": lambda conn: symbols.find_symbols(conn, "init"),
    "symbols of some files": lambda conn: symbols.symbol_revisions(conn, "r", ["a.c"]),
    "a repository's files": lambda conn: symbols.read_tree(conn, "r"),
    "a repository's parsed files": lambda conn: symbols.tree_bodies(conn, "r"),
    "files written": lambda conn: symbols.write_tree(conn, "r", {}, ["a.c"]),
    "files not parsed yet": lambda conn: symbols.unparsed(conn, {"a.c": "b"}),
    "parsed files of a head": lambda conn: symbols.load_head_files(conn, "r", ["a.c"]),
    "files parsed by two versions": lambda conn: symbols.read_alike(conn, {"a.c": "b"}, old="1", new="2"),
    "files that are refused": lambda conn: symbols.refused(conn, ["b"]),
    "a repository's symbols as they are": lambda conn: symbols.symbol_facts(conn, "r"),
    "symbols now": lambda conn: symbols.symbols_now(conn, ["s"]),
    "commits of symbols": lambda conn: symbols.last_commits(conn, "r", ["s"]),
    "parsed files": lambda conn: symbols.load_parsed(conn, {"a.c": "b"}),
    "what was left out": lambda conn: samples.find_drops(conn),
    "what was left out for a reason": lambda conn: samples.find_drops(conn, reason="too_large"),
    "what was left out of a repository": lambda conn: samples.find_drops(conn, repo_id="r"),
    "drops written": lambda conn: samples.replace_drops(conn, "samples", "r", ["a.c"], list[DropRow]()),
    "paths left out": lambda conn: samples.dropped_paths(conn, "samples", "r"),
    "copies": lambda conn: samples.drops_of_content(conn, "duplicate", {"0" * 64}),
    "samples of some files": lambda conn: samples.live_samples(conn, "r", ["a.c"]),
    "samples of a repository": lambda conn: samples.live_paths(conn, "r"),
    "samples of a text": lambda conn: samples.live_by_content(conn, ["0" * 64]),
    "pending samples": lambda conn: samples.pending_samples(conn, limit=256),
    "what the sealer looks at": lambda conn: (samples.pending_summary(conn), shards.planned_shards(conn)),
    "sealed shards": lambda conn: (shards.list_shards(conn, limit=50), shards.newest_sealed_event_time(conn)),
    "dead letters": lambda conn: letters.find_letters(conn),
    "dead letters of an agent": lambda conn: letters.find_letters(conn, agent="sheets"),
    "dead letters of a time": lambda conn: letters.find_letters(conn, since=1.0, before=2.0, id_start="dl1_"),
    "outbox": lambda conn: (outbox.waiting(conn, limit=500), outbox.oldest(conn), outbox.count_before(conn, 1.0)),
    "changes of a datasheet": lambda conn: sheets.find_sheet_changes(conn, family="f"),
    "changes since a release": lambda conn: sheets.changes_from(conn, "f", "s"),
    "changes of a release": lambda conn: sheets.find_sheet_changes(conn, new_sha256="s"),
    "a repository removed": lambda conn: sources.remove_repository(
        conn, sources.add_repository(conn, url="u", now=1.0).repo_id, 1.0
    ),
}


def test_no_query_reads_a_large_table_from_end_to_end(engine: Engine) -> None:
    """Its rows are found by a key, or come in the order of an index and end with the limit."""
    with writing(engine) as conn:
        if conn.dialect.name == "postgresql":  # tables are empty: whether an index can serve is asked, not its price
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        write_what_is_asked_for(conn)
        faults = [
            (name, fault)
            for name, query in QUERIES.items()
            for statement, parameters in sent_by(conn, query)
            for fault in scans(conn, statement, parameters, in_order=name in IN_ORDER, few=name in FEW)
        ]

    assert faults == []


def write_what_is_asked_for(conn: Connection) -> None:
    """Write a release that changed something, a commit and an old version: without them some queries end early."""
    sheet = Datasheet(
        sha256=SHA256,
        file="f.pdf",
        title="f",
        parts=("AB12",),
        family="f",
        revision="B",
        num_pages=1,
        sections=(),
        registers=(),
    )
    sheets.write_sheet(conn, sheet, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=True)
    changes = [SheetChange(anchor=anchor, what="text", old="1", new="2") for anchor in ("register/CTRL", "section/Use")]
    sheets.write_sheet_changes(conn, "f", "b" * 64, SHA256, changes)
    numbers = dict.fromkeys(("commit_time", "applied_at", "files_changed", "files_parsed", "symbols_changed"), 1)
    row = {"event_id": "e", "repo_id": "r", "commit_id": COMMIT, "summary": "", "seconds": 0.0, "mapped": True}
    conn.execute(insert(schema.commits).values(row | numbers))
    conn.execute(insert(schema.parser_versions).values(version="old", seen_at=0.0))


def sent_by(conn: Connection, query: Callable[[Connection], Any]) -> list[tuple[str, Any]]:
    """Return the statements that a function sends to the database, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            sent.append((statement, parameters[0] if executemany else parameters))

    event.listen(conn, "before_cursor_execute", note)
    query(conn)
    event.remove(conn, "before_cursor_execute", note)
    return sent


def scans(conn: Connection, statement: str, parameters: Any, *, in_order: bool, few: bool) -> list[str]:
    """Return the steps of a statement's plan that read a large table wholly, or sort all of what they read."""
    limited = "LIMIT" in statement.split("ORDER BY")[-1]
    if conn.dialect.name == "postgresql":
        plan = [str(row[0]) for row in conn.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
        return [step for step in plan if "Seq Scan on " in step and step.split(" on ")[1].split()[0] not in SMALL]
    plan = [row.detail for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    whole = [step for step in plan if step.startswith("SCAN ") and not ("USING" in step and limited and in_order)]
    sorts = [step for step in plan if step == "USE TEMP B-TREE FOR ORDER BY" and limited and not few]
    return [step for step in whole if step.split()[1] not in SMALL] + [
        step for step in sorts if not any(f"FROM {table}" in statement for table in {*SMALL, "sheet_changes"})
    ]
