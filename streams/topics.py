"""The topics: one table of names, keys, partitions, retention and compaction, and how it gets onto a broker.

Workers refuse to start without them: a Faust worker that starts before its topics exist idles for ever, and a topic
that a broker makes by itself has one partition and the wrong retention. Growing partitions would move keys to
other partitions, so a differing count is reported, never changed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from streams.broker import require_broker
from streams.broker_faults import failed
from streams.config import StreamsSettings
from streams.errors import TopicError
from streams.kafka_security import client_options

if TYPE_CHECKING:  # the ledger needs only the names: kafka is loaded where a broker is asked
    from kafka import KafkaAdminClient

logger = logging.getLogger(__name__)

DAY_MS = 24 * 3600 * 1000
FOREVER_MS = -1
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_LETTER_BYTES = 2 * MAX_MESSAGE_BYTES  # a dead letter is a whole message and its headers
REQUEST_TIMEOUT_MS = 15_000
SAFE_REPLICAS = 3
MIN_IN_SYNC = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic's name, what its messages are keyed by, and its policy on the broker."""

    name: str
    key: str
    single_partition: bool = False
    """True: one partition whatever the setting says, since its records have one order."""
    retention_ms: int = FOREVER_MS
    compact: bool = False
    max_message_bytes: int = MAX_MESSAGE_BYTES

    def config(self, num_replicas: int = 1) -> dict[str, str]:
        """Return the topic's configuration as the broker writes it; with three copies two must confirm a record."""
        durable = {"min.insync.replicas": str(MIN_IN_SYNC)} if num_replicas >= SAFE_REPLICAS else {}
        return {
            "cleanup.policy": "compact" if self.compact else "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "unclean.leader.election.enable": "false",
            **durable,
        }


COMMITS = Topic(name="repo.commits", key="repository family")
SHEETS = Topic(name="datasheet.releases", key="source id")
HINTS = Topic(name="source.hints", key="host and path of a repository", single_partition=True, retention_ms=DAY_MS)
CHANGES = Topic(name="mapping.changes", key="repository id or datasheet family", retention_ms=30 * DAY_MS)
LINKED = Topic(name="mapping.linked", key="repository id", retention_ms=30 * DAY_MS)
LINKS = Topic(name="trace.links", key="link id", compact=True)
SAMPLES = Topic(name="corpus.samples", key="sample id", retention_ms=30 * DAY_MS)
SHARDS = Topic(name="corpus.shards", key="sequence number", single_partition=True, compact=True)
CHECKPOINTS = Topic(name="model.checkpoints", key="checkpoint digest", single_partition=True, compact=True)
RELEASES = Topic(name="model.releases", key="release id", single_partition=True, compact=True)
DEAD_LETTERS = Topic(
    name="dead.letters",
    key="original key",
    single_partition=True,
    retention_ms=30 * DAY_MS,
    max_message_bytes=MAX_LETTER_BYTES,
)

TOPICS: tuple[Topic, ...] = (
    COMMITS,
    SHEETS,
    HINTS,
    CHANGES,
    LINKED,
    LINKS,
    SAMPLES,
    SHARDS,
    CHECKPOINTS,
    RELEASES,
    DEAD_LETTERS,
)

AGENT_TOPICS: Mapping[str, Topic] = MappingProxyType(
    {"symbols": COMMITS, "sheets": SHEETS, "links": CHANGES, "samples": LINKED}
)
"""Which agent reads which topic: one agent a topic, so the ledger's offset of an agent is the topic's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicReport:
    """What applying the table did, and what still differs from it."""

    created: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    """Topics whose policy was put right."""
    missing: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    """A line for every difference of a topic that exists."""
    topic_ids: Mapping[str, str]
    """Table name -> the id that Kafka gave this incarnation of the topic; a re-created topic has another."""


def topic_name(settings: StreamsSettings, topic: Topic) -> str:
    """Return the topic's name on the broker."""
    return settings.topic_prefix + topic.name


def group_id(settings: StreamsSettings) -> str:
    """Return the consumer group of the worker's agents."""
    return f"{settings.topic_prefix}sheetstream"


def num_partitions(settings: StreamsSettings, topic: Topic) -> int:
    """Return how many partitions the topic is to have."""
    return 1 if topic.single_partition else settings.partitions


def num_replicas(described: Mapping[str, Any]) -> int:
    """Return how many copies each partition of a topic has, the fewest, from the admin client's description."""
    return min(len(partition["replica_nodes"]) for partition in described["partitions"])


