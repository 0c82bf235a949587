"""The tables of the ledger: what is true now, how it came to be, and how far each agent has read.

SQLAlchemy Core, the same on SQLite and PostgreSQL. Times are UTC seconds since the epoch (float), ids are those of
mapper/ids.py. Bodies are zlib-compressed JSON of the mapper's dataclasses.

Text is compared byte by byte on both (collation "C"), so that order never depends on a server's locale. Indexes of more
than one column are in streams/ledger/indexes.py. The tallies are written by triggers alone.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    Table,
    false,
    true,
)

from streams.ledger.columns import LONG, String, Text
from streams.ledger.columns import metadata as metadata
from streams.ledger.mapping_tables import conflict_history as conflict_history
from streams.ledger.mapping_tables import conflicts as conflicts
from streams.ledger.mapping_tables import costs as costs
from streams.ledger.mapping_tables import decisions as decisions
from streams.ledger.mapping_tables import link_history as link_history
from streams.ledger.mapping_tables import pending_changes as pending_changes

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
    Column("linked_tree", String),  # digest of the tree's state for which all its decisions were found to hold
    Column("parser", String),  # version of the mapper that parsed the head's tree; "": one before versions were noted
    Column("linked_by", String),  # version that the links are of; "": what was linked is not all of one version
    Column("added_at", Float, nullable=False),
    Column("polled_at", Float),
    Column("error", Text),
    Column("tag_glob", String),  # which tags are followed, instead of a branch; None: a branch is
    Column("tip_ref", String),  # ref that `tip` was told of
    Column("forced_at", Float),  # somebody asked for a look and the head once more; None once that is durable
    Column("backfill_tip", String),  # commits up to this one are recorded without being mapped; None: no backfill
    Column("backfill_commits", Integer),  # how many they were when the backfill began
)

repository_tags = Table(
    "repository_tags",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("tag", String, primary_key=True),
    Column("commit_id", String, nullable=False),
    Column("seen_at", Float, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("delivery_id", String, primary_key=True),
    Column("received_at", Float, nullable=False, index=True),
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
    Column("is_folder", Boolean, nullable=False, server_default=false()),  # its PDF files are sources of their own
    Column("folder", String),  # source id of the folder that brought it; None: a person did
)

commits = Table(
    "commits",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("repo_id", String, nullable=False),
    Column("commit_id", String, nullable=False, index=True),
    Column("base", String),
    Column("summary", Text, nullable=False),
    Column("commit_time", Float, nullable=False),
    Column("applied_at", Float, nullable=False),
    Column("files_changed", Integer, nullable=False),
    Column("files_parsed", Integer, nullable=False),
    Column("symbols_changed", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("mapped", Boolean, nullable=False, server_default=true()),  # False: recorded by a backfill, never parsed
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
    Column("parser", String, primary_key=True, index=True),  # version
    Column("body", LargeBinary, nullable=False),  # mapper.model.SourceFile
)

refused_files = Table(
    "refused_files",
    metadata,
    Column("blob_id", String, primary_key=True),
    Column("parser", String, primary_key=True),  # version: another one tries again
    Column("path", String, nullable=False),  # where it was seen first
    Column("reason", String, nullable=False),  # parse_timeout, parse_memory, parse_crash
    Column("detail", Text, nullable=False),
    Column("refused_at", Float, nullable=False),
)

parser_versions = Table(
    "parser_versions",
    metadata,
    Column("version", String, primary_key=True),
    Column("seen_at", Float, nullable=False),  # last time that a worker of this version said it runs
)

upgrades = Table(
    "upgrades",
    metadata,
    Column("upgrade_id", String, primary_key=True),  # of (kind, of, version): the event's id
    Column("kind", String, nullable=False),  # tree, sheet, links
    Column("of", String, nullable=False),  # repository id or sha256
    Column("version", String, nullable=False),  # the version that is to read or link it
    Column("times", Integer, nullable=False),  # how often that was told
    Column("told_at", Float, nullable=False),
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
    Column("commit_id", String, nullable=False, index=True),  # what a commit touched
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
    Column("reader", String, nullable=False),  # version of the mapper that read it
    Column("body", LargeBinary, nullable=False),  # mapper.model.Datasheet
    Column("content", String, nullable=False, server_default=""),  # digest of what body holds
    Column("unconfirmed", JSON),  # part numbers that were given and its text does not name; None: not looked
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

audits = Table(
    "audits",
    metadata,
    Column("audit_id", String, primary_key=True),
    Column("repo_id", String, nullable=False),  # "ledger": what is of no one repository
    Column("snapshot", String, nullable=False),  # that the links were of
    Column("depth", String, nullable=False),  # shallow, deep
    Column("audited_at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("mismatches", JSON, nullable=False),  # kind -> how many; of the kinds that were looked at
    Column("num_differences", Integer, nullable=False),
    Column("differences", JSON, nullable=False),  # the first of them, in words
    Column("digest", String, nullable=False),  # of what the ledger held
)
