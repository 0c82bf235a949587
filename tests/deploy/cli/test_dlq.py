"""`sheetstream dlq`: which letters are meant, what is shown of them, and that nothing is done unasked."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from streams import topics
from streams.config import StreamsSettings
from streams.ledger import letters
from streams.ledger.engine import reading, writing
from streams.ledger.letters import Letter
from streams.ledger.outbox import Outgoing
from streams.producer import RecordProducer
from streams.replay import read_since
from streams.topics import apply_topics

Cli = Callable[..., Any]
DAY = 86400.0


def letter(name: str, reason: str = "truncated", agent: str = "sheets", age: float = 0.0, offset: int = 0) -> Letter:
    return Letter(
        letter_id=name,
        agent=agent,
        topic=topics.COMMITS.name,
        partition=0,
        offset=offset,
        key="f",
        reason=reason,
        error_class="DatasheetError",
        message="AB12.pdf: ends early",
        attempts=1,
        state="dead",
        died_at=time.time() - age,
    )


@pytest.fixture
def buried(engine: Engine) -> Engine:
    """A ledger with letters of two agents, two reasons and three ages."""
    with writing(engine) as conn:
        letters.bury(conn, letter("dl1_aa"))
        letters.bury(conn, letter("dl1_ab", reason="scanned", age=3 * DAY))
        letters.bury(conn, letter("dl1_bb", agent="links", reason="internal", age=40 * DAY))
    return engine


def states(engine: Engine) -> dict[str, str]:
    with reading(engine) as conn:
        return {found.letter_id: found.state for found in letters.find_letters(conn, state=None)}


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ((), ["dl1_aa", "dl1_ab", "dl1_bb"]),
        (("--agent", "links"), ["dl1_bb"]),
        (("--reason", "scanned"), ["dl1_ab"]),
        (("--since", "7d"), ["dl1_aa", "dl1_ab"]),
        (("--before", "1d"), ["dl1_ab", "dl1_bb"]),
        (("--since", "7d", "--before", "12h"), ["dl1_ab"]),
        (("--limit", "1"), ["dl1_aa"]),
    ],
)
def test_letters_are_narrowed_down(buried: Engine, cli_json: Cli, words: tuple[str, ...], ids: list[str]) -> None:
    """By agent, reason and age, newest first."""
    assert [found["letter_id"] for found in cli_json("dlq", "list", *words)] == ids


@pytest.mark.parametrize("words", [("--since", "soon"), ("--state", "gone")])
def test_a_strange_filter_is_a_mistake(buried: Engine, cli: Cli, words: tuple[str, ...]) -> None:
    """Exit code 2, with what was expected."""
    result = cli("dlq", "list", *words)

    assert result.exit_code == 2
    assert "expected" in result.stderr


@pytest.mark.parametrize("command", ["drop", "replay"])
def test_nothing_is_done_without_yes(buried: Engine, cli: Cli, cli_json: Cli, command: str) -> None:
    """It says what it would do, also as JSON."""
    assert cli_json("dlq", command, "--reason", "scanned") == {f"would_{command}": ["dl1_ab"]}
    assert "3 letters; --yes does it" in cli("dlq", command).stderr
    assert set(states(buried).values()) == {"dead"}


@pytest.mark.parametrize(("answer", "state"), [("y\n", "dropped"), ("n\n", "dead")])
def test_on_a_terminal_a_person_is_asked(
    buried: Engine, monkeypatch: pytest.MonkeyPatch, home: Path, answer: str, state: str
) -> None:
    """A yes drops, anything else does not."""
    from typer.testing import CliRunner

    from deploy.cli.main import app

    monkeypatch.setattr("deploy.cli.dlq.sys", type("Terminal", (), {"stdin": type("In", (), {"isatty": lambda: True})}))
    result = CliRunner().invoke(app, ["dlq", "drop", "dl1_bb"], input=answer)

    assert "drop 1 letters?" in result.stderr
    assert states(buried)["dl1_bb"] == state


def test_many_are_dropped_by_age(buried: Engine, cli_json: Cli) -> None:
    """All that died before; the others stay."""
    assert cli_json("dlq", "drop", "--before", "1d", "--yes") == {"dropped": ["dl1_ab", "dl1_bb"]}
    assert states(buried) == {"dl1_aa": "dead", "dl1_ab": "dropped", "dl1_bb": "dropped"}


@pytest.mark.parametrize(("words", "code"), [(("dl1_a",), 6), (("dl1_x",), 6), (("dl1_aa", "--reason", "scanned"), 2)])
def test_ids_must_name_one_letter_and_stand_alone(buried: Engine, cli: Cli, words: tuple[str, ...], code: int) -> None:
    """An ambiguous start, an unknown one, and ids beside options that choose."""
    assert cli("dlq", "drop", *words, "--yes").exit_code == code


@pytest.mark.broker
def test_letters_are_shown_and_replayed_from_what_kafka_keeps(
    engine: Engine, home: Path, cli: Cli, cli_json: Cli, kafka_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers and decoded value from dead.letters; sent again byte for byte; what nobody keeps stays dead: exit 1."""
    monkeypatch.setenv("SHEETSTREAM_KAFKA", kafka_address)
    monkeypatch.setenv("SHEETSTREAM_TOPIC_PREFIX", "dlq.")
    settings = StreamsSettings(home=home)
    apply_topics(settings)
    headers = {"agent": "sheets", "topic": "repo.commits", "partition": "0", "offset": "0", "reason": "truncated"}
    value = '{"version":1,"file":"µ.pdf"}'.encode()
    producer = RecordProducer(settings, client_id="test")
    producer.send([Outgoing(topic=topics.DEAD_LETTERS.name, key="f", value=value, headers=headers)])
    producer.close()
    with writing(engine) as conn:
        letters.bury(conn, letter("dl1_aa"))
        letters.bury(conn, letter("dl1_bb", offset=7))

    shown = cli_json("dlq", "show", "dl1_aa")
    text = cli("dlq", "show", "dl1_aa").stdout
    result = cli("dlq", "replay", "--reason", "truncated", "--yes")

    assert (shown["headers"], shown["value"]) == (headers, {"version": 1, "file": "µ.pdf"})
    assert "header       reason: truncated" in text
    assert '"file": "µ.pdf"' in text
    assert "does not keep" in cli("dlq", "show", "dl1_bb").stdout
    assert (result.exit_code, result.stdout) == (1, "dl1_aa\n")
    assert states(engine) == {"dl1_aa": "replayed", "dl1_bb": "dead"}
    assert [(record.key, record.value) for record in read_since(settings, topics.COMMITS)] == [(b"f", value)]
