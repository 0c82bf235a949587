"""The worker on a broker that asks who one is: exactly the rights of the table, and what happens when they end."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion
from prometheus_client import CollectorRegistry

from streams import acls, topics, worker
from streams.acls import apply_acls
from streams.audit import audit
from streams.config import StreamsSettings
from streams.errors import BrokerAccessError, BrokerError, ConfigError, TopicError
from streams.lag import num_members
from streams.ledger.outbox import Outgoing
from streams.producer import RecordProducer
from streams.replay import read_since
from streams.topics import apply_topics, connect_admin
from tests.kafka_secure import PASSWORD, SecureBroker
from tests.streams.test_worker import HEADER, SCRIPT, SOURCE, System, add_sheet, told_links

pytestmark = [pytest.mark.broker, pytest.mark.slow]

LOOK_SECONDS = 1.0
SOON_SECONDS = 20.0  # some seconds on a quiet machine


@pytest.fixture
def admin_settings(secure_broker: SecureBroker, tmp_path: Path) -> StreamsSettings:
    """An administrator's settings for a system of its own, with topics and rights."""
    home = tmp_path / "home"
    home.mkdir()
    prefix = f"{uuid.uuid4().hex[:8]}."
    settings = secure_broker.settings(home, topic_prefix=prefix, database_url=f"sqlite:///{tmp_path / 'ledger.db'}")
    apply_topics(settings)
    apply_acls(settings)
    return settings


def of(settings: StreamsSettings, user: str, **changes: object) -> StreamsSettings:
    """The settings of another user of the same system."""
    return settings.model_copy(update={"kafka_sasl_username": user, **changes})


@pytest.fixture
def system(admin_settings: StreamsSettings) -> Iterator[System]:
    """A system whose watcher and worker are two users, neither of which may do more than the table says."""
    system = System(admin_settings)
    system.producer = RecordProducer(of(admin_settings, "sheetstream-watcher"), client_id="watcher")
    system.environment = environment(of(admin_settings, "sheetstream-worker"))
    add_sheet(system.engine)
    yield system
    system.producer.close()
    system.engine.dispose()


def environment(settings: StreamsSettings) -> dict[str, str]:
    """What a process with these settings has in its environment."""
    names = [name for name in StreamsSettings.model_fields if name.startswith(("kafka_sasl_", "kafka_ssl_"))]
    names.append("kafka_security_protocol")
    return {f"SHEETSTREAM_{name.upper()}": str(value) for name in names if (value := getattr(settings, name))}


def test_a_worker_with_the_tables_rights_does_its_work(system: System, make_vendor: Callable[..., Any]) -> None:
    """Watcher and worker as two users over SCRAM: a history becomes links, told in Kafka, equal to a mapping."""
    vendor = make_vendor()
    vendor.commit("one", zq4071__h=HEADER, zq4071__c=SOURCE)
    system.add_repository(str(vendor.folder))

    with system.worker() as process:
        system.settle(process)

    assert process.returncode == 0
    assert len(told_links(system.settings)) >= 3
    assert audit(system.engine).is_clean
    assert PASSWORD not in system.log.read_text()


def test_a_worker_without_rights_ends_and_says_whose(system: System) -> None:
    """The watcher's user may neither read the topics nor join the group: the process ends instead of idling."""
    prefix = system.settings.topic_prefix
    started = time.monotonic()

    with pytest.raises(BrokerAccessError) as caught:
        run_worker(of(system.settings, "sheetstream-watcher"))
    with pytest.raises(BrokerAccessError, match="SHEETSTREAM_KAFKA_SASL_USERNAME"):
        run_worker(of(system.settings, "nobody"))

    assert f"sheetstream-watcher may not READ {prefix}repo.commits" in str(caught.value)
    assert f"READ group {prefix}sheetstream" in str(caught.value)
    assert time.monotonic() - started < SOON_SECONDS


