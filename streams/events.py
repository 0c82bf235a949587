"""What travels through the topics, as values: streams/records.py turns them into bytes and back."""

from dataclasses import dataclass
from typing import Literal

FileStatus = Literal["A", "M", "D", "R"]
"""Git's letters: added, modified (also a changed type), deleted, renamed."""
CauseKind = Literal["commit", "datasheet", "removal", "upgrade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPath:
    """One path a commit changed; blob_id is the new content, None when deleted; old_path is set when renamed."""

    status: FileStatus
    path: str
    blob_id: str | None
    old_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCommit:
    """A commit that a backfill records without anybody reading its files; base: the commit before it."""

    commit: str
    base: str | None
    commit_time: float
    summary: str
    num_changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitEvent:
    """Commit `commit` of a repository's watched ref follows `base` (None: nothing was known before)."""

    event_id: str
    repo_id: str
    family: str
    ref: str
    commit: str
    base: str | None
    changed: tuple[ChangedPath, ...]
    complete: bool = True
    """False: the changes are too many to list (records.MAX_CHANGED_PATHS); read the commit's tree."""
    commit_time: float
    summary: str
    earlier: tuple[EarlierCommit, ...] = ()
    """Commits between base and this one that are recorded only, at most records.MAX_EARLIER; oldest first."""
    mapped: bool = True
    """False: this commit is recorded only as well; one that is mapped follows."""
    backfill: int = 0
    """Of a mapped one: how many commits before it were recorded only."""
    upgrade: str | None = None
    """The version for which the ledger's tree is to be read again, whatever its head is by then; None: a commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetEvent:
    """A source released these bytes; they lie in the blob store under their digest."""

    event_id: str
    source_id: str
    location: str
    file: str
    sha256: str
    parts: tuple[str, ...] = ()
    revision: str | None = None
    released_at: float
    upgrade: str | None = None
    """The version for which a known release is to be read again; None: a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something changed: a commit id, a datasheet's sha256, the id of a removed source, or a mapper's version."""

    kind: CauseKind
    id: str
    time: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingChange:
    """One end of links changed: a repository's tree (repo_id) or the current release of a datasheet family."""

    cause: Cause
    repo_id: str | None = None
    sheet_family: str | None = None
    paths: tuple[str, ...] = ()
    """Files that came, went or changed, at most records.MAX_LISTED_PATHS; more are spread over several records."""
    symbol_ids: tuple[str, ...] = ()
    """What changed, at most records.MAX_LISTED_IDS of it; for readers, the agents look for themselves."""
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedChange:
    """The links or texts of these paths of a repository changed; at most records.MAX_LISTED_PATHS in one record."""

    repo_id: str
    paths: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEvent:
    """A link came into this state."""

    link_id: str
    revision: str
    state: str
    repo_id: str
    sheet_family: str
    part: str
    path: str
    symbol: str
    anchor: str
    page: int
    score: float
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """A training sample came to be, or was retracted."""

    sample_id: str
    state: Literal["pending", "retracted"]
    repo_id: str
    path: str
    domain: str
    content_hash: str
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEvent:
    """A shard lies sealed in the shards folder."""

    seq: int
    name: str
    sha256: str
    num_samples: int
    num_bytes: int
    newest_event_time: float
    sealed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HintEvent:
    """Somebody says that a repository may have news; which, and whether it is so, only a look tells."""

    delivery_id: str
    """Digest of what the sender calls this delivery."""
    place: str
    """host/path of the repository, or its id here."""
    forge: str
    received_at: float


Event = HintEvent | CommitEvent | SheetEvent | MappingChange | LinkedChange | LinkEvent | SampleEvent | ShardEvent
