"""A look tells branches, tags and long histories as they are to be told, and goes on where it was ended."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from streams.blobs import BlobStore
from streams.config import StreamsSettings
from streams.errors import BrokerError, RepositoryError
from streams.events import CommitEvent
from streams.ledger import sources
from streams.ledger.engine import reading, writing
from streams.ledger.outbox import Outgoing
from streams.ledger.tags import read_tags
from streams.metrics import StreamsMetrics
from streams.records import CommitRecord
from streams.watch import tell
from streams.watch.git import EMPTY_TREE
from streams.watch.poll import Poller

MakeVendor = Callable[..., Any]


class FakeProducer:
    """Keeps what was sent; fails at the given call."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.calls = 0
        self.fail_at = 0

    def send(self, records: Sequence[Outgoing]) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise BrokerError("away")
        self.records += records

    def events(self) -> list[CommitEvent]:
        return [CommitRecord.decode(record.value).to_domain() for record in self.records]


class Look:
    """A watcher's view of one repository."""

    def __init__(self, home: Path, engine: Engine, **settings: Any) -> None:
        self.engine = engine
        self.producer = FakeProducer()
        self.settings = StreamsSettings(home=home, **settings)
        metrics = StreamsMetrics(CollectorRegistry())
        blobs = BlobStore(home)
        self.poller = Poller(self.settings, engine, self.producer, blobs, metrics)  # type: ignore[arg-type]
        self.repo_id = ""

    def add(self, folder: Path, *, history: bool = False, **options: Any) -> None:
        with writing(self.engine) as conn:
            self.repo_id = sources.add_repository(conn, url=str(folder), now=1.0, **options).repo_id
            if history:
                sources.record_tip(conn, self.repo_id, EMPTY_TREE)

    def repository(self) -> sources.Repository:
        with reading(self.engine) as conn:
            return sources.get_repository(conn, self.repo_id)

    def __call__(self) -> list[CommitEvent]:
        before = len(self.producer.records)
        self.poller.poll_repository(self.repository())
        return self.producer.events()[before:]


@pytest.fixture
def look(tmp_path: Path, engine: Engine) -> Look:
    return Look(tmp_path / "home", engine, backfill_commits=3)


def tag(vendor: Any, name: str, *options: str, **files: str) -> str:
    """Commit these files under a new tag."""
    commit: str = vendor.commit(f"to {name}", **files)
    vendor.git("tag", "--force", *options, name)
    return commit


def test_many_commits_are_recorded_and_the_last_is_mapped(look: Look, make_vendor: MakeVendor) -> None:
    """One event has all of them, with their summaries and how many files each changed."""
    vendor = make_vendor()
    commits = [vendor.commit(f"number {n}", a__c=str(n), **{f"b{n}__c": "x"}) for n in range(6)]
    look.add(vendor.folder, history=True)

    (event,) = look()

    assert (event.commit, event.base, event.mapped, event.backfill) == (commits[-1], None, True, 5)
    assert [each.commit for each in event.earlier] == commits[:-1]
    assert [each.base for each in event.earlier] == [None, *commits[:-2]]
    assert [(each.summary, each.num_changed) for each in event.earlier[:2]] == [("number 0", 2), ("number 1", 2)]
    assert (look.repository().tip, look.repository().backfill_tip) == (commits[-1], None)
    assert look() == []


