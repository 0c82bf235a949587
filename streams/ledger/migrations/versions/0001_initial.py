"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "commits",
        sa.Column("event_id", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("commit_id", STRING, nullable=False),
        sa.Column("base", STRING, nullable=True),
        sa.Column("summary", TEXT, nullable=False),
        sa.Column("commit_time", sa.Float(), nullable=False),
        sa.Column("applied_at", sa.Float(), nullable=False),
        sa.Column("files_changed", sa.Integer(), nullable=False),
        sa.Column("files_parsed", sa.Integer(), nullable=False),
        sa.Column("symbols_changed", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_commits")),
    )
    op.create_index(op.f("ix_commits_repo_id"), "commits", ["repo_id"], unique=False)
    op.create_table(
        "conflicts",
        sa.Column("conflict_id", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("sheet_family", STRING, nullable=False),
        sa.Column("part", STRING, nullable=False),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("symbol_id", STRING, nullable=False),
        sa.Column("name", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("register", STRING, nullable=True),
        sa.Column("field", STRING, nullable=True),
        sa.Column("code_value", TEXT, nullable=False),
        sa.Column("sheet_value", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("opened_by", STRING, nullable=False),
        sa.Column("resolved_by", STRING, nullable=True),
        sa.PrimaryKeyConstraint("conflict_id", name=op.f("pk_conflicts")),
    )
    op.create_index(op.f("ix_conflicts_repo_id"), "conflicts", ["repo_id"], unique=False)
    op.create_index(op.f("ix_conflicts_sheet_family"), "conflicts", ["sheet_family"], unique=False)
    op.create_index(op.f("ix_conflicts_state"), "conflicts", ["state"], unique=False)
    op.create_table(
        "counters",
        sa.Column("name", STRING, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "datasheets",
        sa.Column("sha256", STRING, nullable=False),
        sa.Column("source_id", STRING, nullable=False),
        sa.Column("family", STRING, nullable=False),
        sa.Column("file", STRING, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("revision", STRING, nullable=True),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("num_pages", sa.Integer(), nullable=False),
        sa.Column("num_sections", sa.Integer(), nullable=False),
        sa.Column("num_registers", sa.Integer(), nullable=False),
        sa.Column("copy_restricted", sa.Boolean(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("released_at", sa.Float(), nullable=False),
        sa.Column("read_at", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_datasheets")),
    )
    op.create_index(op.f("ix_datasheets_family"), "datasheets", ["family"], unique=False)
    op.create_index(op.f("ix_datasheets_source_id"), "datasheets", ["source_id"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("letter_id", STRING, nullable=False),
        sa.Column("agent", STRING, nullable=False),
        sa.Column("topic", STRING, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("key", STRING, nullable=True),
        sa.Column("reason", STRING, nullable=False),
        sa.Column("error_class", STRING, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("died_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_reason"), "dead_letters", ["reason"], unique=False)
    op.create_table(
        "drops",
        sa.Column("drop_id", STRING, nullable=False),
        sa.Column("stage", STRING, nullable=False),
        sa.Column("reason", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=True),
        sa.Column("path", STRING, nullable=True),
        sa.Column("blob_id", STRING, nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("dropped_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("drop_id", name=op.f("pk_drops")),
    )
    op.create_index(op.f("ix_drops_reason"), "drops", ["reason"], unique=False)
    op.create_table(
        "file_relevance",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("sheet_family", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "sheet_family", "path", name=op.f("pk_file_relevance")),
    )
    op.create_table(
        "link_history",
        sa.Column("change_id", STRING, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("link_id", STRING, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("revision", STRING, nullable=False),
        sa.Column("cause_kind", STRING, nullable=False),
        sa.Column("cause_id", STRING, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_link_history")),
    )
    op.create_index(op.f("ix_link_history_link_id"), "link_history", ["link_id"], unique=False)
    op.create_table(
        "links",
        sa.Column("link_id", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("sheet_family", STRING, nullable=False),
        sa.Column("sheet_sha256", STRING, nullable=False),
        sa.Column("part", STRING, nullable=False),
        sa.Column("symbol_id", STRING, nullable=False),
        sa.Column("anchor_id", STRING, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("revision", STRING, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("grade", STRING, nullable=False),
        sa.Column("method", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("name", STRING, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("anchor_kind", STRING, nullable=False),
        sa.Column("anchor_title", TEXT, nullable=False),
        sa.Column("register", STRING, nullable=True),
        sa.Column("field", STRING, nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("moved_from", STRING, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_anchor_id"), "links", ["anchor_id"], unique=False)
    op.create_index(op.f("ix_links_name"), "links", ["name"], unique=False, postgresql_using="hash")
    op.create_index(op.f("ix_links_path"), "links", ["path"], unique=False)
    op.create_index(op.f("ix_links_register"), "links", ["register"], unique=False, postgresql_using="hash")
    op.create_index(op.f("ix_links_repo_id"), "links", ["repo_id"], unique=False)
    op.create_index(op.f("ix_links_sheet_family"), "links", ["sheet_family"], unique=False)
    op.create_index(op.f("ix_links_state"), "links", ["state"], unique=False)
    op.create_index(op.f("ix_links_symbol_id"), "links", ["symbol_id"], unique=False)
    op.create_table(
        "offsets",
        sa.Column("agent", STRING, nullable=False),
        sa.Column("topic", STRING, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("topic_id", STRING, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("event_time", sa.Float(), nullable=True),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "topic", "partition", "topic_id", name=op.f("pk_offsets")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", LONG, autoincrement=True, nullable=False),
        sa.Column("topic", STRING, nullable=False),
        sa.Column("key", STRING, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "parsed_files",
        sa.Column("blob_id", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("blob_id", "path", name=op.f("pk_parsed_files")),
    )
    op.create_table(
        "repositories",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("url", STRING, nullable=False),
        sa.Column("family", STRING, nullable=False),
        sa.Column("branch", STRING, nullable=True),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("path_globs", sa.JSON(), nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("tip", STRING, nullable=True),
        sa.Column("head", STRING, nullable=True),
        sa.Column("head_time", sa.Float(), nullable=True),
        sa.Column("linked", STRING, nullable=True),
        sa.Column("linked_head", STRING, nullable=True),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("polled_at", sa.Float(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_repositories")),
    )
    op.create_table(
        "samples",
        sa.Column("sample_id", STRING, nullable=False),
        sa.Column("seq", LONG, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("sheet_family", STRING, nullable=True),
        sa.Column("domain", STRING, nullable=False),
        sa.Column("licence", STRING, nullable=False),
        sa.Column("blob_id", STRING, nullable=False),
        sa.Column("content_hash", STRING, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("shard_seq", sa.Integer(), nullable=True),
        sa.Column("event_time", sa.Float(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_samples")),
    )
    op.create_index(op.f("ix_samples_blob_id"), "samples", ["blob_id"], unique=False)
    op.create_index(op.f("ix_samples_content_hash"), "samples", ["content_hash"], unique=False)
    op.create_index(op.f("ix_samples_repo_id"), "samples", ["repo_id"], unique=False)
    op.create_index(op.f("ix_samples_seq"), "samples", ["seq"], unique=False)
    op.create_index(op.f("ix_samples_shard_seq"), "samples", ["shard_seq"], unique=False)
    op.create_index(op.f("ix_samples_state"), "samples", ["state"], unique=False)
    op.create_table(
        "shards",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", STRING, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("sample_ids", sa.JSON(), nullable=False),
        sa.Column("sha256", STRING, nullable=True),
        sa.Column("num_bytes", sa.BigInteger(), nullable=True),
        sa.Column("domains", sa.JSON(), nullable=True),
        sa.Column("newest_event_time", sa.Float(), nullable=True),
        sa.Column("sealed_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_shards")),
    )
    op.create_table(
        "sheet_changes",
        sa.Column("change_id", STRING, nullable=False),
        sa.Column("family", STRING, nullable=False),
        sa.Column("old_sha256", STRING, nullable=False),
        sa.Column("new_sha256", STRING, nullable=False),
        sa.Column("anchor", STRING, nullable=False),
        sa.Column("what", STRING, nullable=False),
        sa.Column("old_value", TEXT, nullable=True),
        sa.Column("new_value", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_sheet_changes")),
    )
    op.create_index(op.f("ix_sheet_changes_family"), "sheet_changes", ["family"], unique=False)
    op.create_table(
        "sheet_sources",
        sa.Column("source_id", STRING, nullable=False),
        sa.Column("location", STRING, nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("revision", STRING, nullable=True),
        sa.Column("state", STRING, nullable=False),
        sa.Column("etag", STRING, nullable=True),
        sa.Column("last_modified", STRING, nullable=True),
        sa.Column("sha256", STRING, nullable=True),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("polled_at", sa.Float(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_sheet_sources")),
    )
    op.create_table(
        "symbols",
        sa.Column("symbol_id", STRING, nullable=False),
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("name", STRING, nullable=False),
        sa.Column("scope", STRING, nullable=True),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("end_line", sa.Integer(), nullable=False),
        sa.Column("value", STRING, nullable=True),
        sa.Column("revision", STRING, nullable=False),
        sa.Column("commit_id", STRING, nullable=False),
        sa.PrimaryKeyConstraint("symbol_id", name=op.f("pk_symbols")),
    )
    op.create_index(op.f("ix_symbols_name"), "symbols", ["name"], unique=False, postgresql_using="hash")
    op.create_index("ix_symbols_repo_path", "symbols", ["repo_id", "path"], unique=False)
    op.create_table(
        "tree_files",
        sa.Column("repo_id", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("blob_id", STRING, nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "path", name=op.f("pk_tree_files")),
    )


def downgrade() -> None:
    """Refuse: there is no schema before the first one."""
    raise NotImplementedError("there is no schema before the first one: remove the database instead")