def test_a_password_that_is_changed_ends_the_worker(
    system: System, secure_broker: SecureBroker, tmp_path: Path
) -> None:
    """It says which setting, soon; a client made after the file has the new password is let in."""
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    change_password(system.settings, "rotating", "first")
    allow_as_worker(system.settings, "rotating")
    system.environment = environment(of(system.settings, "rotating", kafka_sasl_password_file=secret))
    system.script = SCRIPT.replace(
        "    stop,", f"    streams.broker.ACCESS_SECONDS = {LOOK_SECONDS}\n    stop,"
    ).replace("import logging", "import streams.broker, logging")

    with system.worker() as process:
        wait_until_it_runs(system, process)
        change_password(system.settings, "rotating", "second")
        started = time.monotonic()
        assert process.wait(60) == 1
        took = time.monotonic() - started
    secret.write_text("second\n")

    acls.require_rights(of(system.settings, "rotating", kafka_sasl_password_file=secret), "worker")
    assert took < SOON_SECONDS
    assert "SHEETSTREAM_KAFKA_SASL_PASSWORD_FILE" in system.log.read_text()


def run_worker(settings: StreamsSettings) -> None:
    worker.run(settings, registry=CollectorRegistry(), stop=threading.Event(), beat=lambda: None)


def change_password(settings: StreamsSettings, user: str, password: str) -> None:
    with contextlib.closing(connect_admin(settings)) as admin:
        admin.alter_user_scram_credentials([UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)])


def allow_as_worker(settings: StreamsSettings, user: str) -> None:
    apply_acls(settings.model_copy(update={"kafka_principals": {"worker": user}}))


def wait_until_it_runs(system: System, process: Any) -> None:
    """Return once the worker is a member of its group."""
    deadline = time.monotonic() + 60
    with contextlib.closing(connect_admin(system.settings)) as admin:
        while not num_members(system.settings, admin=admin):
            assert process.poll() is None, system.log.read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_service_can_not_write_where_it_must_not(admin_settings: StreamsSettings) -> None:
    """The watcher tells commits and datasheets and nothing else; nobody but the administrator makes topics."""
    watcher = of(admin_settings, "sheetstream-watcher")
    producer = RecordProducer(watcher, client_id="test")
    record = Outgoing(topic=topics.COMMITS.name, key="k", value=b"v")

    producer.send([record])
    with pytest.raises(BrokerError, match=r"TopicAuthorizationFailed.*sheetstream-watcher lacks a right"):
        producer.send([Outgoing(topic=topics.LINKS.name, key="k", value=b"v")])
    with pytest.raises(BrokerError):
        read_since(watcher, topics.COMMITS)
    with pytest.raises(BrokerError, match="lacks a right"):
        apply_acls(watcher)
    with pytest.raises(BrokerError, match=r"TopicAuthorizationFailed.*lacks a right"):
        apply_topics(of(admin_settings, "sheetstream-worker", topic_prefix="other."))
    producer.close()

    assert len(read_since(of(admin_settings, "sheetstream-operator"), topics.COMMITS)) == 1


def test_rights_are_given_once_and_what_is_beyond_them_is_told(admin_settings: StreamsSettings) -> None:
    """A dry run only says; a right that the table does not have is reported and left."""
    other = admin_settings.model_copy(update={"topic_prefix": f"{uuid.uuid4().hex[:8]}."})
    wanted = {str(right) for right in acls.rights(other)}

    dry = apply_acls(other, create=False)
    first, second = apply_acls(other), apply_acls(other)

    assert set(dry.missing) == wanted == set(first.given)
    assert dry.given == ()
    assert (second.given, second.missing) == ((), ())
    mine = {str(right) for right in acls.rights(admin_settings)}
    assert mine <= set(second.beyond)


def test_rights_go_to_the_users_that_are_named(tmp_path: Path) -> None:
    """A certificate's subject, say; a service that is none is refused by name."""
    given = StreamsSettings(home=tmp_path, kafka_principals={"worker": "CN=worker,O=Example"})
    users = {right.principal for right in acls.rights(given)}

    named = {"User:CN=worker,O=Example"}
    assert users == named | {f"User:sheetstream-{service}" for service in ("watcher", "operator", "hooks")}
    with pytest.raises(ConfigError, match=r"got trainer .*SHEETSTREAM_KAFKA_PRINCIPALS"):
        acls.rights(StreamsSettings(home=tmp_path, kafka_principals={"trainer": "x"}))


def test_a_broker_without_an_authorizer_is_told(kafka_address: str, tmp_path: Path) -> None:
    """Rights that nobody enforces would be a false comfort."""
    with pytest.raises(TopicError, match="no authorizer"):
        apply_acls(StreamsSettings(home=tmp_path, kafka=kafka_address))
