"""Webhooks are answered 202 when everything they ask for is durable, and else with what to do."""

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from starlette.testclient import TestClient

from streams import topics
from streams.config import StreamsSettings
from streams.errors import BrokerError, ConfigError
from streams.ledger import deliveries, sources
from streams.ledger.engine import writing
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.records import HintRecord
from streams.watch import hookserver
from streams.watch.hints import follow_hints
from streams.watch.hookserver import Receiver, create_app, run

SECRET, OWN = "one secret for all of them", "a secret of its own, long"
URL = "https://forge.example/vendor/sdk"
LIMIT = 2000


class FakeProducer:
    """Stands for Kafka: keeps records, or is away."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.down = False

    def send(self, records: Sequence[Outgoing]) -> None:
        if self.down:
            raise BrokerError("away")
        self.records += records

    def places(self) -> list[str]:
        return [HintRecord.decode(record.value).to_domain().place for record in self.records]


class Hooks:
    """The application over a ledger with one watched repository."""

    def __init__(self, home: Path, engine: Engine) -> None:
        home.mkdir(exist_ok=True)
        (home / "secret").write_text(SECRET + "\n")
        (home / "own").write_text(OWN)
        settings = StreamsSettings(
            home=home,
            webhook_secret_file=home / "secret",
            webhook_secret_files={"https://forge.example/vendor/own": home / "own"},
            webhook_max_bytes=LIMIT,
        )
        self.producer, self.registry, self.engine = FakeProducer(), CollectorRegistry(), engine
        self.receiver = Receiver(settings, engine, self.producer, StreamsMetrics(self.registry))  # type: ignore[arg-type]
        self.client = TestClient(create_app(self.receiver))
        with writing(engine) as conn:
            self.repo_id = sources.add_repository(conn, url=URL, now=1.0).repo_id
            self.own_id = sources.add_repository(conn, url="https://forge.example/vendor/own", now=1.0).repo_id

    def push(self, url: str = URL, secret: str = SECRET, path: str = "/hooks", **changes: Any) -> httpx.Response:
        body = changes.pop("body", None) or json.dumps({"repository": {"clone_url": url}, **changes}).encode()
        return self.client.post(path, content=body, headers=signed(body, secret))

    def answers(self, status: str) -> float:
        labels = {"forge": "github", "status": status}
        return self.registry.get_sample_value("sheetstream_streams_webhooks_total", labels) or 0.0


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    identity = hashlib.sha256(body).hexdigest()[:12]
    return {"X-GitHub-Event": "push", "X-GitHub-Delivery": identity, "X-Hub-Signature-256": f"sha256={digest}"}


@pytest.fixture
def hooks(tmp_path: Path, engine: Engine) -> Iterator[Hooks]:
    made = Hooks(tmp_path / "home", engine)
    with made.client:
        yield made


def test_a_push_becomes_a_hint(hooks: Hooks) -> None:
    """Told under the repository's place, whatever else the sender says."""
    answer = hooks.push("git@forge.example:Vendor/SDK.git", ref="refs/heads/evil; rm -rf /")

    assert (answer.status_code, answer.text) == (202, "accepted\n")
    (record,) = hooks.producer.records
    assert (record.topic, record.key) == (topics.HINTS.name, "forge.example/vendor/sdk")
    assert hooks.answers("202") == 1


def test_the_same_delivery_again_is_told_once(hooks: Hooks) -> None:
    """Also by another receiver after a restart: it is in the ledger."""
    hooks.push()

    assert hooks.push().text == "already accepted\n"
    body = json.dumps({"repository": {"clone_url": URL}}).encode()
    renamed = signed(body) | {"X-GitHub-Delivery": "made up"}
    assert hooks.client.post("/hooks", content=body, headers=renamed).text == "already accepted\n"
    assert len(hooks.producer.records) == 1
    assert (hooks.push(after="later").text, len(hooks.producer.records)) == ("accepted\n", 2)


def test_nobody_learns_what_is_watched(hooks: Hooks) -> None:
    """With the secret all are accepted and the unknown dropped; without it all are refused alike."""
    assert hooks.push("https://forge.example/other/thing").status_code == 202
    assert hooks.push("https://forge.example/x", path="/hooks/repo1_unknown").status_code == 202
    assert hooks.producer.records == []
    refused = [hooks.push(url, "wrong secret", path) for url in (URL, "https://x.example/y") for path in PATHS(hooks)]
    assert {(answer.status_code, answer.text) for answer in refused} == {(401, "the signature is missing or wrong\n")}
    assert hooks.producer.records == []


def PATHS(hooks: Hooks) -> tuple[str, ...]:  # noqa: N802 - a table that needs the ids
    return ("/hooks", f"/hooks/{hooks.repo_id}", f"/hooks/{hooks.own_id}", "/hooks/repo1_unknown")


def test_a_repository_may_have_a_secret_of_its_own(hooks: Hooks) -> None:
    """At its own address it takes no other, and is good for no other repository."""
    assert hooks.push("whatever", OWN, f"/hooks/{hooks.own_id}").status_code == 202
    assert hooks.producer.places() == ["forge.example/vendor/own"]
    assert hooks.push("again", SECRET, f"/hooks/{hooks.own_id}").status_code == 401
    assert hooks.push(URL, OWN).status_code == 401
    assert hooks.push(URL, OWN, f"/hooks/{hooks.repo_id}").status_code == 401


