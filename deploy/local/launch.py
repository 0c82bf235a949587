"""Start the whole system on this machine and keep it together: what `up`, `demo` and the end-to-end tests share."""

import logging
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local.broker import READY_SECONDS, reachable
from deploy.local.config import LocalSettings
from deploy.local.errors import BrokerError, ConfigError, LocalError, SupervisorError
from deploy.local.home import LOOPBACK, Home
from deploy.local.jars import java_binary, kafka_jars
from deploy.local.supervisor import ProcessState, Supervisor

if TYPE_CHECKING:
    from streams.config import StreamsSettings

logger = logging.getLogger(__name__)

PROCESS_NAMES = ("broker", "watcher", "worker", "sealer", "auditor", "trainer", "eval", "console", "hooks")
HEALTHY_SECONDS = 120.0
LOG_TAIL_LINES = 5


@dataclass(frozen=True, slots=True)
class System:
    """A running system: its home, where Kafka and the console are, and its supervisor."""

    home: Home
    kafka: str
    ports: Mapping[str, int]
    supervisor: Supervisor

    @property
    def console_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['console_page']}/"

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks are received on this machine; None: no secret is set."""
        port = self.ports.get("webhook_page")
        return None if port is None else f"http://{LOOPBACK}:{port}/hooks"

    def metrics_url(self, process: str) -> str:
        """Return where a process serves its metrics."""
        return f"http://{LOOPBACK}:{self.ports[process]}/metrics"


@contextmanager
def running(
    settings: LocalSettings, *, environment: Mapping[str, str] | None = None, say: Callable[[str], None] = logger.info
) -> Iterator[System]:
    """Start every process, give the running system, and stop them all at the end.

    environment goes to the processes on top of what they inherit. say is told each step. Raises LocalError.
    """
    home = Home(settings.home)
    home.create()
    with home.claim():
        _check_disk(settings)
        _check_settings(settings)
        system = _start(settings, home, dict(environment or {}), say)
        try:
            yield system
        finally:
            say("stopping")
            system.supervisor.stop()


def health(ports: Mapping[str, int], process: str) -> str:
    """Return "ok", "stalled", or "silent" when the process does not answer."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{ports[process]}/healthz", timeout=2.0) as answer:
            return "ok" if answer.status == 200 else "stalled"
    except urllib.error.HTTPError:
        return "stalled"
    except (OSError, KeyError):
        return "silent"


def log_tail(home: Home, process: str) -> str:
    """Return the last lines that a process wrote, for an error message."""
    log = home.logs / f"{process}.log"
    if not log.is_file():
        return "(no log)"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])


def _check_disk(settings: LocalSettings) -> None:
    free_mb = shutil.disk_usage(settings.home).free >> 20
    if free_mb < settings.min_free_disk_mb:
        raise LocalError(
            f"{settings.home}: {free_mb} MiB of disk free, at least {settings.min_free_disk_mb} MiB expected "
            "(SHEETSTREAM_MIN_FREE_DISK_MB); free some, or set SHEETSTREAM_HOME to a folder elsewhere"
        )


def _check_settings(settings: LocalSettings) -> None:
    """Read the settings of every process: what one of them would refuse is said now, not after its fifth start."""
    import eval.config
    import eval.errors
    import streams.broker_greeting
    import streams.config
    import streams.errors
    import trainer.config
    import trainer.errors
    from streams.watch.hooksecrets import check_secrets

    try:
        found = streams.config.StreamsSettings(home=settings.home)
        streams.broker_greeting.read_access(found)
        check_secrets(found)
        trainer.config.load_settings(home=settings.home)
        eval.config.load_settings(home=settings.home)
    except (streams.errors.ConfigError, trainer.errors.ConfigError, eval.errors.ConfigError) as error:
        raise ConfigError(str(error)) from error
    if settings.kafka is None and found.kafka_security_protocol != "PLAINTEXT":
        raise ConfigError(
            f"SHEETSTREAM_KAFKA_SECURITY_PROTOCOL is {found.kafka_security_protocol}, but the embedded broker "
            "speaks PLAINTEXT, on loopback only: set SHEETSTREAM_KAFKA to the broker that is meant, or unset it"
        )


