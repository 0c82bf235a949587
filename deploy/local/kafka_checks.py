"""What `sheetstream doctor` says about Kafka: are we let in, is it encrypted, does a lost broker lose data."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.checks import Finding
from deploy.local.config import LocalSettings
from deploy.local.home import Home, kafka_address

if TYPE_CHECKING:
    from streams.config import StreamsSettings

OFFSETS_TOPIC = "__consumer_offsets"
PRIVATE_MODE = 0o077


def kafka(settings: LocalSettings) -> Iterator[Finding]:
    """Yield what is found, nothing where Kafka is the embedded one and does not run. Raises StreamsError."""
    from streams.broker import require_broker
    from streams.broker_greeting import read_access
    from streams.config import StreamsSettings

    embedded = settings.kafka is None
    if embedded and Home(settings.home).holder() is None:
        return
    address = settings.kafka or kafka_address(settings.home)
    found = StreamsSettings(home=settings.home, **({"kafka": address} if address else {}))
    yield from _secrets(found)
    read_access(found)
    require_broker(found)
    how: str = found.kafka_security_protocol
    if found.kafka_uses_sasl:
        how += f" with {found.kafka_sasl_mechanism} as {found.kafka_sasl_username}, password set"
    yield Finding(check="kafka access", verdict="ok", seen=f"let in at {found.kafka}: {how}")
    yield from _brokers(found)
    yield from _protection(found)
    if not embedded:
        yield from _copies(found)


def _secrets(settings: "StreamsSettings") -> Iterator[Finding]:
    for name in ("kafka_sasl_password_file", "kafka_ssl_keyfile"):
        path: Path | None = getattr(settings, name)
        if path is not None and path.is_file() and path.stat().st_mode & PRIVATE_MODE:
            yield Finding(
                check="kafka secrets",
                verdict="warning",
                seen=f"the file of SHEETSTREAM_{name.upper()} can be read by others",
                fix="chmod 600, owned by the user that runs the processes",
            )


def _brokers(settings: "StreamsSettings") -> Iterator[Finding]:
    """Every broker that clients are told of must be reachable under that name, not only the first one asked."""
    from streams.broker_greeting import greet, read_access
    from streams.errors import BrokerError
    from streams.kafka_security import addresses

    access, named = read_access(settings), set()
    for address in addresses(settings):
        try:
            named |= set(greet(access, address))
        except BrokerError as error:
            yield Finding(check="kafka brokers", verdict="warning", seen=str(error), fix="see the message")
    for address in sorted(named - set(addresses(settings))):
        try:
            greet(access, address)
        except BrokerError as error:
            fix = "its advertised.listeners must be what clients reach and its certificate names"
            yield Finding(check="kafka brokers", verdict="problem", seen=str(error), fix=fix)


def _protection(settings: "StreamsSettings") -> Iterator[Finding]:
    from streams.broker_greeting import split
    from streams.kafka_security import addresses

    open_hosts = [host for host, _ in map(split, addresses(settings)) if not _is_loopback(host)]
    if open_hosts and not settings.kafka_uses_tls:
        yield Finding(
            check="kafka protection",
            verdict="warning",
            seen=f"{settings.kafka_security_protocol} to {', '.join(open_hosts)}: everything is sent unencrypted",
            fix="SHEETSTREAM_KAFKA_SECURITY_PROTOCOL=SASL_SSL (docs/security.md)",
        )


def _copies(settings: "StreamsSettings") -> Iterator[Finding]:
    """Production wants three copies, two of which confirm, and no leader without all that was confirmed."""
    from kafka.errors import KafkaError

    from streams.broker_faults import failed
    from streams.topics import (
        MIN_IN_SYNC,
        SAFE_REPLICAS,
        TOPICS,
        connect_admin,
        num_replicas,
        topic_configs,
        topic_name,
    )

    ours = {topic_name(settings, topic) for topic in TOPICS}
    admin = connect_admin(settings)
    try:
        topics = {t["name"]: t for t in admin.describe_topics() if t["name"] in ours | {OFFSETS_TOPIC}}
        configs = topic_configs(admin, sorted(set(topics) & ours))
    except KafkaError as error:
        raise failed(error, settings) from error
    finally:
        admin.close()
    few = sorted(name for name, topic in topics.items() if num_replicas(topic) < SAFE_REPLICAS)
    unsafe = sorted(n for n in configs if n not in few and int(configs[n]["min.insync.replicas"]) < MIN_IN_SYNC)
    unclean = sorted(n for n in configs if configs[n]["unclean.leader.election.enable"] != "false")
    for names, what, fix in (
        (few, f"fewer than {SAFE_REPLICAS} copies", "SHEETSTREAM_REPLICATION_FACTOR=3 before the topics are made"),
        (unsafe, f"fewer than {MIN_IN_SYNC} copies confirm a record", "sheetstream topics apply"),
        (unclean, "a broker without all records may become leader", "sheetstream topics apply"),
    ):
        if names:
            yield Finding(check="kafka durability", verdict="warning", seen=f"{what}: {', '.join(names)}", fix=fix)
    if topics and not (few or unsafe or unclean):
        seen = f"{SAFE_REPLICAS} copies or more, {MIN_IN_SYNC} confirm, in each of {len(configs)} topics"
        yield Finding(check="kafka durability", verdict="ok", seen=seen)


def _is_loopback(host: str) -> bool:
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in found)
