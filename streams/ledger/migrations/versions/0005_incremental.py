"""Decisions, causes and costs: what an incremental mapping keeps.

A ledger of 0001 has no decisions: the first mapping of each repository takes them all, and finds its links unchanged.
"""

import hashlib
import zlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COMMIT_CHARS = 40
SHA256_CHARS = 64


def upgrade() -> None:
    """Add tables and columns, and fill in what follows from those that are there."""
    op.add_column("repositories", sa.Column("linked_tree", STRING, nullable=True))
    op.add_column("datasheets", sa.Column("content", STRING, nullable=False, server_default=""))
    for name, kind in (("opened", STRING), ("resolved", STRING)):
        op.add_column("conflicts", sa.Column(f"{name}_kind", kind, nullable=True))
        op.add_column("conflicts", sa.Column(f"{name}_at", sa.Float(), nullable=True))
    op.create_index("ix_links_repo_family", "links", ["repo_id", "sheet_family"], unique=False)
    _create_tables()
    _fill_contents()
    _fill_kinds()


def _create_tables() -> None:
    op.create_table(
        "conflict_history",
        sa.Column("conflict_id", STRING, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("code_value", TEXT, nullable=False),
        sa.Column("sheet_value", TEXT, nullable=False),
        sa.Column("cause_kind", STRING, nullable=False),
        sa.Column("cause_id", STRING, nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("conflict_id", "seq", name=op.f("pk_conflict_history")),
    )
    op.create_table(
        "decisions",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("sheet_sha256", STRING, nullable=False),
        sa.Column("sheet_family", STRING, nullable=False),
        sa.Column("key", STRING, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "sheet_sha256", name=op.f("pk_decisions")),
    )
    op.create_table(
        "pending_changes",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("item", STRING, nullable=False),
        sa.Column("commit_id", STRING, nullable=False),
        sa.Column("commit_time", sa.Float(), nullable=False),
        sa.Column("old_path", STRING, nullable=True),
        sa.PrimaryKeyConstraint("repo_id", "item", name=op.f("pk_pending_changes")),
    )
    op.create_table(
        "costs",
        sa.Column("cost_id", STRING, nullable=False),
        sa.Column("agent", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("cause_kind", STRING, nullable=False),
        sa.Column("cause_id", STRING, nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("files_parsed", "symbols_changed", "symbols_aligned", "decisions_kept", "decisions_taken")
        ),
        sa.Column("links_changed", sa.Integer(), nullable=False),
        sa.Column("prompts", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=False),
        sa.Column("wall_seconds", sa.Float(), nullable=False),
        sa.Column("recorded_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cost_id", name=op.f("pk_costs")),
    )
    op.create_index(op.f("ix_costs_repo_id"), "costs", ["repo_id"], unique=False)
    op.create_index(op.f("ix_costs_recorded_at"), "costs", ["recorded_at"], unique=False)


def _fill_contents() -> None:
    """Note the digest of each datasheet as read: streams/ledger/bodies.py has the same recipe."""
    sheets = sa.table("datasheets", *map(sa.column, ("sha256", "body", "content")))
    conn = op.get_bind()
    for sha256 in conn.execute(sa.select(sheets.c.sha256)).scalars().all():
        body = conn.execute(sa.select(sheets.c.body).where(sheets.c.sha256 == sha256)).scalar_one()
        try:
            content = hashlib.sha256(zlib.decompress(body)).hexdigest()
        except zlib.error:  # damaged: what reads it says so
            content = hashlib.sha256(body).hexdigest()
        conn.execute(sa.update(sheets).where(sheets.c.sha256 == sha256).values(content=content))


def _fill_kinds() -> None:
    """Note what sort of cause each conflict has: ids of commits and datasheets are told apart by their length."""
    conflicts = sa.table("conflicts", *map(sa.column, ("opened_by", "opened_kind", "resolved_by", "resolved_kind")))
    for by, kind in ((conflicts.c.opened_by, "opened_kind"), (conflicts.c.resolved_by, "resolved_kind")):
        word = sa.case(
            (sa.func.length(by) == COMMIT_CHARS, "commit"),
            (sa.func.length(by) == SHA256_CHARS, "datasheet"),
            else_="removal",
        )
        op.execute(sa.update(conflicts).where(by.is_not(None)).values({kind: word}))
