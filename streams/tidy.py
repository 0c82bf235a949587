"""What a worker does beside its agents: say that its version runs, and remove what no version needs any more."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from streams.ledger import upgrades
from streams.ledger.engine import writing

logger = logging.getLogger(__name__)

ROUND_SECONDS = 60.0
BATCH_SECONDS = 2.0  # between two batches: the agents come first


async def tidy(engine: Engine, *, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
    """Do so for ever; a round that fails is tried again with the next."""
    while True:
        try:
            await asyncio.to_thread(_note, engine)
            while removed := await asyncio.to_thread(_remove, engine):
                logger.info("removed parsed files of an older version rows=%d", removed)
                await sleep(BATCH_SECONDS)
        except Exception as error:  # noqa: BLE001  # nothing depends on it; the agents say what is wrong
            logger.warning("not tidied: %r", error)
        await sleep(ROUND_SECONDS)


def _note(engine: Engine) -> None:
    with writing(engine) as conn:
        upgrades.note_parser(conn, time.time())


def _remove(engine: Engine) -> int:
    with writing(engine) as conn:
        return upgrades.remove_unneeded(conn, time.time())