def _start(settings: LocalSettings, home: Home, environment: dict[str, str], say: Callable[[str], None]) -> System:
    embedded = settings.kafka is None
    names = _wanted(settings, embedded=embedded)
    if embedded:
        say("Kafka's jars and Java")
        java_binary()
        kafka_jars(settings.cache)
    supervisor = Supervisor(home)
    supervisor.await_predecessor()  # it may still hold ports and Kafka's data
    pages = ("console_page", *(("webhook_page",) if "hooks" in names else ()))
    ports = home.choose_ports(
        [*(("kafka", "controller") if embedded else ()), *pages, *names],
        fixed={"console_page": settings.console_port, "webhook_page": _streams_settings(settings).webhook_port},
    )
    kafka = settings.kafka or f"{LOOPBACK}:{ports['kafka']}"
    home.kafka_file.write_text(f"{kafka}\n", encoding="utf-8")  # for those who ask from another terminal
    environment |= {
        "SHEETSTREAM_HOME": str(settings.home),
        "SHEETSTREAM_CACHE": str(settings.cache),
        "SHEETSTREAM_KAFKA": kafka,
        "PYTHONUNBUFFERED": "1",
        "OMP_WAIT_POLICY": "PASSIVE",  # torch's threads share the cores with everything else: waiting must not spin
    }
    if "hooks" in names:
        environment["SHEETSTREAM_WEBHOOK_PORT"] = str(ports["webhook_page"])
    system = System(home, kafka, ports, supervisor)
    try:
        supervisor.start({name: _command(name, home, ports) for name in names}, environment, settings.process_failures)
        if embedded:
            say(f"Kafka on {kafka}")
            supervisor.start_process("broker")
            _await_broker(system)
        _prepare_store(settings, kafka)
        say("processes: " + ", ".join(name for name in names if name != "broker"))
        for name in names:
            if name != "broker":
                supervisor.start_process(name)
        _await_health(system, names)
    except BaseException:
        supervisor.stop()
        raise
    return system


def _wanted(settings: LocalSettings, *, embedded: bool) -> tuple[str, ...]:
    """Return the processes to start: the broker if it is ours, the receiver of webhooks if a secret is set."""
    off = {*(() if embedded else ("broker",)), *(() if _streams_settings(settings).has_webhooks else ("hooks",))}
    return tuple(name for name in PROCESS_NAMES if name not in off)


def _streams_settings(settings: LocalSettings) -> "StreamsSettings":
    from streams.config import StreamsSettings

    return StreamsSettings(home=settings.home)


def _command(name: str, home: Home, ports: Mapping[str, int]) -> list[str]:
    arguments = ["--home", str(home.root), "--metrics-port", str(ports[name]), "--die-with-parent"]
    return [sys.executable, "-m", "deploy.process", name, *arguments]


def _await_broker(system: System) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if reachable(system.kafka):
            return
        state = next(state for state in system.supervisor.states() if state.name == "broker")
        if state.state in ("failed", "restarting", "ended"):
            raise BrokerError(f"Kafka does not start; its log ends with:\n{log_tail(system.home, 'broker')}")
        time.sleep(0.2)
    raise BrokerError(f"Kafka did not answer on {system.kafka} within {READY_SECONDS:.0f} s")


def _prepare_store(settings: LocalSettings, kafka: str) -> None:
    """Bring the ledger's tables and Kafka's topics to what this version wants, before anything reads them."""
    from sqlalchemy.exc import SQLAlchemyError

    from streams.broker import require_broker
    from streams.config import StreamsSettings
    from streams.errors import BrokerError as StreamsBrokerError
    from streams.errors import StreamsError
    from streams.ledger.engine import open_ledger
    from streams.ledger.failures import explain
    from streams.ledger.migrate import upgrade
    from streams.topics import apply_topics

    try:
        streams = StreamsSettings(home=settings.home, kafka=kafka)
        require_broker(streams)
        engine = open_ledger(streams.database_url)
        upgrade(engine)
        engine.dispose()
        apply_topics(streams)
    except StreamsBrokerError as error:
        hint = "" if settings.kafka is None else " (without SHEETSTREAM_KAFKA the embedded one is started)"
        raise BrokerError(f"{error}{hint}") from error
    except StreamsError as error:
        raise LocalError(str(error)) from error
    except SQLAlchemyError as error:
        raise LocalError(f"ledger: {explain(error)}") from error


def _await_health(system: System, names: tuple[str, ...]) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    waiting = list(names)
    while waiting:
        waiting = [name for name in waiting if health(system.ports, name) != "ok"]
        failed = [state for state in system.supervisor.states() if state.state == "failed"]
        if failed:
            raise SupervisorError(_failure(system, failed[0]))
        if waiting and time.monotonic() > deadline:
            raise SupervisorError(f"not healthy within {HEALTHY_SECONDS:.0f} s: {', '.join(waiting)}")
        time.sleep(0.2)


def _failure(system: System, state: ProcessState) -> str:
    log = system.home.logs / f"{state.name}.log"
    return f"{state.name} keeps dying; {log} ends with:\n{log_tail(system.home, state.name)}"
