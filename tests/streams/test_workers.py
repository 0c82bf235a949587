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
VENDORS = 4
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
    publish(flow, make_vendor, [f"early{number}" for number in range(VENDORS)])
    with working(flow, 2) as workers:
        flow.settle(workers, 90)
        shares = [worker.records() for worker in workers]
        publish(flow, make_vendor, [f"late{number}" for number in range(VENDORS)])
        busy = max(workers, key=lambda worker: worker.records())
        before = busy.records()
        deadline = time.monotonic() + 20
        while busy.records() == before and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(busy.process.pid, signal.SIGKILL)
        flow.settle(workers, 90)

    with reading(flow.engine) as conn:
        found, wrong = counts(conn), miscounted(conn)
    report = audit(flow.engine)
    assert all(shares)
    assert found.commits == 2 * VENDORS * COMMITS
    assert report.is_clean
    assert all(repository.current and repository.links for repository in report.repositories)
    assert wrong == []
    assert deadlocks(flow) == 0
