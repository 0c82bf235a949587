"""The tables of what a mapping keeps besides its links: their history, conflicts, decisions, what waits, costs."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table

from streams.ledger.columns import String, Text, metadata

link_history = Table(
    "link_history",
    metadata,
    Column("change_id", String, primary_key=True),  # of (link, seq, state, revision, cause)
    Column("seq", Integer, nullable=False),  # position within the link's history, from 1
    Column("link_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("cause_kind", String, nullable=False),  # commit, datasheet, removal, upgrade
    Column("cause_id", String, nullable=False),  # commit id, sha256, source id or version
    Column("detail", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
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
    Column("opened_by", String, nullable=False, index=True),  # cause id
    Column("resolved_by", String, index=True),
    Column("opened_kind", String),  # kind of the cause; None: from before it was noted
    Column("opened_at", Float),
    Column("resolved_kind", String),
    Column("resolved_at", Float),
)

conflict_history = Table(
    "conflict_history",
    metadata,
    Column("conflict_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # position within the conflict's history, from 1
    Column("state", String, nullable=False),  # open, resolved
    Column("code_value", Text, nullable=False),
    Column("sheet_value", Text, nullable=False),
    Column("cause_kind", String, nullable=False),
    Column("cause_id", String, nullable=False),
    Column("changed_at", Float, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("sheet_sha256", String, primary_key=True),
    Column("sheet_family", String, nullable=False),
    Column("key", String, nullable=False),  # of all that it depends on besides the tree: linker, parts, datasheet
    Column("body", LargeBinary, nullable=False),  # mapper.linking.mapping.Grounds; what was decided is in links
)

pending_changes = Table(
    "pending_changes",
    metadata,
    Column("repo_id", String, primary_key=True),
    Column("item", String, primary_key=True),  # a symbol's id, or "path:" and a path
    Column("commit_id", String, nullable=False),  # the last commit that added, changed or removed it
    Column("commit_time", Float, nullable=False),
    Column("old_path", String),  # of a path that was renamed: where it stood when links were last made
)

costs = Table(
    "costs",
    metadata,
    Column("cost_id", String, primary_key=True),  # of agent, repository, cause and what it led to
    Column("agent", String, nullable=False),
    Column("repo_id", String, nullable=False),
    Column("cause_kind", String, nullable=False),
    Column("cause_id", String, nullable=False),
    Column("files_parsed", Integer, nullable=False),
    Column("symbols_changed", Integer, nullable=False),
    Column("symbols_aligned", Integer, nullable=False),
    Column("decisions_kept", Integer, nullable=False),
    Column("decisions_taken", Integer, nullable=False),
    Column("links_changed", Integer, nullable=False),
    Column("prompts", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("recorded_at", Float, nullable=False, index=True),
)
