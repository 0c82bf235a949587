"""The ledger's indexes of more than one column, and how a query asks so that one answers it.

Each is there for a query of the console, the commands or the agents (tests/streams/ledger/test_plans.py names them),
in the order in which that query gives its rows: the first hundred are read without the others. Names are whatever a
source file says, of any length, and PostgreSQL's trees take 2,700 bytes a key: an index holds the start of a name.
"""

from typing import Any

from sqlalchemy import ColumnElement, Index, and_, func, literal_column, text

from streams.ledger.schema import (
    audits,
    commits,
    conflicts,
    costs,
    datasheets,
    dead_letters,
    drops,
    link_history,
    links,
    metadata,
    samples,
    shards,
    symbols,
    tree_files,
)

__all__ = ["IS_GONE", "IS_OPEN", "IS_PENDING", "OF_SAMPLES", "equals", "equals_folded", "metadata"]

KEY_CHARS = 120

# Of partial indexes: a query is answered through one only if it says the same, as literals.
IS_GONE = text("links.state NOT IN ('kept', 'moved', 'new')")
IS_OPEN = text("conflicts.state = 'open'")
IS_PENDING = text("samples.state = 'pending'")
OF_SAMPLES = text("drops.stage = 'samples'")


def equals(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """Return the condition that a text of any length is this one, answered through an index of its start."""
    if len(wanted) < KEY_CHARS:
        return _start(column) == wanted
    # As an expression: SQLite puts the value of a column that equals one in its place, and misses the index then.
    return and_(_start(column) == wanted[:KEY_CHARS], column.concat("") == wanted)


def equals_folded(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """Return the same without regard to the case of (ASCII's) letters."""
    return equals(func.lower(column), wanted.lower())


def starts_of(column: ColumnElement[Any], wanted: list[str]) -> ColumnElement[bool]:
    """Return the condition that a text starts like one of these; whether it is one is for the caller to see."""
    return _start(column).in_([item[:KEY_CHARS] for item in wanted])


def _start(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.substr(column, literal_column("1"), literal_column(str(KEY_CHARS)))


def _partial(name: str, where: str, *columns: ColumnElement[Any]) -> None:
    Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


Index("ix_commits_repo_applied", commits.c.repo_id, commits.c.applied_at)
Index("ix_commits_applied_at", commits.c.applied_at)
Index("ix_tree_files_blob", tree_files.c.blob_id)
Index("ix_symbols_repo_path", symbols.c.repo_id, symbols.c.path)
Index("ix_symbols_name_start", _start(symbols.c.name), symbols.c.repo_id, symbols.c.path, symbols.c.line)
Index(
    "ix_datasheets_current",
    datasheets.c.family,
    sqlite_where=text("current IS 1"),
    postgresql_where=text("current IS true"),
)

# Without the line, by which rows of one path are sorted afterwards: a link that moves within its file, as most do when
# it changes, then stays where it is in all of them.
Index("ix_links_repo_path", links.c.repo_id, links.c.path)
Index("ix_links_sheet_path", links.c.sheet_family, links.c.path)
Index("ix_links_path", links.c.path)
Index("ix_links_name_start", _start(links.c.name), links.c.path)
Index("ix_links_part_start", _start(func.lower(links.c.part)), links.c.path)
Index("ix_links_register_start", _start(func.lower(links.c.register)), links.c.path)
_partial("ix_links_gone", "state NOT IN ('kept', 'moved', 'new')", links.c.state, links.c.path)
# What the agents compare, a datasheet in a repository at a time.
Index("ix_links_repo_family", links.c.repo_id, links.c.sheet_family)
# PostgreSQL's trees take no name of any length: there the family or the register alone is looked up.
Index("ix_links_sheet_family_register", links.c.sheet_family, links.c.register).ddl_if(dialect="sqlite")
Index("ix_link_history_cause_id", link_history.c.cause_id, link_history.c.link_id, link_history.c.state)
Index("ix_link_history_link_seq", link_history.c.link_id, link_history.c.seq)

_IN_CODE = (conflicts.c.repo_id, conflicts.c.path, conflicts.c.line)
Index("ix_conflicts_repo_path", *_IN_CODE)
Index("ix_conflicts_part_start", _start(func.lower(conflicts.c.part)), *_IN_CODE)
Index("ix_conflicts_kind_path", conflicts.c.kind, *_IN_CODE)
_partial("ix_conflicts_open", "state = 'open'", *_IN_CODE)

Index("ix_samples_repo_path", samples.c.repo_id, samples.c.path)
_partial("ix_samples_pending", "state = 'pending'", samples.c.seq)
Index("ix_drops_repo_path", drops.c.repo_id, drops.c.path)
Index("ix_drops_repo_time", drops.c.repo_id, drops.c.dropped_at)
Index("ix_drops_reason_time", drops.c.reason, drops.c.dropped_at)
Index("ix_drops_time", drops.c.dropped_at)
_partial("ix_drops_content", "stage = 'samples'", _start(drops.c.detail), drops.c.reason)
Index("ix_shards_state_seq", shards.c.state, shards.c.seq)
Index("ix_shards_newest_event_time", shards.c.newest_event_time)

Index("ix_dead_letters_state_died", dead_letters.c.state, dead_letters.c.died_at)
Index("ix_dead_letters_agent_died", dead_letters.c.agent, dead_letters.c.died_at)
Index("ix_dead_letters_died_at", dead_letters.c.died_at)

Index("ix_audits_repo_id", audits.c.repo_id, audits.c.audited_at)
Index("ix_audits_audited_at", audits.c.audited_at)
Index("ix_costs_repo_recorded", costs.c.repo_id, costs.c.recorded_at)
