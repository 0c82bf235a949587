"""streams/broker.py on a real broker with TLS, SCRAM, PLAIN and certificates: let in, or refused at once by name."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams import topics
from streams.broker import AccessWatch, await_broker, require_broker
from streams.config import StreamsSettings
from streams.errors import BrokerAccessError, BrokerError, StreamsError
from streams.ledger.outbox import Outgoing
from streams.producer import RecordProducer
from streams.replay import read_since
from streams.topics import apply_topics, connect_admin
from tests.kafka_secure import ADMIN, PASSWORD, SecureBroker

pytestmark = pytest.mark.broker

SOON_SECONDS = 3.0  # for what takes hundredths of a second on a quiet machine
NO_SASL = {
    "kafka_sasl_mechanism": None,
    "kafka_sasl_username": None,
    "kafka_sasl_password_file": None,
}
PLAIN_TEXT = NO_SASL | {"kafka_security_protocol": "PLAINTEXT", "kafka_ssl_cafile": None}
Refused = Callable[[SecureBroker, Path], StreamsSettings]

ADMITTED: dict[str, Refused] = {
    "SCRAM-SHA-512": lambda broker, home: broker.settings(home),
    "SCRAM-SHA-256": lambda broker, home: broker.settings(home, kafka_sasl_mechanism="SCRAM-SHA-256"),
    "PLAIN over TLS": lambda broker, home: broker.settings(home, kafka_sasl_mechanism="PLAIN"),
    "mutual TLS": lambda broker, home: broker.certificate_settings(home),
}
REFUSED: dict[str, tuple[Refused, str]] = {
    "wrong authority": (
        lambda broker, home: broker.settings(home, kafka_ssl_cafile=broker.certificates.folder / "stranger.pem"),
        r"not signed by an authority .* SHEETSTREAM_KAFKA_SSL_CAFILE",
    ),
    "the system's authorities": (
        lambda broker, home: broker.settings(home, kafka_ssl_cafile=None),
        r"not signed by an authority .* SHEETSTREAM_KAFKA_SSL_CAFILE",
    ),
    "wrong host name": (
        lambda broker, home: broker.settings(home, kafka=broker.listener("secure").replace("127.0.0.1", "localhost")),
        r"for another host .*'localhost'.* SHEETSTREAM_KAFKA must",
    ),
    "expired certificate": (
        lambda broker, home: broker.certificate_settings(home, None, kafka=broker.listener("expired")),
        r"certificate has expired.* SHEETSTREAM_KAFKA names",
    ),
    "wrong password": (
        lambda broker, home: broker.settings(home, kafka_sasl_password_file=wrong_password(home)),
        r"user or password refused .* SHEETSTREAM_KAFKA_SASL_USERNAME \(admin\), SHEETSTREAM_KAFKA_SASL_PASSWORD_FILE",
    ),
    "wrong password, PLAIN": (
        lambda broker, home: broker.settings(
            home, kafka_sasl_mechanism="PLAIN", kafka_sasl_password_file=wrong_password(home)
        ),
        r"user or password refused .* SHEETSTREAM_KAFKA_SASL_PASSWORD_FILE",
    ),
    "unknown user": (
        lambda broker, home: broker.settings(home, user="nobody"),
        r"user or password refused .* SHEETSTREAM_KAFKA_SASL_USERNAME \(nobody\)",
    ),
    "no certificate": (
        lambda broker, home: broker.certificate_settings(home, None),
        r"SHEETSTREAM_KAFKA_SSL_CERTFILE",
    ),
    "a stranger's certificate": (
        lambda broker, home: broker.certificate_settings(home, "strange-client"),
        r"refused our certificate .* SHEETSTREAM_KAFKA_SSL_CERTFILE",
    ),
    "plain text against TLS": (
        lambda broker, home: broker.settings(home, **PLAIN_TEXT),
        r"wants TLS: SHEETSTREAM_KAFKA_SECURITY_PROTOCOL is PLAINTEXT",
    ),
    "TLS against plain text": (
        lambda broker, home: broker.settings(home, kafka=broker.listener("kafka")),
        r"wants plain text: SHEETSTREAM_KAFKA_SECURITY_PROTOCOL is SASL_SSL",
    ),
    "no password where one is asked for": (
        lambda broker, home: broker.settings(home, **NO_SASL | {"kafka_security_protocol": "SSL"}),
        r"wants a user and password: SHEETSTREAM_KAFKA_SECURITY_PROTOCOL is SSL, SASL_SSL expected",
    ),
    "a password where none is asked for": (
        lambda broker, home: broker.settings(
            home, kafka=broker.listener("kafka"), kafka_security_protocol="SASL_PLAINTEXT", kafka_ssl_cafile=None
        ),
        r"asks for no password there .*SHEETSTREAM_KAFKA_SECURITY_PROTOCOL is SASL_PLAINTEXT",
    ),
}


def wrong_password(home: Path) -> Path:
    path = home / "wrong"
    path.write_text("not this one\n")
    return path


@pytest.mark.parametrize("case", ADMITTED)
def test_whoever_is_let_in_can_work(secure_broker: SecureBroker, tmp_path: Path, case: str) -> None:
    """Topics are made, records sent and read again, by every way in that there is."""
    prefix = case.lower().replace(" ", "-") + "."
    settings = ADMITTED[case](secure_broker, tmp_path).model_copy(update={"topic_prefix": prefix})
    producer = RecordProducer(settings, client_id="test")

    report = apply_topics(settings)
    producer.send([Outgoing(topic=topics.COMMITS.name, key="family", value=b"one")])
    producer.close()

    assert len(report.created) == len(topics.TOPICS)
    assert [record.value for record in read_since(settings, topics.COMMITS)] == [b"one"]


@pytest.mark.parametrize("case", REFUSED)
def test_whoever_is_not_let_in_is_told_at_once(
    secure_broker: SecureBroker, tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Admin, producer and reader all end soon, with the setting to look at, and repeat no password."""
    make, message = REFUSED[case]
    settings = make(secure_broker, tmp_path)
    calls: list[Callable[[], object]] = [
        lambda: connect_admin(settings),
        lambda: RecordProducer(settings, client_id="test").send([Outgoing(topic="t", key="k", value=b"")]),
        lambda: read_since(settings, topics.COMMITS),
    ]

    for call in calls:
        started = time.monotonic()
        with pytest.raises(BrokerAccessError, match=message) as caught:
            call()
        assert time.monotonic() - started < SOON_SECONDS
        assert PASSWORD not in str(caught.value)
    assert PASSWORD not in caplog.text


