"""streams/records.py"""

import dataclasses
import json
from dataclasses import replace

import pytest

from streams import events, records
from streams.errors import RecordError
from streams.events import Cause, ChangedPath, CommitEvent, EarlierCommit

CAUSE = Cause(kind="commit", id="c1", time=1.5, detail="fix \u00e4")
COMMIT = CommitEvent(
    event_id="e1",
    repo_id="r1",
    family="f1",
    ref="refs/heads/main",
    commit="c1",
    base=None,
    changed=(ChangedPath(status="R", path="b.c", blob_id="b1", old_path="a.c"),),
    commit_time=1.5,
    summary="rename",
)
EXAMPLES = [
    (records.CommitRecord, COMMIT),
    (
        records.SheetRecord,
        events.SheetEvent(
            event_id="e", source_id="s", location="/x", file="x.pdf", sha256="0", parts=("P",), released_at=1.0
        ),
    ),
    (records.ChangeRecord, events.MappingChange(cause=CAUSE, repo_id="r1", paths=("a.c",), symbol_ids=("s1",))),
    (
        records.CommitRecord,
        replace(
            COMMIT,
            mapped=False,
            backfill=2,
            earlier=(EarlierCommit(commit="c0", base=None, commit_time=1.0, summary="s", num_changed=3),),
        ),
    ),
    (records.HintRecord, events.HintEvent(delivery_id="d", place="forge.example/v/sdk", forge="gitea", received_at=1)),
    (records.LinkedRecord, events.LinkedChange(repo_id="r1", paths=("a.c",), cause=CAUSE)),
    (
        records.LinkRecord,
        events.LinkEvent(
            link_id="l",
            revision="v",
            state="new",
            repo_id="r",
            sheet_family="f",
            part="P",
            path="a.c",
            symbol="S",
            anchor="CTRL",
            page=3,
            score=0.5,
            cause=CAUSE,
        ),
    ),
    (
        records.SampleRecord,
        events.SampleEvent(
            sample_id="s", state="pending", repo_id="r", path="p", domain="general", content_hash="h", cause=CAUSE
        ),
    ),
    (
        records.ShardRecord,
        events.ShardEvent(
            seq=1, name="n", sha256="0", num_samples=2, num_bytes=3, newest_event_time=1.0, sealed_at=2.0
        ),
    ),
]


@pytest.mark.parametrize(("record", "value"), EXAMPLES, ids=lambda item: getattr(item, "__name__", ""))
def test_a_value_survives_its_bytes(record: type[records.WireRecord], value: events.Event) -> None:
    """Every record gives back the value it was made from."""
    assert record.decode(record.from_domain(value).encode()).to_domain() == value


def test_the_bytes_of_a_commit_are_these() -> None:
    """Golden: readers of other versions depend on these names."""
    assert json.loads(records.CommitRecord.from_domain(COMMIT).encode()) == {
        "version": 1,
        "event_id": "e1",
        "repo_id": "r1",
        "family": "f1",
        "ref": "refs/heads/main",
        "commit": "c1",
        "base": None,
        "changed": [{"status": "R", "path": "b.c", "blob_id": "b1", "old_path": "a.c"}],
        "complete": True,
        "commit_time": 1.5,
        "summary": "rename",
    }


@pytest.mark.parametrize(
    ("data", "reason", "message"),
    [
        (None, "schema", "tombstone"),
        (b"\xff\x00", "decode", "JSON expected"),
        (b"[1]", "decode", "a JSON object expected, got list"),
        (b"{}", "schema", "version 1 expected, got None"),
        (b'{"version": 2}', "schema", "version 1 expected, got 2"),
        (b'{"version": 1}', "schema", "missing"),
    ],
)
def test_other_bytes_are_refused_with_a_reason(data: bytes | None, reason: str, message: str) -> None:
    """Never a guess: an unknown version is an error like any other."""
    with pytest.raises(RecordError, match=message) as caught:
        records.CommitRecord.decode(data)

    assert caught.value.reason == reason


def test_a_field_of_a_wrong_type_is_named() -> None:
    """The message says which field, and what came."""
    data = records.CommitRecord.from_domain(COMMIT).encode().replace(b'"R"', b'"Z"')

    with pytest.raises(RecordError, match=r"CommitRecord.changed.0.status: .* got 'Z'"):
        records.CommitRecord.decode(data).to_domain()


def test_a_field_of_a_later_version_is_ignored() -> None:
    """Adding a field is no new version."""
    data = records.CommitRecord.from_domain(COMMIT).encode()[:-1] + b',"author_count":3}'

    assert records.CommitRecord.decode(data).to_domain() == COMMIT


def test_many_paths_are_spread_over_records_that_fit() -> None:
    """In order, none lost, none twice, by number and by bytes."""
    many = [f"{number:05d}.c" for number in range(records.MAX_LISTED_PATHS + 1)]
    long = [f"{number}" + "x" * 1000 for number in range(500)]

    assert [len(batch) for batch in records.path_batches(many)] == [records.MAX_LISTED_PATHS, 1]
    batches = list(records.path_batches(long))
    assert [path for batch in batches for path in batch] == sorted(long)
    assert all(sum(map(len, batch)) <= records.MAX_PATHS_BYTES for batch in batches)
    assert list(records.path_batches([])) == []


@pytest.mark.parametrize("record", [records.CommitRecord, records.SheetRecord])
def test_a_record_from_before_upgrades_is_no_upgrade(record: type[records.WireRecord]) -> None:
    """Topics keep what older versions wrote for years; any other field that is missing is still an error."""
    value = next(value for kind, value in EXAMPLES if kind is record)
    again = dataclasses.replace(value, upgrade="parser1_x")
    fields = json.loads(record.from_domain(value).encode())

    assert "upgrade" not in fields
    assert record.decode(json.dumps(fields).encode()).to_domain() == value
    assert record.decode(record.from_domain(again).encode()).to_domain() == again

    del fields["event_id"]
    with pytest.raises(RecordError, match="fields missing: event_id"):
        record.decode(json.dumps(fields).encode())
