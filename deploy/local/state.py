"""What the system is doing now: processes, lag, freshness, counts; for `status`, `doctor`, the demo and the console.

Everything is read from outside: the supervisor, the broker, the ledger and the folders. What cannot be read is None
and named in `problems`, so that a half-dead system still has a status.
"""

import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.errors import LocalError
from deploy.local.home import Home, kafka_address
from deploy.local.launch import health
from deploy.local.supervisor import Supervisor

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from streams.config import StreamsSettings
    from streams.lag import PartitionLag
    from streams.ledger.audits import AuditState
    from streams.ledger.counts import LedgerCounts
    from streams.ledger.offsets import Position
    from streams.ledger.upgrades import Outdated

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLine:
    """One process: what the supervisor says of it and what it says of itself."""

    name: str
    state: str
    pid: int
    uptime_seconds: float
    health: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How new the vendor change is that each stage has taken in, in seconds since the epoch; None: nothing yet."""

    seen: float | None = None
    linked: float | None = None
    sharded: float | None = None
    trained: float | None = None
    released: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """How far one agent has come, over all its partitions."""

    agent: str
    applied: int
    """Records with their effect in the ledger."""
    skipped: int
    """Records that came again and changed nothing."""
    newest_event: float | None
    """Event time of the newest record applied."""
    waiting: int | None = None
    """Records it has yet to read; None: Kafka was not asked."""
    waiting_since: float | None = None
    """When the oldest of them was sent."""


@dataclass(slots=True, kw_only=True)
class SystemState:
    """The system as seen at one moment."""

    at: float
    holder: int | None
    """Process id of the `up` or `demo` that runs it."""
    processes: tuple[ProcessLine, ...] = ()
    kafka: str | None = None
    lag: "tuple[PartitionLag, ...] | None" = None
    counts: "LedgerCounts | None" = None
    agents: tuple[AgentLine, ...] = ()
    outbox_since: float | None = None
    """When the record was put into the outbox that has been waiting longest; None: none waits."""
    audits: "AuditState | None" = None
    outdated: "Outdated | None" = None
    """What another version of the mapper read or linked: no problem, but not done yet."""
    freshness: Freshness = field(default_factory=Freshness)
    checkpoint: str | None = None
    release: str | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def records_waiting(self) -> int | None:
        """Records that no agent has committed yet, over all topics."""
        return None if self.lag is None else sum(partition.lag for partition in self.lag)


def system_state(root: Path, *, ask_kafka: bool = True) -> SystemState:
    """Return the state of the system below this home."""
    from streams.config import StreamsSettings

    home = Home(root)
    state = SystemState(at=time.time(), holder=home.holder())
    settings = StreamsSettings(home=root, **({"kafka": address} if (address := kafka_address(root)) else {}))
    state.kafka = settings.kafka
    _read_ledger(settings, state)
    if state.holder is not None:
        _read_processes(home, state)
        if ask_kafka:
            _read_lag(settings, state)
    _read_models(root, state)
    return state


def _read_processes(home: Home, state: SystemState) -> None:
    ports = home.ports()
    try:
        supervised = Supervisor(home).states()
    except LocalError as error:
        state.problems.append(str(error))
        return
    state.processes = tuple(
        ProcessLine(
            name=process.name,
            state=process.state,
            pid=process.pid,
            uptime_seconds=process.uptime_seconds,
            health=health(ports, process.name) if process.pid else "",
            detail=process.detail,
        )
        for process in supervised
    )
    for process in supervised:
        if process.state in ("failed", "restarting"):
            state.problems.append(f"{process.name} is {process.state}; see {home.logs / f'{process.name}.log'}")


def _read_lag(settings: "StreamsSettings", state: SystemState) -> None:
    from streams.errors import StreamsError
    from streams.lag import lag
    from streams.replay import waiting_since

    try:
        state.lag = lag(settings)
        since = waiting_since(settings, state.lag)
        waiting = Counter(dict.fromkeys((part.agent for part in state.lag), 0))
        for part in state.lag:
            waiting[part.agent] += part.lag
        known = {line.agent: line for line in state.agents}
        state.agents = tuple(
            replace(
                known.get(agent, AgentLine(agent=agent, applied=0, skipped=0, newest_event=None)),
                waiting=number,
                waiting_since=since.get(agent),
            )
            for agent, number in sorted(waiting.items())
        )
    except StreamsError as error:
        state.problems.append(str(error))


def _read_ledger(settings: "StreamsSettings", state: SystemState) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from streams.auditor import system_audits
    from streams.errors import StreamsError
    from streams.ledger import outbox
    from streams.ledger.counts import counts
    from streams.ledger.engine import open_ledger, reading
    from streams.ledger.failures import explain
    from streams.ledger.offsets import positions
    from streams.ledger.upgrades import outdated

    if settings.database_url.startswith("sqlite") and not (settings.home / "ledger.db").is_file():
        return
    engine = open_ledger(settings.database_url)
    try:
        with reading(engine) as conn:
            state.counts = counts(conn)
            state.outbox_since = outbox.oldest(conn)
            state.audits = system_audits(conn)
            state.agents = _agents(positions(conn))
            state.outdated = outdated(conn)
        _judge(settings, state)
        state.freshness = _ledger_freshness(engine)
    except SQLAlchemyError as error:
        state.problems.append(f"ledger: {explain(error)}")
    except StreamsError as error:
        state.problems.append(str(error))
    finally:
        engine.dispose()


def _agents(positions: "list[Position]") -> tuple[AgentLine, ...]:
    by_agent: dict[str, list[Position]] = defaultdict(list)
    for position in positions:
        by_agent[position.agent].append(position)
    return tuple(
        AgentLine(
            agent=agent,
            applied=sum(position.applied for position in found),
            skipped=sum(position.skipped for position in found),
            newest_event=_newest([position.event_time for position in found]),
        )
        for agent, found in sorted(by_agent.items())
    )


def _judge(settings: "StreamsSettings", state: SystemState) -> None:
    """Name what the ledger itself says is wrong."""
    if state.audits is not None and state.audits.mismatches:
        found = ", ".join(f"{number} {kind}" for kind, number in state.audits.mismatches.items())
        state.problems.append(f"audits found differences: {found}; see `sheetstream links audit --history`")
    if state.outbox_since is not None and state.at - state.outbox_since > settings.audit_outbox_seconds:
        minutes = (state.at - state.outbox_since) / 60
        state.problems.append(f"a record has been waiting in the outbox for {minutes:.0f} minutes; is the worker up?")


def _ledger_freshness(engine: "Engine") -> Freshness:
    from streams.ledger.engine import reading
    from streams.ledger.offsets import positions
    from streams.ledger.shards import newest_sealed_event_time
    from streams.ledger.sheets import list_sheets
    from streams.ledger.sources import list_repositories

    with reading(engine) as conn:
        heads = [repository.head_time for repository in list_repositories(conn)]
        heads += [sheet.released_at for sheet in list_sheets(conn)]
        linked = [position.event_time for position in positions(conn, "links")]
        sharded = newest_sealed_event_time(conn)
    return Freshness(seen=_newest(heads), linked=_newest(linked), sharded=sharded)


def _read_models(root: Path, state: SystemState) -> None:
    from eval.errors import EvalError
    from eval.registry import LATEST, Registry
    from trainer.errors import TrainerError
    from trainer.manifest import list_checkpoints, read_manifest

    try:
        checkpoints = list_checkpoints(root / "checkpoints")
        if checkpoints:
            state.checkpoint = checkpoints[-1].name
            trained = read_manifest(checkpoints[-1]).data.newest_event_time
            state.freshness = replace(state.freshness, trained=trained)
        registry = Registry(root / "releases")
        if LATEST in registry.state().aliases:
            release = registry.verify(LATEST)
            state.release = release.release_id
            state.freshness = replace(state.freshness, released=release.data.newest_event_time)
    except (TrainerError, EvalError) as error:
        state.problems.append(str(error))


def _newest(times: list[float | None]) -> float | None:
    return max((time for time in times if time is not None), default=None)