def test_while_the_broker_is_away_the_sender_comes_again(hooks: Hooks) -> None:
    """503 and a time to wait; the same delivery is then new, as nothing was noted."""
    hooks.producer.down = True
    answer = hooks.push()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    hooks.producer.down = False

    assert hooks.push().text == "accepted\n"
    assert len(hooks.producer.records) == 1


def test_a_slow_broker_is_not_waited_for(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forges give up after some seconds; ours answers before."""
    monkeypatch.setattr(hookserver, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(hooks.producer, "send", lambda _: time.sleep(0.5))

    assert hooks.push().status_code == 503


def test_a_ledger_that_is_away_asks_to_come_again(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told already may be told twice; what was not is not lost."""
    from streams.errors import LedgerError

    def away(*_: object) -> None:
        raise LedgerError("away")

    monkeypatch.setattr(deliveries, "is_known", away)
    assert hooks.push().status_code == 503


def test_too_much_is_refused_before_it_is_read(hooks: Hooks) -> None:
    """By its declared length, and by what comes when that is not declared; signed or not."""
    body = b"x" * (LIMIT + 1)

    declared = hooks.client.post("/hooks", content=body, headers=signed(body))
    streamed = hooks.client.post("/hooks", content=iter([b"x" * 1500] * 2), headers=signed(body))

    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert declared.text == f"larger than the limit of {LIMIT} bytes\n"
    assert hooks.push(pad="y" * (LIMIT - 100)).status_code == 202


def test_other_paths_and_methods_are_answered_shortly(hooks: Hooks) -> None:
    """404 and 405 say where webhooks go."""
    assert hooks.client.post("/other").status_code == 404
    answer = hooks.client.get("/hooks")
    assert (answer.status_code, "/hooks/REPO_ID" in answer.text) == (405, True)


def test_no_document_is_said(hooks: Hooks) -> None:
    """Signed, and yet nothing to understand."""
    assert hooks.push(body="no json \u00e4".encode()).status_code == 400


def test_a_secret_can_be_exchanged_while_it_runs(hooks: Hooks, tmp_path: Path) -> None:
    """Both hold while both are in the file; a file that went away is our fault, not the sender's."""
    new = "the new secret, quite long"
    secret = tmp_path / "home" / "secret"
    secret.write_text(f"{SECRET}\n{new}\n")
    assert hooks.push(secret=new).status_code == 202
    secret.write_text(new)
    assert hooks.push(after="x").status_code == 401
    secret.unlink()
    assert hooks.push(after="y", secret=new).status_code == 503


def test_nothing_secret_is_logged(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    """Neither secrets nor signatures nor bodies, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    hooks.push(canary="CANARY")
    hooks.push(canary="CANARY", secret="wrong")
    hooks.producer.down = True
    hooks.push(canary="CANARY2")

    for word in (SECRET, OWN, "sha256=", "CANARY"):
        assert word not in caplog.text
    assert "status=401" in caplog.text


def test_old_deliveries_are_forgotten(engine: Engine) -> None:
    """By age, and by number whatever their age."""
    with writing(engine) as conn:
        for number in range(10):
            deliveries.record(conn, [f"d{number}"], float(number))
        assert deliveries.prune(conn, 12.0, kept_seconds=10.0) == 2
        assert deliveries.prune(conn, 12.0, kept_seconds=10.0, max_kept=3) == 5
        assert deliveries.is_known(conn, ["other", "d9"])
        assert not deliveries.is_known(conn, ["d5"])


@pytest.mark.parametrize(
    ("text", "message"), [("", "1 to 8 lines"), ("short", "at least 16 characters"), (None, "No such")]
)
def test_a_secret_that_will_not_do_keeps_it_from_starting(tmp_path: Path, text: str | None, message: str) -> None:
    """The message names the setting and the file, not what is in it."""
    path = tmp_path / "secret"
    if text is not None:
        path.write_text(text)
    settings = StreamsSettings(home=tmp_path, webhook_secret_file=path, webhook_port=1)

    with pytest.raises(ConfigError, match=f"webhook_secret_file: .*{message}"):
        run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)


def test_without_a_secret_it_does_not_start(tmp_path: Path) -> None:
    """Off is off, and a port must be known."""
    for settings, name in (
        (StreamsSettings(home=tmp_path), "webhook_secret_file"),
        (StreamsSettings(home=tmp_path, webhook_secret_file=tmp_path / "s"), "webhook_port"),
    ):
        with pytest.raises(ConfigError, match=name):
            run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)


@pytest.mark.broker
def test_from_a_push_to_the_watcher(tmp_path: Path, database_url: str, engine: Engine, kafka_address: str) -> None:
    """The process, a real broker and the reader of hints: what is posted is heard."""
    made = Hooks(tmp_path / "home", engine)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = made.receiver._settings.model_copy(
        update={"kafka": kafka_address, "database_url": database_url, "webhook_port": port, "topic_prefix": "hooks-"}
    )
    topics.apply_topics(settings)
    stop, heard, beats = threading.Event(), list[str](), list[int]()
    threads = [
        threading.Thread(target=follow_hints, args=(settings, stop, heard.append)),
        threading.Thread(
            target=run,
            args=(settings,),
            kwargs={"registry": CollectorRegistry(), "stop": stop, "beat": lambda: beats.append(1)},
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        body = json.dumps({"repository": {"clone_url": URL}}).encode()
        headers = signed(body) | {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/hooks", data=body, headers=headers)
        until(lambda: answered(request) == 202)
        until(lambda: heard)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert set(heard) == {"forge.example/vendor/sdk"}
    assert not any(thread.is_alive() for thread in threads)


def answered(request: urllib.request.Request) -> int | None:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Return once a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
