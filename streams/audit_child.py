"""One audit, as the auditor's child process makes it: what is loaded for it goes when the child does."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.ledger.audits import Audit

logger = logging.getLogger(__name__)


def examine(database_url: str, home: Path, subject: str, depth: str) -> "Audit | None":
    """Return the audit of a repository, or of the ledger as a whole; None when its links are not current.

    A deep one becomes shallow where the mirror has not what it should. Raises what opening the ledger raises.
    """
    from streams.agents.symbols import open_mirrors
    from streams.audit import audit_repository
    from streams.audit_whole import audit_whole
    from streams.errors import RepositoryError
    from streams.ledger.audits import LEDGER
    from streams.ledger.engine import open_ledger

    engine = open_ledger(database_url)
    try:
        deep = depth == "deep"
        if subject == LEDGER:
            return audit_whole(engine, home, deep=deep)
        mirrors = open_mirrors(home)
        try:
            found = audit_repository(engine, subject, deep=deep, open_mirror=mirrors)
        except RepositoryError as error:
            logger.warning("not audited deeply repo_id=%s error=%r", subject, error)
            found = audit_repository(engine, subject, open_mirror=mirrors)
        for why in found.unchecked:
            logger.warning("not compared repo_id=%s %s", subject, why)
        return found.note(time.time()) if found.current else None
    finally:
        engine.dispose()
