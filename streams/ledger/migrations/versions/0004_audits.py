"""Audits are noted, and what a commit or a datasheet revision did is found through indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")

INDEXES = (
    ("ix_link_history_cause_id", "link_history", ["cause_id", "link_id", "state"]),
    ("ix_sheet_changes_new_sha256", "sheet_changes", ["new_sha256"]),
    ("ix_conflicts_opened_by", "conflicts", ["opened_by"]),
    ("ix_conflicts_resolved_by", "conflicts", ["resolved_by"]),
    ("ix_commits_commit_id", "commits", ["commit_id"]),
    ("ix_symbols_commit_id", "symbols", ["commit_id"]),
)


def upgrade() -> None:
    """Create the table of audits and the indexes."""
    op.create_table(
        "audits",
        sa.Column("audit_id", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("snapshot", STRING, nullable=False),
        sa.Column("depth", STRING, nullable=False),
        sa.Column("audited_at", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("mismatches", sa.JSON(), nullable=False),
        sa.Column("num_differences", sa.Integer(), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.Column("digest", STRING, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audits")),
    )
    op.create_index("ix_audits_repo_id", "audits", ["repo_id", "audited_at"], unique=False)
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns, unique=False)
    if op.get_bind().dialect.name == "sqlite":
        # PostgreSQL's trees end at 2,700 bytes, and names may be longer: there both columns have an index of their own.
        op.create_index("ix_links_sheet_family_register", "links", ["sheet_family", "register"], unique=False)
