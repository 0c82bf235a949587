"""The tables of the ledger: what is true now, how it came to be, and how far each agent has read.

SQLAlchemy Core, the same on SQLite and PostgreSQL. Times are UTC seconds since the epoch (float), ids are those of
mapper/ids.py. Bodies are zlib-compressed JSON of the mapper's dataclasses.

Text is compared byte by byte on both (collation "C"), so that order never depends on a server's locale. Indexes of more
than one column are in streams/ledger/indexes.py. The tallies at the end are written by triggers alone.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    types,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite knows autoincrement keys only as INTEGER, which has 64 bits there.
LONG = BigInteger().with_variant(Integer, "sqlite")


def storable(text: str) -> str:
    """Return text that both databases take: PostgreSQL refuses NUL characters, which titles read from PDFs may have."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


class _Storable(TypeDecorator[str]):
    """Text as it is kept."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class String(_Storable):
    """A word: an id, a name, a path."""

    impl = types.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return types.String(collation="C" if dialect.name == "postgresql" else None)


class Text(_Storable):
    """Words."""

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return types.Text(collation="C" if dialect.name == "postgresql" else None)


repositories = Table(
    "repositories",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("family", String, nullable=False),  # origin family: forks and copies share it; the Kafka key
    Column("branch", String),  # None: the remote's HEAD
    Column("parts", JSON, nullable=False),
    Column("path_globs", JSON, nullable=False),
    Column("state", String, nullable=False),  # active, paused, removed
    Column("tip", String),  # last commit whose event is durable in Kafka
    Column("head", String),  # last commit applied to tree_files
    Column("head_time", Float),
    Column("linked", String),  # digest of the snapshot (head and current datasheets) that the links are of
    Column("linked_head", String),  # the head of that snapshot
    Column("added_at", Float, nullable=False),
    Column("polled_at", Float),
    Column("error", Text),
)

sheet_sources = Table(
    "sheet_sources",
    metadata,
    Column("source_id", String, primary_key=True),
    Column("location", String, nullable=False),  # file or URL
    Column("parts", JSON, nullable=False),
    Column("revision", String),
    Column("state", String, nullable=False),  # active, paused, removed
    Column("etag", String),
    Column("last_modified", String),
    Column("sha256", String),  # last bytes whose event is durable in Kafka
    Column("added_at", Float, nullable=False),
    Column("polled_at", Float),
    Column("error", Text),
)

commits = Table(
    "commits",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("repo_id", String, nullable=False),
    Column("commit_id", String, nullable=False),
    Column("base", String),
    Column("summary", Text, nullable=False),
    Column("commit_time", Float, nullable=False),
    Column("applied_at", Float, nullable=False),
    Column("files_changed", Integer, nullable=False),
    Column("files_parsed", Integer, nullable=False),
    Column("symbols_changed", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)

tree_files = Table(
    "tree_files",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("blob_id", String, nullable=False),
)

parsed_files = Table(
    "parsed_files",
    metadata,
    Column("blob_id", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # mapper.model.SourceFile
)

symbols = Table(
    "symbols",
    metadata,
    Column("symbol_id", String, primary_key=True),
    Column("repo_id", String, nullable=False),
    Column("path", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("scope", String),
    Column("line", Integer, nullable=False),
    Column("end_line", Integer, nullable=False),
    Column("value", String),  # decimal text: a 64-bit unsigned value does not fit an SQL integer
    Column("revision", String, nullable=False),
    Column("commit_id", String, nullable=False),
)

datasheets = Table(
    "datasheets",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("source_id", String, nullable=False, index=True),
    Column("family", String, nullable=False, index=True),
    Column("file", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("revision", String),
    Column("parts", JSON, nullable=False),
    Column("num_pages", Integer, nullable=False),
    Column("num_sections", Integer, nullable=False),
    Column("num_registers", Integer, nullable=False),
    Column("copy_restricted", Boolean, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("current", Boolean, nullable=False),  # one current release a family
    Column("released_at", Float, nullable=False),
    Column("read_at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # mapper.model.Datasheet
)

sheet_changes = Table(
    "sheet_changes",
    metadata,
    Column("change_id", String, primary_key=True),
    Column("family", String, nullable=False, index=True),
    Column("old_sha256", String, nullable=False),
    Column("new_sha256", String, nullable=False, index=True),
    Column("anchor", String, nullable=False),  # section, register or field, as text
    Column("what", String, nullable=False),  # added, removed, or the changed property
    Column("old_value", Text),
    Column("new_value", Text),
)

links = Table(
    "links",
    metadata,
    Column("link_id", String, primary_key=True),
    Column("repo_id", String, nullable=False),
    Column("sheet_family", String, nullable=False),
    Column("sheet_sha256", String, nullable=False),
    Column("part", String, nullable=False),
    Column("symbol_id", String, nullable=False, index=True),
    Column("anchor_id", String, nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("grade", String, nullable=False),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("line", Integer, nullable=False),
    Column("anchor_kind", String, nullable=False),
    Column("anchor_title", Text, nullable=False),
    Column("register", String),
    Column("field", String),
    Column("page", Integer, nullable=False),
    Column("moved_from", String),
    Column("body", LargeBinary, nullable=False),  # mapper.model.TraceLink
)

link_history = Table(
    "link_history",
    metadata,
    Column("change_id", String, primary_key=True),  # of (link, state, revision, cause): a replay adds nothing
    Column("seq", Integer, nullable=False),  # position within the link's history, from 1
    Column("link_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("cause_kind", String, nullable=False),  # commit, datasheet, removal
    Column("cause_id", String, nullable=False),  # commit id, sha256 or source id
    Column("detail", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
)

file_relevance = Table(
    "file_relevance",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("sheet_family", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("accepted", Boolean, nullable=False),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("conflict_id", String, primary_key=True),
    Column("repo_id", String, nullable=False),
    Column("sheet_family", String, nullable=False, index=True),
    Column("part", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("symbol_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False),
    Column("line", Integer, nullable=False),
    Column("page", Integer, nullable=False),
    Column("register", String),
    Column("field", String),
    Column("code_value", Text, nullable=False),
    Column("sheet_value", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("state", String, nullable=False),  # open, resolved
    Column("opened_by", String, nullable=False),  # cause id
    Column("resolved_by", String),
)

samples = Table(
    "samples",
    metadata,
    Column("sample_id", String, primary_key=True),
    Column("seq", LONG, nullable=False),  # order of arrival, gives the order of sealing
    Column("repo_id", String, nullable=False),
    Column("path", String, nullable=False),
    Column("sheet_family", String),
    Column("domain", String, nullable=False),
    Column("licence", String, nullable=False),
    Column("blob_id", String, nullable=False, index=True),
    Column("content_hash", String, nullable=False, index=True),
    Column("state", String, nullable=False),  # pending, sealed, retracted
    Column("shard_seq", Integer, index=True),
    Column("event_time", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # mapper.corpus.sample.Sample
)

drops = Table(
    "drops",
    metadata,
    Column("drop_id", String, primary_key=True),
    Column("stage", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("repo_id", String),
    Column("path", String),
    Column("blob_id", String),
    Column("detail", Text, nullable=False),
    Column("dropped_at", Float, nullable=False),
)

shards = Table(
    "shards",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),  # planned, sealed
    Column("sample_ids", JSON, nullable=False),
    Column("sha256", String),
    Column("num_bytes", BigInteger),
    Column("domains", JSON),
    Column("newest_event_time", Float),
    Column("sealed_at", Float),
)

offsets = Table(
    "offsets",
    metadata,
    Column("agent", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    # Kafka's id of this incarnation of the topic: offsets of a log that was lost mean nothing in a new one.
    Column("topic_id", String, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("applied", BigInteger, nullable=False),  # records applied
    Column("skipped", BigInteger, nullable=False),  # records seen again
    Column("event_time", Float),  # of the newest record applied
    Column("updated_at", Float, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", LONG, primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False),
    Column("key", String, nullable=False),
    Column("value", LargeBinary),  # None: a tombstone
    Column("headers", JSON, nullable=False),  # name -> text
    Column("created_at", Float, nullable=False, index=True),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("letter_id", String, primary_key=True),  # of (agent, topic, partition, offset)
    Column("agent", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", String),
    Column("reason", String, nullable=False, index=True),
    Column("error_class", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String, nullable=False),  # dead, replayed, dropped
    Column("died_at", Float, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("repo_id", String, primary_key=True),  # "" for what is of no repository
    Column("subject", String, primary_key=True),  # commits, files, symbols, conflicts, samples, drops
    Column("label", String, primary_key=True),  # a state, or STAGE/REASON of drops, or ""
    Column("number", BigInteger, nullable=False),
)

link_tallies = Table(
    "link_tallies",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("sheet_family", String, primary_key=True),
    Column("state", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),  # grows with each change among these links
)

# Distinct registers and symbols, beside the sum of the versions at which they were counted.
sheet_coverage = Table(
    "sheet_coverage",
    metadata,
    Column("sheet_family", String, primary_key=True),
    Column("registers_linked", BigInteger, nullable=False),
    Column("symbols", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("counted_at", Float, nullable=False),
)
