"""Sources: tags, forced looks, long histories, folders of datasheets, deliveries of webhooks.

Commits that were recorded but not mapped, part numbers that a PDF does not confirm.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns, all of which say of what is there that nothing of this was asked for, and two tables."""
    for column in (
        sa.Column("tag_glob", STRING, nullable=True),
        sa.Column("tip_ref", STRING, nullable=True),
        sa.Column("forced_at", sa.Float(), nullable=True),
        sa.Column("backfill_tip", STRING, nullable=True),
        sa.Column("backfill_commits", sa.Integer(), nullable=True),
    ):
        op.add_column("repositories", column)
    op.add_column("sheet_sources", sa.Column("is_folder", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sheet_sources", sa.Column("folder", STRING, nullable=True))
    op.add_column("datasheets", sa.Column("unconfirmed", sa.JSON(), nullable=True))
    op.add_column("commits", sa.Column("mapped", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "repository_tags",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("tag", STRING, nullable=False),
        sa.Column("commit_id", STRING, nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "tag", name=op.f("pk_repository_tags")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", STRING, nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(op.f("ix_webhook_deliveries_received_at"), "webhook_deliveries", ["received_at"], unique=False)
