"""What was read of a tree to decide about each datasheet: kept, so that only what a change touches is decided anew.

What was decided is in the links, relevances and conflicts of repository and datasheet family: both are written in one
transaction, so they always belong together.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from mapper.linking.mapping import Grounds
from streams.ledger.bodies import pack, unpack
from streams.ledger.engine import BATCH_ROWS
from streams.ledger.schema import decisions
from streams.ledger.upsert import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDecision:
    """A decision about one datasheet in one repository."""

    sheet_sha256: str
    sheet_family: str
    key: str
    """Of all that it depends on besides the tree; another key means that it does not hold."""
    body: bytes

    @property
    def grounds(self) -> Grounds:
        """Return what was read."""
        return unpack(Grounds, self.body)

    @classmethod
    def of(cls, grounds: Grounds, *, sha256: str, family: str, key: str) -> "KeptDecision":
        """Return a decision to be kept."""
        return cls(sheet_sha256=sha256, sheet_family=family, key=key, body=pack(grounds))


def load_decisions(conn: Connection, repo_id: str) -> dict[str, KeptDecision]:
    """Return sha256 of a datasheet -> what was decided about it in a repository."""
    columns = (decisions.c.sheet_sha256, decisions.c.sheet_family, decisions.c.key, decisions.c.body)
    rows = conn.execute(select(*columns).where(decisions.c.repo_id == repo_id))
    return {row.sheet_sha256: KeptDecision(**row._mapping) for row in rows}


def write_decisions(
    conn: Connection, repo_id: str, taken: Sequence[KeptDecision], forgotten: Collection[str] = ()
) -> None:
    """Keep decisions that were taken anew; forget those about other datasheets (sha256)."""
    ordered = sorted(forgotten)
    for start in range(0, len(ordered), BATCH_ROWS):
        batch = ordered[start : start + BATCH_ROWS]
        conn.execute(delete(decisions).where(decisions.c.repo_id == repo_id, decisions.c.sheet_sha256.in_(batch)))
    upsert(conn, decisions, [_row(repo_id, decision) for decision in taken])


def _row(repo_id: str, decision: KeptDecision) -> Mapping[str, object]:
    return {
        "repo_id": repo_id,
        "sheet_sha256": decision.sheet_sha256,
        "sheet_family": decision.sheet_family,
        "key": decision.key,
        "body": decision.body,
    }