def test_no_password_is_logged(secure_broker: SecureBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not even by the client libraries, and PLAIN sends it as it is, at the level that processes log at."""
    caplog.set_level("INFO")

    connect_admin(secure_broker.settings(tmp_path, kafka_sasl_mechanism="PLAIN")).close()

    assert caplog.text
    assert PASSWORD not in caplog.text


def test_a_process_that_starts_does_not_wait_for_what_does_not_mend_itself(
    secure_broker: SecureBroker, tmp_path: Path
) -> None:
    """A broker that is not there yet is waited for, a refusal not."""
    started = time.monotonic()

    with pytest.raises(BrokerAccessError):
        await_broker(secure_broker.settings(tmp_path, user="nobody"), threading.Event(), 60)
    with pytest.raises(BrokerError, match="tried for 1 s"):
        await_broker(StreamsSettings(home=tmp_path, kafka="127.0.0.1:1"), threading.Event(), 1)

    assert time.monotonic() - started < SOON_SECONDS + 2


def test_a_broker_that_stands_still_is_no_hang(
    secure_broker: SecureBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process accepts connections and answers nothing: the look ends by its own time limit."""
    monkeypatch.setattr("streams.broker_greeting.PROBE_SECONDS", 0.5)
    started = time.monotonic()
    os.kill(secure_broker.pid, signal.SIGSTOP)
    try:
        with pytest.raises(BrokerError, match="nothing is answered in time"):
            require_broker(secure_broker.settings(tmp_path))
    finally:
        os.kill(secure_broker.pid, signal.SIGCONT)

    assert time.monotonic() - started < SOON_SECONDS


def test_what_is_no_kafka_is_no_hang(tmp_path: Path) -> None:
    """A web server on that port answers something else, and that is said."""

    def answer(listener: socket.socket) -> None:
        for _ in range(3):  # the question, and the two that find out what the port wants
            connection, _address = listener.accept()
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with pytest.raises(BrokerError, match="not Kafka's protocol"):
            require_broker(StreamsSettings(home=tmp_path, kafka=f"127.0.0.1:{listener.getsockname()[1]}"))
        thread.join()


def test_a_password_that_changes_meanwhile_is_noticed(secure_broker: SecureBroker, tmp_path: Path) -> None:
    """Two looks in a row must fail; then the check says what a fresh connection would."""
    folder = tmp_path / "secret"
    folder.write_text(f"{PASSWORD}\n")
    settings = secure_broker.settings(tmp_path, ADMIN, kafka_sasl_password_file=folder)
    refusal: StreamsError | None = None

    with AccessWatch(settings, lambda: require_broker(settings), seconds=0.1) as watch:
        time.sleep(0.5)
        watch.check()
        folder.write_text("another\n")
        deadline = time.monotonic() + 10
        while refusal is None and time.monotonic() < deadline:
            try:
                watch.check()
            except StreamsError as error:
                refusal = error
            time.sleep(0.05)

    assert isinstance(refusal, BrokerAccessError)
