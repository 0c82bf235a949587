"""Versions: which parser, reader and linker the ledger's files, datasheets and links are of.

What is there is of no version that anybody knows (the empty word): it stays in use until it was read again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the versions and what is noted about them."""
    op.add_column("repositories", sa.Column("parser", STRING, nullable=True))
    op.add_column("repositories", sa.Column("linked_by", STRING, nullable=True))
    op.execute("UPDATE repositories SET parser = '' WHERE head IS NOT NULL")
    op.execute("UPDATE repositories SET linked_by = '' WHERE linked IS NOT NULL")
    op.add_column("datasheets", sa.Column("reader", STRING, nullable=False, server_default=""))
    _widen_key_of_parsed_files()
    op.create_index(op.f("ix_parsed_files_parser"), "parsed_files", ["parser"], unique=False)
    op.create_table(
        "refused_files",
        sa.Column("blob_id", STRING, nullable=False),
        sa.Column("parser", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("reason", STRING, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("refused_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("blob_id", "parser", name=op.f("pk_refused_files")),
    )
    op.create_table(
        "upgrades",
        sa.Column("upgrade_id", STRING, nullable=False),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("of", STRING, nullable=False),
        sa.Column("version", STRING, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("upgrade_id", name=op.f("pk_upgrades")),
    )
    op.create_table(
        "parser_versions",
        sa.Column("version", STRING, nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_parser_versions")),
    )
    op.execute("INSERT INTO parser_versions (version, seen_at) SELECT '', 0 WHERE EXISTS (SELECT 1 FROM parsed_files)")


def _widen_key_of_parsed_files() -> None:
    """Put the parser's version into the key: SQLite can do so only by a copy of the table."""
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("parsed_files", sa.Column("parser", STRING, nullable=False, server_default=""))
        op.drop_constraint("pk_parsed_files", "parsed_files", type_="primary")
        op.create_primary_key("pk_parsed_files", "parsed_files", ["blob_id", "path", "parser"])
        return
    op.rename_table("parsed_files", "parsed_files_0001")
    op.create_table(
        "parsed_files",
        sa.Column("blob_id", STRING, nullable=False),
        sa.Column("path", STRING, nullable=False),
        sa.Column("parser", STRING, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("blob_id", "path", "parser", name=op.f("pk_parsed_files")),
    )
    op.execute(
        "INSERT INTO parsed_files (blob_id, path, parser, body) SELECT blob_id, path, '', body FROM parsed_files_0001"
    )
    op.drop_table("parsed_files_0001")
