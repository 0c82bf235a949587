"""Real git repositories in temporary folders, and empty ledgers on both databases."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from streams.ledger.engine import open_ledger
from streams.ledger.migrate import upgrade

IDENTITY = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "V"), ("EMAIL", "v@x"))
    },
}


class Vendor:
    """A repository with a work tree that a test writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time = 1_700_000_000
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        stamp = f"{self.time} +0000"
        environment = os.environ | IDENTITY | {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        answer = subprocess.run(["git", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True)
        return answer.stdout.decode().strip()

    def commit(self, summary: str = "change", /, **files: str | None) -> str:
        """Write files (None removes; __ in a name is a dot), commit all, return the commit's id."""
        for name, text in files.items():
            path = self.folder / name.replace("__", ".")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.time += 60
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", summary)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def make_vendor(tmp_path: Path) -> Callable[..., Vendor]:
    """Give a function that makes a new empty repository of this name."""
    return lambda name="vendor": Vendor(tmp_path / name)


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty ledger, perhaps without tables yet; once on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        server: Any = request.getfixturevalue("postgres")
        yield server.url("ledger")
        server.clear()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty ledger with this version's schema, once on each database."""
    engine = open_ledger(database_url)
    upgrade(engine)
    yield engine
    engine.dispose()
