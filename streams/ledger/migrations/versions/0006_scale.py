"""Indexes for ten million links, and tallies in place of counting rows.

The tallies are kept by triggers, so that whoever writes a row counts it, in the same transaction: a writer touches
only the tallies of the repository that it holds, so two writers never wait for each other because of them.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")

DROPPED = {
    "commits": ["repo_id"],
    "conflicts": ["repo_id", "state"],
    "costs": ["repo_id"],
    "drops": ["reason"],
    "link_history": ["link_id"],
    "links": ["name", "register", "repo_id", "sheet_family", "state"],
    "samples": ["repo_id", "seq", "state"],
    "symbols": ["name"],
}

CREATED = {
    "ix_commits_repo_applied": "commits (repo_id, applied_at)",
    "ix_commits_applied_at": "commits (applied_at)",
    "ix_tree_files_blob": "tree_files (blob_id)",
    "ix_symbols_name_start": "symbols (substr(name, 1, 120), repo_id, path, line)",
    "ix_links_repo_path": "links (repo_id, path)",
    "ix_links_sheet_path": "links (sheet_family, path)",
    "ix_links_name_start": "links (substr(name, 1, 120), path)",
    "ix_links_part_start": "links (substr(lower(part), 1, 120), path)",
    "ix_links_register_start": "links (substr(lower(register), 1, 120), path)",
    "ix_links_gone": "links (state, path) WHERE state NOT IN ('kept', 'moved', 'new')",
    "ix_link_history_link_seq": "link_history (link_id, seq)",
    "ix_conflicts_repo_path": "conflicts (repo_id, path, line)",
    "ix_conflicts_part_start": "conflicts (substr(lower(part), 1, 120), repo_id, path, line)",
    "ix_conflicts_kind_path": "conflicts (kind, repo_id, path, line)",
    "ix_conflicts_open": "conflicts (repo_id, path, line) WHERE state = 'open'",
    "ix_samples_repo_path": "samples (repo_id, path)",
    "ix_samples_pending": "samples (seq) WHERE state = 'pending'",
    "ix_drops_repo_path": "drops (repo_id, path)",
    "ix_drops_repo_time": "drops (repo_id, dropped_at)",
    "ix_drops_reason_time": "drops (reason, dropped_at)",
    "ix_drops_time": "drops (dropped_at)",
    "ix_drops_content": "drops (substr(detail, 1, 120), reason) WHERE stage = 'samples'",
    "ix_shards_state_seq": "shards (state, seq)",
    "ix_shards_newest_event_time": "shards (newest_event_time)",
    "ix_outbox_created_at": "outbox (created_at)",
    "ix_dead_letters_state_died": "dead_letters (state, died_at)",
    "ix_dead_letters_agent_died": "dead_letters (agent, died_at)",
    "ix_dead_letters_died_at": "dead_letters (died_at)",
    "ix_audits_audited_at": "audits (audited_at)",
    "ix_costs_repo_recorded": "costs (repo_id, recorded_at)",
}


@dataclass(frozen=True, slots=True)
class Tallied:
    """A table whose rows are counted, and by what; expressions of its columns, {} is for the row's name and a dot."""

    table: str
    subject: str
    label: str = "''"
    repo_id: str = "{}repo_id"
    label_changes: bool = False


TALLIED = (
    Tallied("commits", "commits"),
    Tallied("tree_files", "files"),
    Tallied("symbols", "symbols"),
    Tallied("conflicts", "conflicts", "{}state", label_changes=True),
    Tallied("samples", "samples", "{}state", label_changes=True),
    Tallied("drops", "drops", "{}stage || '/' || {}reason", "coalesce({}repo_id, '')"),
)


def upgrade() -> None:
    """Create tallies and indexes; a large ledger takes minutes, in which nobody writes."""
    on_postgresql = op.get_context().dialect.name == "postgresql"
    if on_postgresql:
        op.execute("SET LOCAL statement_timeout = 0")
    _create_tables()
    for table, columns in DROPPED.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}", table_name=table)
    for name, on in CREATED.items():
        op.execute(f"CREATE INDEX {name} ON {on}")
    current = "IS true" if on_postgresql else "IS 1"
    op.execute(f"CREATE INDEX ix_datasheets_current ON datasheets (family) WHERE current {current}")
    for tallied in TALLIED:
        _count(tallied)
        (_trigger_postgresql if on_postgresql else _trigger_sqlite)(tallied)
    op.execute(
        "INSERT INTO link_tallies (repo_id, sheet_family, state, number, version)"
        " SELECT repo_id, sheet_family, state, count(*), 1 FROM links GROUP BY repo_id, sheet_family, state"
    )
    (_link_triggers_postgresql if on_postgresql else _link_triggers_sqlite)()


