"""Shards, topics, dead letters and replay from the command line."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from mapper.corpus.sample import Sample
from streams import topics
from streams.config import StreamsSettings
from streams.events import CommitEvent
from streams.ledger import letters, samples, sources
from streams.ledger.engine import reading, writing
from streams.ledger.letters import Letter
from streams.ledger.outbox import Outgoing
from streams.ledger.samples import NewSample
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.records import CommitRecord
from streams.replay import read_since
from streams.seal import Sealer

Cli = Callable[..., Any]


@pytest.fixture
def sealed(engine: Engine, home: Path) -> Path:
    """Return the folder of a home with one sealed shard."""
    sample = Sample(
        sample_id="sm1_a",
        text="int a;\n",
        domain="general",
        licence="MIT",
        repo_family="f",
        path="a.c",
        blob_id="b",
        commit="c",
        sheet_sha256=None,
        link_revisions=(),
        template_version=1,
    )
    with writing(engine) as conn:
        new = NewSample(sample=sample, repo_id="r", sheet_family=None, content_hash="h", event_time=1.0)
        samples.add_samples(conn, [new])
    sealer = Sealer(StreamsSettings(home=home, shard_max_samples=1), engine, StreamsMetrics(CollectorRegistry()))
    sealer.recover()
    while sealer.step():
        pass
    return home / "shards"


def letter(letter_id: str, reason: str = "truncated", offset: int = 0, partition: int = 0) -> Letter:
    return Letter(
        letter_id=letter_id,
        agent="symbols",
        topic=topics.COMMITS.name,
        partition=partition,
        offset=offset,
        key="f",
        reason=reason,
        error_class="DatasheetError",
        message="AB12.pdf: ends early",
        attempts=1,
        state="dead",
        died_at=time.time(),
    )


def states(engine: Engine) -> dict[str, str]:
    with reading(engine) as conn:
        return {found.letter_id: found.state for found in letters.find_letters(conn, state=None)}


def test_shards_are_listed_and_verified(sealed: Path, cli: Cli, cli_json: Cli) -> None:
    """A whole shard verifies with exit code 0, a damaged one with 5."""
    (listed,) = cli_json("shards", "list")
    assert (listed["name"], listed["domains"]) == ("shard-000001.tar", {"general": 1})
    assert cli("shards", "verify").exit_code == 0

    (sealed / "shard-000001.tar").write_bytes(b"")

    result = cli("shards", "verify")
    assert result.exit_code == 5
    assert "sha256" in result.stdout


def test_letters_are_listed_and_dropped_only_with_yes(engine: Engine, cli: Cli, cli_json: Cli) -> None:
    """Without --yes the command says what it would do."""
    with writing(engine) as conn:
        letters.bury(conn, letter("dl1_aa"))
        letters.bury(conn, letter("dl1_bb", reason="scanned"))

    assert {found["letter_id"] for found in cli_json("dlq", "list")} == {"dl1_aa", "dl1_bb"}
    assert [found["letter_id"] for found in cli_json("dlq", "list", "--reason", "scanned")] == ["dl1_bb"]
    assert "would drop" in cli("dlq", "drop", "dl1_a").stdout
    assert states(engine) == {"dl1_aa": "dead", "dl1_bb": "dead"}
    assert cli("dlq", "drop", "--reason", "scanned", "--yes").exit_code == 0
    assert states(engine) == {"dl1_aa": "dead", "dl1_bb": "dropped"}
    assert cli("dlq", "drop", "dl1_x", "--yes").exit_code == 6


@pytest.mark.parametrize(
    "words", [("topics", "apply"), ("replay", "--since", "7d"), ("dlq", "show", "dl1_aa"), ("dlq", "replay", "--yes")]
)
def test_without_a_broker_the_exit_code_is_4(engine: Engine, cli: Cli, words: tuple[str, ...]) -> None:
    """One line that names the address."""
    with writing(engine) as conn:
        letters.bury(conn, letter("dl1_aa"))

    result = cli(*words)

    assert result.exit_code == 4
    assert "127.0.0.1:9" in result.stderr


def test_replay_needs_to_know_what(cli: Cli) -> None:
    """Nothing at all is a mistake, and so are a strange place and a place with something else."""
    assert cli("replay").exit_code == 2
    assert "repo.commits/0/120" in cli("replay", "--from-offset", "repo.commits:7").stderr
    assert cli("replay", "--from-offset", "repo.commits/0/0", "--since", "7d").exit_code == 2


def test_a_bad_setting_is_exit_code_3(cli: Cli, home: Path) -> None:
    """The message names the setting and the nearest one."""
    home.mkdir()
    (home / "sheetstream.toml").write_text("[streams]\npoll_second = 3\n")

    result = cli("topics", "apply")

    assert result.exit_code == 3
    assert "did you mean poll_seconds" in result.stderr


@pytest.mark.broker
def test_topics_letters_and_commits_on_a_real_broker(
    engine: Engine, home: Path, cli: Cli, cli_json: Cli, kafka_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Topics are made once; a dead record and a repository's commits are sent again with the same bytes."""
    monkeypatch.setenv("SHEETSTREAM_KAFKA", kafka_address)
    monkeypatch.setenv("SHEETSTREAM_TOPIC_PREFIX", "cli.")
    assert "created cli.repo.commits" in cli("topics", "apply").stdout
    assert cli_json("topics", "apply")["created"] == []
    settings = StreamsSettings(home=home)
    with writing(engine) as conn:
        repo_id = sources.add_repository(conn, url="/src/ab", now=1.0).repo_id
    event = CommitEvent(
        event_id="e",
        repo_id=repo_id,
        family="f",
        ref="HEAD",
        commit="c",
        base=None,
        changed=(),
        commit_time=1.0,
        summary="",
    )
    producer = RecordProducer(settings, client_id="test")
    value = CommitRecord.from_domain(event).encode()
    producer.send([Outgoing(topic=topics.COMMITS.name, key="f", value=value)])
    producer.close()
    (record,) = read_since(settings, topics.COMMITS)
    with writing(engine) as conn:
        letters.bury(conn, letter("dl1_aa", offset=record.offset, partition=record.partition))

    assert repo_id in cli("dlq", "show", "dl1_aa").stdout
    assert cli("dlq", "replay", "--yes").exit_code == 0
    assert states(engine) == {"dl1_aa": "replayed"}
    assert "would send 2 commits" in cli("replay", "--repo", repo_id).stderr
    assert "sent 2 commits" in cli("replay", "--repo", repo_id, "--since", "1h", "--yes").stderr
    place = f"repo.commits/{record.partition}"
    assert "would send 3 records" in cli("replay", "--from-offset", f"{place}/{record.offset + 1}").stderr
    assert "sent 1 records" in cli("replay", "--from-offset", f"{place}/{record.offset + 3}", "--yes").stderr
    assert cli("replay", "--from-offset", "repo.commits/99/0").exit_code == 2
    assert [found.value for found in read_since(settings, topics.COMMITS)] == [value] * 5
