"""What differed when something happened to a link: the changes at its place, by the revision that made them."""

from sqlalchemy import Connection

from streams.ledger.links import LinkStory
from streams.ledger.sheets import find_sheet_changes
from streams.ledger.touched import Difference, differences_at

MANY = 5000


def differences_of(conn: Connection, story: LinkStory) -> dict[str, tuple[Difference, ...]]:
    """Return what each datasheet revision among a link's causes changed at the link's place, by its sha256."""
    revisions = {row.cause_id for row in story.history if row.cause_kind == "datasheet"}
    row, found = story.row, {}
    for sha256 in sorted(revisions):
        changes = find_sheet_changes(conn, family=row.sheet_family, new_sha256=sha256, limit=MANY)
        found[sha256] = differences_at(changes, register=row.register, field=row.field, title=row.anchor_title)
    return found
