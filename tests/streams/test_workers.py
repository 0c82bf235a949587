"""Two worker processes on PostgreSQL and a real broker share the partitions, and one takes over from the other."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bench.flow import Flow, working
from streams.audit import audit
from streams.config import StreamsSettings
from streams.ledger.counts import counts
from streams.ledger.engine import reading
from streams.ledger.tallies import miscounted

pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow]

COMMITS = 4
JOIN_SECONDS = 120.0
SETTLE_SECONDS = 120.0
HEADER = """/* SPDX-License-Identifier: MIT */
#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_SAMPLE_RATE 0x01
#define ZQ4071_REG_STATUS {status:#04x}
"""


@pytest.fixture
def flow(kafka_address: str, postgres: Any, tmp_path: Path) -> Iterator[Flow]:
    """Topics of their own, a ledger with a datasheet, and no commits yet."""
    with postgres.database() as name:
        settings = StreamsSettings(
            home=tmp_path,
            database_url=postgres.url(name),
            kafka=kafka_address,
            topic_prefix=f"{uuid.uuid4().hex[:8]}.",
            partitions=8,
        )
        flow = Flow(settings)
        flow.add_sheet()
        yield flow
        flow.close()


def publish(flow: Flow, make_vendor: Callable[..., Any], names: list[str]) -> None:
    for name in names:
        vendor = make_vendor(name)
        for number in range(COMMITS):
            vendor.commit(f"{number}", zq4071__h=HEADER.format(status=2 + number % 2))
        flow.add_repository(vendor.folder)


def deadlocks(flow: Flow) -> int:
    with reading(flow.engine) as conn:
        query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(conn.execute(query).scalar_one())


def test_two_workers_share_the_work_and_one_takes_over(flow: Flow, make_vendor: Callable[..., Any]) -> None:
    """Both apply records; killed in the middle, one leaves nothing lost or doubled; the ledger is that of a mapping."""
    names = [f"vendor{number}" for number in range(60)]
    publish(flow, make_vendor, names[:2])
    with working(flow, 2) as workers:
        deadline = time.monotonic() + JOIN_SECONDS
        while not all(worker.records() for worker in workers) and time.monotonic() < deadline:
            del names[:2]  # Kafka takes its time to let both in, and a partition may have no repository yet
            publish(flow, make_vendor, names[:2])
            time.sleep(2)
        shares = [worker.records() for worker in workers]
        del names[:2]
        publish(flow, make_vendor, names[:4])
        time.sleep(0.5)
        os.kill(workers[0].process.pid, signal.SIGKILL)
        flow.settle(workers, SETTLE_SECONDS)
    told = 60 - len(names[4:])

    with reading(flow.engine) as conn:
        found, wrong = counts(conn), miscounted(conn)
    report = audit(flow.engine)
    assert all(shares)
    assert found.commits == told * COMMITS
    assert report.is_clean
    assert all(repository.current and repository.links for repository in report.repositories)
    assert wrong == []
    assert deadlocks(flow) == 0