def topic_configs(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    """Return the configuration of topics as the broker has it, by name; the broker's defaults are in it."""
    from kafka.admin import ConfigResource, ConfigResourceType

    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: entry["value"] for key, entry in described[name].items()} for name in names}


def connect_admin(settings: StreamsSettings) -> "KafkaAdminClient":
    """Return an admin client; BrokerError, at once, when no broker answers or lets us in."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    require_broker(settings)
    try:
        return KafkaAdminClient(
            client_id="sheetstream-admin", request_timeout_ms=REQUEST_TIMEOUT_MS, **client_options(settings)
        )
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error


def apply_topics(settings: StreamsSettings, *, create: bool = True, admin: Any = None) -> TopicReport:
    """Create what is missing, put differing policies right, and return what was done and what still differs.

    With create=False nothing changes. Raises BrokerError.
    """
    from kafka.errors import KafkaError

    own = admin is None
    admin = admin or connect_admin(settings)
    try:
        return _apply(settings, admin, create=create)
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error
    finally:
        if own:
            admin.close()


def require_topics(settings: StreamsSettings, *, admin: Any = None) -> TopicReport:
    """Return the report when every topic exists; TopicError names those that do not."""
    report = apply_topics(settings, create=False, admin=admin)
    if report.missing:
        raise TopicError(
            f"kafka: {settings.kafka}: topics missing{_unseen(settings)}: {', '.join(report.missing)} "
            "(sheetstream topics apply)"
        )
    return report


def _unseen(settings: StreamsSettings) -> str:
    user = settings.kafka_sasl_username or ("this client" if settings.kafka_ssl_certfile else "")
    return f", or {user} may not see them" if user else ""


def _apply(settings: StreamsSettings, admin: Any, *, create: bool) -> TopicReport:
    names = {topic_name(settings, topic): topic for topic in TOPICS}
    present = _describe(admin, names)
    missing = [name for name in names if name not in present]
    drift = [f"{name}: missing" for name in missing if not create]
    if missing and create:
        _create(admin, {name: _definition(settings, names[name]) for name in missing})
        present = _describe(admin, names)
    for name, described in present.items():
        want, have = num_partitions(settings, names[name]), len(described["partitions"])
        if want != have:
            drift.append(f"{name}: {have} partitions, expected {want}")
        if num_replicas(described) < settings.replication_factor:
            drift.append(f"{name}: {num_replicas(described)} replicas, expected {settings.replication_factor}")
    kept = {name: topic for name, topic in present.items() if name not in missing}
    altered, policy_drift = _policies(admin, names, kept, alter=create)
    return TopicReport(
        created=tuple(missing) if create else (),
        altered=tuple(altered),
        missing=() if create else tuple(missing),
        drift=tuple(drift + policy_drift),
        topic_ids={names[name].name: str(described["topic_id"]) for name, described in present.items()},
    )


def _create(admin: Any, definitions: Mapping[str, dict[str, Any]]) -> None:
    """Create topics and wait until each can be written to; one that somebody else just made is as good."""
    from kafka.errors import TopicAlreadyExistsError, for_code

    answer = admin.create_topics(dict(definitions), raise_errors=False)
    for topic in answer["topics"]:
        if topic["error_code"] not in (0, TopicAlreadyExistsError.errno):
            raise for_code(topic["error_code"])(f"{topic['name']}: {topic['error_message']}")
    admin.wait_for_topics(list(definitions))


def _definition(settings: StreamsSettings, topic: Topic) -> dict[str, Any]:
    return {
        "num_partitions": num_partitions(settings, topic),
        "replication_factor": settings.replication_factor,
        "configs": topic.config(settings.replication_factor),
    }


def _describe(admin: Any, names: Mapping[str, Topic]) -> dict[str, dict[str, Any]]:
    # All topics are listed and then filtered: asking a broker for a missing name may create it.
    return {topic["name"]: topic for topic in admin.describe_topics() if topic["name"] in names}


def _policies(
    admin: Any, names: Mapping[str, Topic], present: Mapping[str, dict[str, Any]], *, alter: bool
) -> tuple[list[str], list[str]]:
    from kafka.admin import ConfigResource, ConfigResourceType

    altered: list[str] = []
    drift: list[str] = []
    for name, configs in topic_configs(admin, list(present)).items():
        # By the replicas it has: a topic with one copy that two must confirm takes no records.
        wanted = names[name].config(num_replicas(present[name]))
        wrong = {key: value for key, value in wanted.items() if configs.get(key) != value}
        if wrong and alter:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=wrong)])
            altered.append(name)
        else:
            drift += [f"{name}: {key} is {configs.get(key)}, the table says {value}" for key, value in wrong.items()]
    return altered, drift
