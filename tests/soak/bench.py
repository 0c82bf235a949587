"""What scenarios share: a broker, a PostgreSQL server, work loads, and what undisturbed runs of them left behind."""

import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from deploy.local.broker import running_broker
from deploy.local.config import load_settings
from tests.postgres import PostgresServer, running_server
from tests.soak.evidence import Evidence, collect
from tests.soak.scenario import Row
from tests.soak.system import System
from tests.soak.verdict import Verdict, check, compare
from tests.soak.work import Work, short, stepped, vendor, write_sheets


class Ground:
    """The part that all scenarios of a run share; several may use it at a time."""

    def __init__(self, folder: Path, seed: int, *, kafka: str | None = None, is_short: bool = False) -> None:
        self.folder = folder
        self.seed = seed
        self.stopping = threading.Event()
        """Set to end all scenarios soon."""

        self._kafka = kafka
        self._is_short = is_short
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._works: dict[str, Work] = {}
        self._undisturbed: dict[str, Evidence] = {}
        self._postgres: PostgresServer | None = None
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Stop the servers."""
        self._stack.close()

    @property
    def kafka(self) -> str:
        """host:port of the shared broker, started when it is first asked for."""
        with self._lock:
            if self._kafka is None:
                self._kafka = self._stack.enter_context(running_broker(self.folder / "broker", load_settings().cache))
            return self._kafka

    @property
    def postgres(self) -> PostgresServer:
        """The shared PostgreSQL server, started when it is first asked for."""
        with self._lock:
            if self._postgres is None:
                self._postgres = self._stack.enter_context(running_server())
            return self._postgres

    def work(self, name: str) -> Work:
        """Return a work load, prepared when it is first asked for."""
        with self._lock:
            if name not in self._works:
                sheets = self.folder / "sheets"
                if not sheets.exists():
                    write_sheets(sheets)
                make = {"stepped": short if self._is_short else stepped, "vendor": vendor}[name]
                self._works[name] = make(self.folder / f"work-{name}", sheets)
            return self._works[name]

    def undisturbed(self, name: str) -> Evidence:
        """Return what a run of a work load leaves behind when nothing disturbs it."""
        with self._lock:
            if name not in self._undisturbed:
                with Bench(self, f"undisturbed {name}").system(name) as system:
                    system.keep("worker")
                    system.keep("sealer")
                    for step in system.steps:
                        system.tell(step)
                        system.settle()
                    system.stop()
                    found = collect(system.settings, system.engine)
                verdict = Verdict()
                check(found, verdict)
                assert not verdict.findings, f"the undisturbed run of {name} is not sound: {verdict.findings}"
                assert found.history, f"the undisturbed run of {name} made no link"
                assert found.sealed, f"the undisturbed run of {name} sealed no sample"
                self._undisturbed[name] = found
            return self._undisturbed[name]

    def next_folder(self, name: str) -> Path:
        """Return a folder that does not exist yet."""
        return self.folder / "runs" / f"{next(self._numbers):03d}-{''.join(c if c.isalnum() else '_' for c in name)}"


class Bench:
    """What one scenario uses."""

    def __init__(self, ground: Ground, name: str, turn: int = 0) -> None:
        self.ground = ground
        self.name = name
        self.random = random.Random(f"{ground.seed}/{name}/{turn}")

    @contextmanager
    def system(
        self,
        work: str,
        *,
        database: str = "sqlite",
        kafka: str | None = None,
        folder: Path | None = None,
        **settings: Any,
    ) -> Iterator[System]:
        """Give a system over a work load: empty home (in that folder), ledger and topics, nothing running."""
        folder = folder or self.ground.next_folder(self.name)
        with ExitStack() as stack:
            url = f"sqlite:///{folder / 'ledger.db'}"
            if database == "postgresql":
                url = self.ground.postgres.url(stack.enter_context(self.ground.postgres.database()))
            system = System(
                self.ground.work(work),
                folder,
                kafka=kafka or self.ground.kafka,
                database_url=url,
                rng=self.random,
                stopping=self.ground.stopping,
                settings=settings,
            )
            stack.callback(system.close)
            yield system

    def judge(self, system: System, *, exact: bool | None = None) -> Row:
        """Stop a settled system and return what came of it, against the undisturbed run of its work load.

        `exact`: whether the whole history must be equal; by default where the work load is told step by step.
        """
        system.stop()
        run = collect(system.settings, system.engine)
        exact = system.work.exact if exact is None else exact
        undisturbed = self.ground.undisturbed(system.work.name)
        verdict = compare(undisturbed, run, exact=exact, ignored=system.ignored)
        return self.row(system, run, verdict)

    def row(self, system: System, run: Evidence, verdict: Verdict) -> Row:
        """Return the row of a verdict."""
        findings = [*verdict.findings, *system.faults()]
        return Row(
            scenario=self.name,
            kills=system.kills,
            records=run.num_records,
            lost=verdict.lost,
            doubled=verdict.doubled,
            resent=verdict.resent,
            seconds=system.seconds,
            ok=not findings,
            findings=tuple(findings),
        )