def _create_tables() -> None:
    op.create_table(
        "tallies",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("subject", STRING, nullable=False),
        sa.Column("label", STRING, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "subject", "label", name=op.f("pk_tallies")),
    )
    op.create_table(
        "link_tallies",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("sheet_family", STRING, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "sheet_family", "state", name=op.f("pk_link_tallies")),
    )
    op.create_table(
        "sheet_coverage",
        sa.Column("sheet_family", STRING, nullable=False),
        sa.Column("registers_linked", sa.BigInteger(), nullable=False),
        sa.Column("symbols", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sheet_family", name=op.f("pk_sheet_coverage")),
    )


def _count(tallied: Tallied) -> None:
    """Count what is there."""
    repo_id, label = tallied.repo_id.format(""), tallied.label.replace("{}", "")
    op.execute(
        f"INSERT INTO tallies (repo_id, subject, label, number)"
        f" SELECT {repo_id}, '{tallied.subject}', {label}, count(*) FROM {tallied.table} GROUP BY 1, 3"
    )


def _trigger_sqlite(tallied: Tallied) -> None:
    repo_id, label = tallied.repo_id, tallied.label

    def add(row: str, number: int) -> str:
        key = f"{repo_id.replace('{}', row)}, '{tallied.subject}', {label.replace('{}', row)}"
        return (
            f"INSERT INTO tallies (repo_id, subject, label, number) VALUES ({key}, {number})"
            f" ON CONFLICT (repo_id, subject, label) DO UPDATE SET number = number + excluded.number;"
        )

    name = f"tally_{tallied.table}"
    op.execute(f"CREATE TRIGGER {name}_insert AFTER INSERT ON {tallied.table} BEGIN {add('NEW.', 1)} END")
    op.execute(f"CREATE TRIGGER {name}_delete AFTER DELETE ON {tallied.table} BEGIN {add('OLD.', -1)} END")
    if tallied.label_changes:
        op.execute(
            f"CREATE TRIGGER {name}_update AFTER UPDATE ON {tallied.table}"
            f" WHEN OLD.state <> NEW.state OR OLD.repo_id <> NEW.repo_id"
            f" BEGIN {add('OLD.', -1)} {add('NEW.', 1)} END"
        )


def _trigger_postgresql(tallied: Tallied) -> None:
    repo_id, label = tallied.repo_id.replace("{}", ""), tallied.label.replace("{}", "")

    def rows(source: str, number: int) -> str:
        return f"SELECT {repo_id} AS repo_id, {label} AS label, {number} AS number FROM {source}"

    def add(changes: str) -> str:
        return (
            f"INSERT INTO tallies AS known (repo_id, subject, label, number)"
            f" SELECT repo_id, '{tallied.subject}', label, sum(number) FROM ({changes}) AS changes"
            f" GROUP BY repo_id, label HAVING sum(number) <> 0 ORDER BY repo_id, label"
            f" ON CONFLICT (repo_id, subject, label) DO UPDATE SET number = known.number + excluded.number;"
        )

    _on_statements(
        tallied.table,
        insert=add(rows("new_rows", 1)),
        delete=add(rows("old_rows", -1)),
        update=add(f"{rows('old_rows', -1)} UNION ALL {rows('new_rows', 1)}") if tallied.label_changes else None,
    )


def _link_triggers_sqlite() -> None:
    def add(row: str, number: int) -> str:
        return (
            f"INSERT INTO link_tallies (repo_id, sheet_family, state, number, version)"
            f" VALUES ({row}.repo_id, {row}.sheet_family, {row}.state, {number}, 1)"
            f" ON CONFLICT (repo_id, sheet_family, state)"
            f" DO UPDATE SET number = number + excluded.number, version = version + 1;"
        )

    op.execute(f"CREATE TRIGGER tally_links_insert AFTER INSERT ON links BEGIN {add('NEW', 1)} END")
    op.execute(f"CREATE TRIGGER tally_links_delete AFTER DELETE ON links BEGIN {add('OLD', -1)} END")
    op.execute(
        f"CREATE TRIGGER tally_links_update AFTER UPDATE ON links"
        f" WHEN OLD.state <> NEW.state OR OLD.register IS NOT NEW.register"
        f" BEGIN {add('OLD', -1)} {add('NEW', 1)} END"
    )


def _link_triggers_postgresql() -> None:
    def rows(source: str, number: int) -> str:
        return f"SELECT repo_id, sheet_family, state, register, symbol_id, {number} AS number FROM {source}"

    def add(changes: str) -> str:
        return (
            f"INSERT INTO link_tallies AS known (repo_id, sheet_family, state, number, version)"
            f" SELECT repo_id, sheet_family, state, sum(number), 1 FROM ("
            f"SELECT repo_id, sheet_family, state, sum(number) AS number FROM ({changes}) AS changes"
            f" GROUP BY repo_id, sheet_family, state, register, symbol_id HAVING sum(number) <> 0) AS moved"
            f" GROUP BY repo_id, sheet_family, state ORDER BY repo_id, sheet_family, state"
            f" ON CONFLICT (repo_id, sheet_family, state)"
            f" DO UPDATE SET number = known.number + excluded.number, version = known.version + 1;"
        )

    _on_statements(
        "links",
        insert=add(rows("new_rows", 1)),
        delete=add(rows("old_rows", -1)),
        update=add(f"{rows('old_rows', -1)} UNION ALL {rows('new_rows', 1)}"),
    )


def _on_statements(table: str, **actions: str | None) -> None:
    """Create a trigger a kind of statement, which sees all rows of it at once."""
    given = {"insert": "NEW TABLE AS new_rows", "delete": "OLD TABLE AS old_rows"}
    given["update"] = f"{given['delete']} {given['insert']}"
    for kind, action in actions.items():
        if action is None:
            continue
        name = f"tally_{table}_{kind}"
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {kind.upper()} ON {table} REFERENCING {given[kind]}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
