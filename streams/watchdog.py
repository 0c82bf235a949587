"""The worker's watchdog: input waits, nothing is in hand, and nothing has moved for too long.

Faust's consumer has been seen to stop after hours, or after a broker was away, while its process went on and looked
healthy. So liveness is not that the process is up but that what waits moves: ends of partitions are asked of the
brokers by a connection of its own, what was done is read from the ledger, which is what counts.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from streams.config import StreamsSettings
from streams.errors import BrokerError, LedgerError
from streams.lag import PartitionLag, lag, num_members
from streams.ledger import offsets
from streams.ledger.engine import reading
from streams.metrics import StreamsMetrics
from streams.topics import connect_admin

logger = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
LOOKS = 4
"""So many looks fit into the time after which a partition counts as stalled, at least."""

Partition = tuple[str, int]
"""Topic on the broker, number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a partition that one agent reads looks like from outside."""

    agent: str
    partition: Partition
    reached: int
    """The ledger's offset."""
    end: int


class Watchdog:
    """Remembers when each partition last moved; `look` is given what it looks like now."""

    def __init__(self, stall_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stall_seconds = stall_seconds
        self._clock = clock
        self._moved: dict[Partition, tuple[int, float]] = {}

    def look(self, places: Sequence[Waiting], *, busy: Collection[str]) -> list[Waiting]:
        """Return the partitions that have stalled. `busy`: agents with a record in hand, of which any may be waiting.

        A partition that is not among `places` is forgotten: another worker has it, and may give it back.
        """
        now, moved = self._clock(), {}
        for place in places:
            reached, since = self._moved.get(place.partition, (place.reached, now))
            is_idle = place.reached >= place.end
            fresh = is_idle or place.reached != reached or place.agent in busy
            moved[place.partition] = (place.reached, now if fresh else since)
        self._moved = moved
        return [place for place in places if now - moved[place.partition][1] >= self._stall_seconds]


async def watch_partitions(
    settings: StreamsSettings,
    engine: Engine,
    metrics: StreamsMetrics,
    *,
    assigned: Callable[[], Collection[Partition]],
    busy: Callable[[], Collection[str]],
    report: Callable[[bool], None],
) -> None:
    """Look again and again until cancelled; `report` is told each time whether a partition has stalled.

    A worker is judged by the partitions it was assigned; one that was assigned none though it is alone, by all. What
    can not be asked (no broker, no ledger) is no stall: those have alerts of their own, and a restart mends neither.
    """
    watchdog = Watchdog(settings.stall_seconds)
    while True:
        await asyncio.sleep(min(LOOK_SECONDS, settings.stall_seconds / LOOKS))
        try:
            places, members = await asyncio.to_thread(look_around, settings, engine)
            own = set(assigned())
        except (BrokerError, LedgerError, SQLAlchemyError) as error:
            logger.warning("watchdog: not known how far the partitions are: %s", error)
            report(False)
            continue
        except Exception:
            logger.exception("watchdog: no look")
            report(False)
            continue
        is_alone = not own and members <= 1
        stalled = watchdog.look([place for place in places if is_alone or place.partition in own], busy=busy())
        for place in stalled:
            logger.error(
                "stalled agent=%s topic=%s partition=%d reached=%d end=%d: input waits, nothing is in hand, and nothing"
                " moved for %g s",
                *(place.agent, *place.partition, place.reached, place.end, settings.stall_seconds),
            )
        metrics.stalled.set(len(stalled))
        report(bool(stalled))


def look_around(settings: StreamsSettings, engine: Engine) -> tuple[list[Waiting], int]:
    """Return every partition of the agents' topics with its end and what the ledger has reached; and of how many
    members the group is. Raises BrokerError, LedgerError.
    """
    admin = connect_admin(settings)
    try:
        lags, members = lag(settings, admin=admin), num_members(settings, admin=admin)
    finally:
        admin.close()
    with reading(engine) as conn:
        reached = {(at.agent, at.topic_id, at.partition): at.next_offset for at in offsets.positions(conn)}
    return [_waiting(place, reached) for place in lags], members


def _waiting(place: PartitionLag, reached: Mapping[tuple[str, str, int], int]) -> Waiting:
    known = reached.get((place.agent, place.topic_id, place.partition), 0)
    return Waiting(
        agent=place.agent,
        partition=(place.topic, place.partition),
        reached=max(place.start, known),  # what retention removed waits for nobody
        end=place.end,
    )
