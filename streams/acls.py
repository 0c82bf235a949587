"""Who may do what in Kafka: one table of services and topics, and how it gets onto a broker.

One user (principal) a service, no right over the cluster, no right by prefix or pattern. Making topics, changing their
settings and giving rights is an administrator's, who applies this table and is not in it.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.broker import may_join_group
from streams.broker_faults import failed
from streams.config import StreamsSettings
from streams.errors import BrokerAccessError, ConfigError, TopicError
from streams.topics import (
    AGENT_TOPICS,
    CHANGES,
    COMMITS,
    DEAD_LETTERS,
    HINTS,
    LINKED,
    LINKS,
    SAMPLES,
    SHARDS,
    SHEETS,
    TOPICS,
    Topic,
    connect_admin,
    group_id,
    topic_name,
)

if TYPE_CHECKING:
    from kafka.admin import ACL

KNOWN_SECONDS = 10.0
READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS = "READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one service reads and writes; it may see whether each topic is there, and as the table wants it."""

    name: str
    what: str
    reads: tuple[Topic, ...] = ()
    writes: tuple[Topic, ...] = ()
    group: str = DESCRIBE
    """READ for members of the workers' group, DESCRIBE for those that look at its lag."""


_AGENTS = tuple(AGENT_TOPICS.values())

SERVICES: tuple[Service, ...] = (
    Service(name="watcher", what="tells what sources have that is new", reads=(HINTS,), writes=(COMMITS, SHEETS)),
    Service(name="hooks", what="receives webhooks", writes=(HINTS,)),
    Service(
        name="worker",
        what="runs the agents and publishes the outbox",
        reads=_AGENTS,
        writes=(CHANGES, LINKED, LINKS, SAMPLES, SHARDS, DEAD_LETTERS),
        group=READ,
    ),
    Service(
        name="operator",
        what="commands and the console: status, lag, replay, dead letters",
        reads=_AGENTS,
        writes=_AGENTS,
    ),
)


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One principal's right to do one thing with one topic or group, from any host."""

    principal: str
    kind: str
    """TOPIC or GROUP."""
    name: str
    operation: str

    def __str__(self) -> str:
        return f"{self.principal}: {self.operation} {self.kind.lower()} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AclReport:
    """What applying the table did, and what differs from it."""

    given: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    """What the services' users may do besides: reported, never taken away."""


def principal(settings: StreamsSettings, service: Service) -> str:
    """Return the principal of a service, as Kafka writes it."""
    return f"User:{settings.kafka_principals.get(service.name, f'sheetstream-{service.name}')}"


def rights(settings: StreamsSettings) -> tuple[Right, ...]:
    """Return every right of every service, ordered. Raises ConfigError for a principal of no known service."""
    known = [service.name for service in SERVICES]
    unknown = sorted(set(settings.kafka_principals) - set(known))
    if unknown:
        raise ConfigError(
            f"kafka_principals: services {', '.join(known)} expected, got {', '.join(unknown)} "
            "(environment: SHEETSTREAM_KAFKA_PRINCIPALS)"
        )
    found = set()
    for service in SERVICES:
        who = principal(settings, service)
        found.add(Right(who, "GROUP", group_id(settings), service.group))
        for topics, operation in (
            (service.reads, READ),
            (service.writes, WRITE),
            (TOPICS, DESCRIBE),
            (TOPICS, DESCRIBE_CONFIGS),
        ):
            found |= {Right(who, "TOPIC", topic_name(settings, topic), operation) for topic in topics}
    return tuple(sorted(found))


