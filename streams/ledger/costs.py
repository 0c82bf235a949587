"""What each event cost: files parsed, decisions taken anew, symbols aligned, prompts, tokens, seconds."""

import dataclasses
from dataclasses import dataclass

from sqlalchemy import Connection, select

from mapper.ids import content_id
from streams.ledger.schema import costs
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one agent spent on one event for one repository."""

    agent: str
    repo_id: str
    cause_kind: str
    cause_id: str
    files_parsed: int = 0
    symbols_changed: int = 0
    symbols_aligned: int = 0
    """Symbols of the files of datasheets whose links were decided anew."""
    decisions_kept: int = 0
    decisions_taken: int = 0
    """Datasheets whose files or links were decided anew."""
    links_changed: int = 0
    prompts: int = 0
    tokens: int = 0
    cpu_seconds: float = 0.0
    """Of the worker, and of linking in the pool; those of git and of parsing are in the wall seconds only."""
    wall_seconds: float = 0.0
    recorded_at: float


def record_cost(conn: Connection, cost: Cost, *, led_to: str) -> None:
    """Note what an event cost, once for what it led to: a record that comes again adds nothing."""
    key = content_id("cost1", cost.agent, cost.repo_id, cost.cause_kind, cost.cause_id, led_to)
    upsert(conn, costs, [{"cost_id": key, **dataclasses.asdict(cost)}], update=())


def recent_costs(conn: Connection, *, repo_id: str | None = None, limit: int = 100) -> list[Cost]:
    """Return what the last events cost, newest first."""
    columns = [costs.c[field.name] for field in dataclasses.fields(Cost)]
    query = select(*columns).order_by(costs.c.recorded_at.desc(), costs.c.cost_id).limit(limit)
    if repo_id is not None:
        query = query.where(costs.c.repo_id == repo_id)
    return [Cost(**row._mapping) for row in conn.execute(query)]
