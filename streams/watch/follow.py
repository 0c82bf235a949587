"""What a look at a git repository tells: the commits of its branch, or its release tags."""

import time
from dataclasses import dataclass, replace

from streams.config import StreamsSettings
from streams.errors import RepositoryError
from streams.events import EarlierCommit
from streams.failpoints import Point
from streams.ledger.engine import reading, writing
from streams.ledger.tags import read_tags, write_tags
from streams.watch.address import Address
from streams.watch.git import Commit, GitLimits
from streams.watch.remote import TAGS_PREFIX, remote_tags
from streams.watch.tags import Choice, choose
from streams.watch.tell import Teller, begin_backfill

Step = tuple[str, Commit]
"""A ref and the commit to tell of it."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Looks at one repository; what it tells goes through the teller."""

    settings: StreamsSettings
    teller: Teller
    address: Address

    def follow(self) -> None:
        """Tell what is new, and the head once more if somebody asked for it. Raises StreamsError."""
        repository = self.teller.repository
        ref, head = self._branch() if repository.tag_glob is None else self._tags(repository.tag_glob)
        if repository.forced_at is not None and not self.teller.overtaken:
            self.teller.again(ref, head)

    def _branch(self) -> Step:
        teller, repository, mirror = self.teller, self.teller.repository, self.teller.mirror
        ref = repository.branch or "HEAD"
        newest = mirror.fetch(self.address, repository.branch)
        if repository.backfill_tip is not None:  # begun by a look that was ended
            self._backfill(ref, repository.backfill_tip, repository.backfill_commits or 0)
        if newest != teller.told or repository.forced_at is not None:
            mirror.check(newest, repository.path_globs)
        number = 0 if teller.overtaken else mirror.count(teller.told, newest)
        if number:
            teller.failpoints.hit(Point.FETCHED)
        if number > self.settings.backfill_commits:
            if begin_backfill(teller, newest, number - 1):
                self._backfill(ref, newest, number - 1)
        elif number:
            teller.one_by_one([(ref, commit) for commit in mirror.history(teller.told, newest)])
        return ref, mirror.commit(newest)

    def _backfill(self, ref: str, tip: str, num_earlier: int) -> None:
        assert self.teller.told is not None
        self.teller.backfill(ref, self.teller.mirror.log(self.teller.told, tip), num_earlier)

    def _tags(self, glob: str) -> Step:
        teller, repository = self.teller, self.teller.repository
        choice = choose(remote_tags(self.address), glob, tip=teller.told, tip_ref=repository.tip_ref)
        steps = self._fetch(choice)
        ref, head = steps[-1]
        if (ref, head.commit_id) != (repository.tip_ref, teller.told):
            teller.mirror.check(head.commit_id, repository.path_globs)
            if len(steps) > self.settings.backfill_commits:
                teller.backfill(ref, iter(_earlier(steps)), len(steps) - 1)
            else:
                teller.one_by_one(steps)
        if not teller.overtaken:
            with reading(teller.engine) as conn:
                before = read_tags(conn, repository.repo_id)
            if before != choice.matching:
                with writing(teller.engine) as conn:
                    write_tags(conn, repository.repo_id, choice.matching, time.time())
        return ref, head

    def _fetch(self, choice: Choice) -> list[Step]:
        """Return the tags to tell with their commits; what names a file or a folder instead is left out."""
        mirror = self.teller.mirror
        commits = mirror.fetch_tags(self.address, {tag: choice.matching[tag] for tag in choice.to_tell})
        if choice.head not in commits:
            raise RepositoryError(f"{self.address.url}: tag {choice.head} does not lead to a commit")
        steps = []
        for tag in choice.to_tell:
            if tag in commits:
                commit = mirror.commit(commits[tag])
                steps.append((TAGS_PREFIX + tag, replace(commit, summary=f"{tag}: {commit.summary}")))
        return steps


def git_limits(settings: StreamsSettings) -> GitLimits:
    """Return how much of a repository the settings let in."""
    return GitLimits(
        max_bytes=settings.max_repository_bytes,
        max_files=settings.max_tree_files,
        max_depth=settings.max_path_depth,
        max_commits=settings.max_commits,
        fetch_seconds=settings.fetch_timeout_seconds,
    )


def _earlier(steps: list[Step]) -> list[EarlierCommit]:
    found: list[EarlierCommit] = []
    for _, commit in steps:
        base = found[-1].commit if found else None
        found.append(
            EarlierCommit(
                commit=commit.commit_id,
                base=base,
                commit_time=commit.time,
                summary=commit.summary,
                num_changed=0,  # a tag may be far from the one before it; nobody counts
            )
        )
    return found
