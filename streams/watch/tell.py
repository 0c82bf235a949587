"""Tell commits in Kafka and note in the ledger how far: the part of a look that both branches and tags share.

A few new commits are told one by one, each with what it changed. Many (a first import with its history, a watcher that
was away for long) are a backfill: all are recorded, in events of up to MAX_EARLIER commits as git lists them, and only
the last is mapped. Where a backfill ends is noted before it begins, so one that is killed goes on to the same end
with the same events.
"""

import dataclasses
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Engine

from mapper.ids import commit_event_id
from streams import topics
from streams.events import ChangedPath, CommitEvent, EarlierCommit
from streams.failpoints import Failpoints, Point
from streams.ledger import sources
from streams.ledger.engine import writing
from streams.ledger.outbox import Outgoing
from streams.ledger.sources import Repository
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.records import MAX_CHANGED_PATHS, MAX_EARLIER, CommitRecord
from streams.watch.git import EMPTY_TREE, Commit, GitMirror

logger = logging.getLogger(__name__)

COMMITS_AT_ONCE = 50
"""So many events are confirmed by Kafka before the ledger notes the tip."""

MAX_EVENT_BYTES = 900_000
"""Kafka's limit for a message is 1 MiB."""

MAX_SUMMARY_CHARACTERS = 200


@dataclass(slots=True)
class Teller:
    """Tells the commits of one repository; `told` is the last one that is durable."""

    engine: Engine
    producer: RecordProducer
    metrics: StreamsMetrics
    mirror: GitMirror
    repository: Repository
    told: str | None
    failpoints: Failpoints = field(default_factory=Failpoints)
    count: int = 0
    """Commits told so far."""
    overtaken: bool = False
    """Somebody removed, paused or added the repository anew meanwhile: nothing more is told."""

    def one_by_one(self, commits: list[tuple[str, Commit]]) -> None:
        """Tell (ref, commit) after the other, each with what it changed, the tip noted after every few."""
        for start in range(0, len(commits), COMMITS_AT_ONCE):
            if self.overtaken:
                return
            records, told = [], self.told
            batch = commits[start : start + COMMITS_AT_ONCE]
            for ref, commit in batch:
                records.append(self._record(self._event(ref, commit, told)))
                told = commit.commit_id
            self._send(records, ref=batch[-1][0], tip=batch[-1][1], num_commits=len(batch))

    def again(self, ref: str, commit: Commit) -> None:
        """Tell the head once more, to be compared as a whole tree with what the ledger has."""
        event = self._event(ref, commit, commit.commit_id, complete=False)
        self._send([self._record(event)], ref=ref, tip=commit, num_commits=1, ends_force=True)

    def backfill(self, ref: str, earlier: Iterator[EarlierCommit], num_commits: int) -> None:
        """Record commits, oldest first, and map the last of them; num_commits are recorded only before it."""
        entries = iter(earlier)
        batch = list(itertools.islice(entries, MAX_EARLIER))
        while batch and not self.overtaken:
            following = list(itertools.islice(entries, MAX_EARLIER))
            last, mapped = batch[-1], not following
            tip = Commit(commit_id=last.commit, parents=(), time=last.commit_time, summary=last.summary)
            event = dataclasses.replace(
                self._event(ref, tip, self.told, complete=False),
                earlier=tuple(_short(each) for each in (batch[:-1] if mapped else batch)),
                mapped=mapped,
                backfill=num_commits if mapped else 0,
            )
            self._send([self._record(event)], ref=ref, tip=tip, num_commits=len(batch), ends_backfill=mapped)
            batch = following

    def _event(self, ref: str, commit: Commit, told: str | None, *, complete: bool = True) -> CommitEvent:
        """Return the event that commit follows what was told before; not complete: whatever it changed."""
        base = None if told == EMPTY_TREE else told
        changed: tuple[ChangedPath, ...] = ()
        if complete:
            changed = tuple(self.mirror.changes(base, commit.commit_id))
        fits = complete and len(changed) <= MAX_CHANGED_PATHS
        return CommitEvent(
            event_id=commit_event_id(self.repository.repo_id, commit.commit_id, base),
            repo_id=self.repository.repo_id,
            family=self.repository.family,
            ref=ref,
            commit=commit.commit_id,
            base=base,
            changed=changed if fits else (),
            complete=fits,
            commit_time=commit.time,
            summary=commit.summary[:MAX_SUMMARY_CHARACTERS],
        )

    def _record(self, event: CommitEvent) -> Outgoing:
        value = CommitRecord.from_domain(event).encode()
        if len(value) > MAX_EVENT_BYTES:  # then it goes without its paths
            value = CommitRecord.from_domain(dataclasses.replace(event, changed=(), complete=False)).encode()
        return Outgoing(topic=topics.COMMITS.name, key=self.repository.family, value=value)

    def _send(
        self,
        records: list[Outgoing],
        *,
        ref: str,
        tip: Commit,
        num_commits: int,
        ends_backfill: bool = False,
        ends_force: bool = False,
    ) -> None:
        self.producer.send(records)
        self.failpoints.hit(Point.TOLD)
        if not self._note_tip(ref, tip.commit_id, ends_backfill=ends_backfill, ends_force=ends_force):
            logger.info("source changed meanwhile repo_id=%s", self.repository.repo_id)
            self.overtaken = True
            return
        self.failpoints.hit(Point.NOTED)
        self.told = tip.commit_id
        self.count += num_commits
        self.metrics.source_head.labels(self.repository.repo_id).set(tip.time)
        logger.info("commits told repo_id=%s count=%d tip=%s", self.repository.repo_id, num_commits, self.told)

    def _note_tip(self, ref: str, tip: str, *, ends_backfill: bool, ends_force: bool) -> bool:
        """Note the last told commit; return False if it is no longer for us to say."""
        ours, repo_id = self.repository, self.repository.repo_id
        with writing(self.engine) as conn:
            now = sources.lock_repository(conn, repo_id)
            if now is None or now.state != "active" or (now.tip, now.added_at) != (self.told, ours.added_at):
                return False
            sources.record_tip(conn, repo_id, tip, ref)
            if ends_backfill:
                sources.record_backfill(conn, repo_id, None)
            if ends_force and ours.forced_at is not None:
                sources.clear_force(conn, repo_id, ours.forced_at)
            return True


def begin_backfill(teller: Teller, tip: str, num_earlier: int) -> bool:
    """Note where a backfill will end, before its first event; return False if the source changed meanwhile."""
    ours = teller.repository
    with writing(teller.engine) as conn:
        now = sources.lock_repository(conn, ours.repo_id)
        if now is None or now.state != "active" or (now.tip, now.added_at) != (teller.told, ours.added_at):
            return False
        sources.record_backfill(conn, ours.repo_id, tip, num_earlier)
    logger.info("backfill begins repo_id=%s commits=%d up_to=%s", ours.repo_id, num_earlier + 1, tip)
    return True


def _short(commit: EarlierCommit) -> EarlierCommit:
    return dataclasses.replace(commit, summary=commit.summary[:MAX_SUMMARY_CHARACTERS])