@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_a_backfill_that_was_ended_comes_to_the_same_events(
    look: Look, make_vendor: MakeVendor, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    """It goes on after the last batch that is durable, to the same end, though the branch has moved on meanwhile."""
    monkeypatch.setattr(tell, "MAX_EARLIER", 3)
    vendor = make_vendor()
    commits = [vendor.commit(a__c=str(n)) for n in range(8)]
    look.add(vendor.folder, history=True)
    look.producer.fail_at = fail_at
    with pytest.raises(BrokerError):
        look()
    after = vendor.commit(a__c="after")

    look()

    events = look.producer.events()
    assert [event.commit for event in events] == [commits[2], commits[5], commits[7], after]
    assert [event.mapped for event in events] == [False, False, True, True]
    assert [event.base for event in events] == [None, commits[2], commits[5], commits[7]]
    told = [each.commit for event in events for each in event.earlier]
    assert told == commits[:-1]
    assert [event.backfill for event in events] == [0, 0, 7, 0]


def test_a_paused_repository_stops_its_backfill(
    look: Look, make_vendor: MakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told meanwhile is not noted, and comes again once it is resumed."""
    monkeypatch.setattr(tell, "MAX_EARLIER", 3)
    vendor = make_vendor()
    commits = [vendor.commit(a__c=str(n)) for n in range(8)]
    look.add(vendor.folder, history=True)
    before = look.repository()
    with writing(look.engine) as conn:
        sources.set_repository_state(conn, look.repo_id, "paused")

    look.poller.poll_repository(before)

    assert look.repository().tip == EMPTY_TREE
    with writing(look.engine) as conn:
        sources.set_repository_state(conn, look.repo_id, "active")
    look()
    assert look.repository().tip == commits[-1]


def test_the_newest_release_is_the_head(look: Look, make_vendor: MakeVendor) -> None:
    """Of the tags there are, the newest version; those before it are recorded, annotated ones and a candidate too."""
    vendor = make_vendor()
    tag(vendor, "v1.9", a__c="1")
    newest = tag(vendor, "v1.10", "-a", "-m", "annotated", a__c="2")
    tag(vendor, "v2.0-rc1", a__c="3")
    look.add(vendor.folder, tag_glob="v*")

    (event,) = look()

    assert (event.ref, event.commit, event.summary) == ("refs/tags/v1.10", newest, "v1.10: to v1.10")
    assert look.repository().tip_ref == "refs/tags/v1.10"
    with reading(look.engine) as conn:
        assert sorted(read_tags(conn, look.repo_id)) == ["v1.10", "v1.9", "v2.0-rc1"]
    assert look() == []


def test_new_releases_are_told_in_order(look: Look, make_vendor: MakeVendor) -> None:
    """Each newer version is an event; a late release of an old line sets nothing back."""
    vendor = make_vendor()
    tag(vendor, "v1.0", a__c="1")
    look.add(vendor.folder, tag_glob="*")
    look()
    first = tag(vendor, "v1.1", a__c="2")
    second = tag(vendor, "v2.0", a__c="3")
    tag(vendor, "v0.9.9", a__c="old")

    events = look()

    assert [(event.commit, event.base) for event in events] == [(first, events[0].base), (second, first)]
    tag(vendor, "v1.1.1", a__c="old line")
    assert look() == []


def test_a_moved_tag_is_a_rewrite(look: Look, make_vendor: MakeVendor) -> None:
    """The head's tag at another commit, and a head that was deleted, are told as what differs."""
    vendor = make_vendor()
    kept = tag(vendor, "v1.0", a__c="1")
    before = tag(vendor, "v1.1", a__c="2", lost__c="x")
    look.add(vendor.folder, tag_glob="*")
    look()
    after = tag(vendor, "v1.1", a__c="3", lost__c=None)

    (moved,) = look()
    vendor.git("tag", "--delete", "v1.1")
    (back,) = look()

    assert (moved.base, moved.commit) == (before, after)
    assert ("D", "lost.c") in {(change.status, change.path) for change in moved.changed}
    assert (back.base, back.commit, back.ref) == (after, kept, "refs/tags/v1.0")


@pytest.mark.parametrize(
    ("glob", "message"), [("x*", r"no tag matches 'x\*'; .*: latest, v1.0"), ("lat*", "has a version in its name")]
)
def test_tags_that_give_no_head_say_why(look: Look, make_vendor: MakeVendor, glob: str, message: str) -> None:
    """The message names tags there are."""
    vendor = make_vendor()
    tag(vendor, "v1.0", a__c="1")
    vendor.git("tag", "latest")
    look.add(vendor.folder, tag_glob=glob)

    with pytest.raises(RepositoryError, match=message):
        look()


def test_the_history_of_releases(look: Look, make_vendor: MakeVendor) -> None:
    """With --history every release is an event; very many are recorded and the newest is mapped."""
    vendor = make_vendor()
    commits = [tag(vendor, f"v1.{n}", a__c=str(n)) for n in range(3)]
    look.add(vendor.folder, tag_glob="*", history=True)

    assert [event.commit for event in look()] == commits
    more = [tag(vendor, f"v2.{n}", a__c=f"2{n}") for n in range(5)]
    (event,) = look()
    assert (event.commit, [each.commit for each in event.earlier]) == (more[-1], more[:-1])


def test_a_forced_look_tells_the_head_once_more(look: Look, make_vendor: MakeVendor) -> None:
    """As a whole tree, once; a look in between that fails leaves the wish."""
    vendor = make_vendor()
    commit = vendor.commit(a__c="1")
    look.add(vendor.folder)
    look()
    with writing(look.engine) as conn:
        sources.force_repository(conn, look.repo_id, 5.0)
    look.producer.fail_at = look.producer.calls + 1
    with pytest.raises(BrokerError):
        look()

    (event,) = look()

    assert (event.base, event.commit, event.complete) == (commit, commit, False)
    assert look() == []


def test_other_globs_read_the_tree_anew(look: Look, make_vendor: MakeVendor) -> None:
    """Added again with the same globs nothing is told; with others the head is."""
    vendor = make_vendor()
    vendor.commit(a__c="1")
    look.add(vendor.folder, path_globs=["a*"])
    look()
    look.add(vendor.folder, path_globs=["a*"])
    assert look() == []
    look.add(vendor.folder, path_globs=["b*"])

    assert len(look()) == 1


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"max_tree_files": 2}, "more files than the limit of 2"),
        ({"max_path_depth": 1}, "x/y/deep.c: deeper than the limit of 1"),
        ({"max_repository_bytes": 10}, "larger than the limit"),
        ({"max_commits": 2}, "3 commits are new, more than the limit of 2"),
    ],
)
def test_a_repository_over_a_limit_is_refused(
    tmp_path: Path, engine: Engine, make_vendor: MakeVendor, limit: dict[str, Any], message: str
) -> None:
    """The error names the setting, and nothing was told."""
    vendor = make_vendor()
    for n in range(3):
        vendor.commit(**{"a__c": str(n), "b__c": "1", "x/y/deep__c": "1"})
    look = Look(tmp_path / "home", engine, **limit)
    look.add(vendor.folder, history=True)

    with pytest.raises(RepositoryError, match=message) as caught:
        look()

    assert next(iter(limit)) in str(caught.value)
    assert look.producer.records == []


def test_a_shallow_source_begins_where_it_was_cut(look: Look, make_vendor: MakeVendor, tmp_path: Path) -> None:
    """Its whole history is what there is, and the mirror can say that it is cut."""
    vendor = make_vendor()
    commits = [vendor.commit(a__c=str(n)) for n in range(4)]
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=2", f"file://{vendor.folder}", str(shallow)], check=True)
    look.add(shallow, history=True)

    assert [event.commit for event in look()] == commits[2:]
    assert (look.settings.home / "mirrors" / f"{look.repo_id}.git" / "shallow").exists()
