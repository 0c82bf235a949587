"""streams/tidy.py"""

import asyncio
import time

import pytest
from sqlalchemy import Engine, select

from mapper.model import SourceFile
from mapper.version import parser_version
from streams.ledger import symbols, upgrades
from streams.ledger.engine import writing
from streams.ledger.schema import parser_versions
from streams.tidy import tidy


class EnoughError(BaseException):
    """The test has seen what it wanted."""


def test_a_round_notes_our_version_and_removes_what_is_old(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch after batch with a pause between, then a longer one."""
    monkeypatch.setattr(upgrades, "REMOVED_ROWS", 2)
    files = [
        SourceFile(path=f"{n}.h", blob_id=f"b{n}", num_bytes=1, language="c", role="driver", symbols=())
        for n in range(5)
    ]
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            raise EnoughError

    with writing(engine) as conn:
        symbols.store_parsed(conn, files, parser="parser1_older")
        conn.execute(parser_versions.insert().values(version="parser1_older", seen_at=0.0))

    with pytest.raises(EnoughError):
        asyncio.run(tidy(engine, sleep=sleep))

    assert pauses == [2.0, 2.0, 2.0, 60.0]
    with writing(engine) as conn:
        assert symbols.load_parsed(conn, {"0.h": "b0"}, parser="parser1_older") == {}
        (row,) = conn.execute(select(parser_versions)).all()
    assert (row.version, time.time() - row.seen_at < 60) == (parser_version(), True)