def require_rights(settings: StreamsSettings, service: str) -> None:
    """Return if this process may do what its service does. Raises BrokerAccessError that names what it may not.

    Asked before work begins, since a consumer that may not join its group waits for ever and says nothing.
    """
    from kafka.errors import KafkaError

    (wanted,) = [entry for entry in SERVICES if entry.name == service]
    admin = connect_admin(settings)
    try:
        allowed = {  # None: a broker that does not tell
            topic["name"]: (READ, WRITE) if topic["authorized_operations"] is None else topic["authorized_operations"]
            for topic in admin.describe_topics()
        }
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error
    finally:
        admin.close()
    lacks = [
        f"{operation} {topic_name(settings, topic)}"
        for topics, operation in ((wanted.reads, READ), (wanted.writes, WRITE))
        for topic in topics
        if operation not in allowed.get(topic_name(settings, topic), ())
    ]
    if wanted.group == READ and not may_join_group(settings, group_id(settings)):
        lacks.append(f"{READ} group {group_id(settings)}")
    if lacks:
        who = settings.kafka_sasl_username or "this client"
        raise BrokerAccessError(
            f"kafka: {settings.kafka}: {who} may not {', '.join(lacks)}: it is no {service} "
            "(sheetstream topics apply --acls gives a service's user its rights)"
        )


def apply_acls(settings: StreamsSettings, *, create: bool = True, admin: Any = None) -> AclReport:
    """Give the rights of the table that are missing, and return what was done and what differs.

    With create=False nothing changes. Raises BrokerError, TopicError when the broker knows no rights (no authorizer).
    """
    from kafka.errors import KafkaError, SecurityDisabledError

    own = admin is None
    admin = admin or connect_admin(settings)
    try:
        return _apply(settings, admin, create=create)
    except SecurityDisabledError as error:
        raise TopicError(
            f"kafka: {settings.kafka}: the broker has no authorizer, so everybody may do everything "
            "(authorizer.class.name in its server.properties)"
        ) from error
    except (KafkaError, OSError) as error:
        raise failed(error, settings) from error
    finally:
        if own:
            admin.close()


def _apply(settings: StreamsSettings, admin: Any, *, create: bool) -> AclReport:
    wanted = rights(settings)
    present = _present(settings, admin)
    missing = [right for right in wanted if right not in present]
    if missing and create:
        outcome = admin.create_acls([_acl(right) for right in missing])
        if outcome["failed"]:
            raise outcome["failed"][0]("rights not given")
        _await_rights(settings, admin, set(missing))
    return AclReport(
        given=tuple(map(str, missing)) if create else (),
        missing=() if create else tuple(map(str, missing)),
        beyond=tuple(map(str, sorted(present - set(wanted)))),
    )


def _await_rights(settings: StreamsSettings, admin: Any, given: set[Right]) -> None:
    """Return once a broker has heard of the rights that the controller wrote down, or after KNOWN_SECONDS."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while not given <= _present(settings, admin) and time.monotonic() < deadline:
        time.sleep(0.1)


def _present(settings: StreamsSettings, admin: Any) -> set[Right]:
    """Return what the services' principals are allowed now."""
    from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ResourcePatternFilter, ResourceType
    from kafka.admin import ACLResourcePatternType as Pattern

    found = set()
    for service in SERVICES:
        everything = ResourcePatternFilter(ResourceType.ANY, None, Pattern.ANY)
        query = ACLFilter(principal(settings, service), None, ACLOperation.ANY, ACLPermissionType.ALLOW, everything)
        acls, error = admin.describe_acls(query)
        if error.errno:
            raise error
        found |= {_right(acl) for acl in acls}
    return found


def _right(acl: "ACL") -> Right:
    pattern = acl.resource_pattern
    kind = pattern.resource_type.name
    if pattern.pattern_type.name != "LITERAL":
        kind = f"{kind} {pattern.pattern_type.name}"
    if acl.host != "*":
        kind = f"{kind} from {acl.host}"
    return Right(acl.principal, kind, pattern.resource_name, acl.operation.name)


def _acl(right: Right) -> "ACL":
    from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

    where = ResourcePattern(ResourceType[right.kind], right.name)
    return ACL(right.principal, "*", ACLOperation[right.operation], ACLPermissionType.ALLOW, where)
