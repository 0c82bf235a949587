"""Run one long-running process of the system: `python -m deploy.process NAME --home DIR --metrics-port N`.

This is the same entry under the embedded supervisor and on a cluster. It configures logging, serves /metrics and
/healthz, turns SIGTERM and SIGINT into a stop event, and calls the process's `run`. A `run` that returns by itself
asks for a fresh process: this one is replaced by exec, which gives back whatever memory it had grown to (torch's).
"""

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from deploy.health import Heartbeat, serve_health
from deploy.local.broker import READY_SECONDS
from deploy.local.home import LOOPBACK
from deploy.metrics import ProcessMetrics
from streams.lifeline import die_with_parent

logger = logging.getLogger("sheetstream")


@dataclass(frozen=True, slots=True)
class Process:
    """Where a process's run function and settings are, and whether it needs Kafka to be there first."""

    module: str
    settings: str
    needs_kafka: bool = False


PROCESSES = {
    "broker": Process("deploy.local.broker_process", "deploy.local.config:load_settings"),
    "watcher": Process("streams.watch", "streams.config:StreamsSettings", needs_kafka=True),
    "worker": Process("streams.worker", "streams.config:StreamsSettings", needs_kafka=True),
    "sealer": Process("streams.seal", "streams.config:StreamsSettings", needs_kafka=True),
    "hooks": Process("streams.watch.hookserver", "streams.config:StreamsSettings"),
    "auditor": Process("streams.auditor", "streams.config:StreamsSettings"),
    "trainer": Process("trainer.follow", "trainer.config:load_settings"),
    "eval": Process("eval.watch", "eval.config:load_settings"),
    "console": Process("deploy.console.app", "deploy.local.config:load_settings"),
}


def main() -> None:
    arguments = _arguments()
    if arguments.die_with_parent:
        die_with_parent()
    os.environ["SHEETSTREAM_HOME"] = str(arguments.home)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr, force=True
    )
    for chatty in ("aiokafka", "alembic", "faust", "httpx", "kafka", "mode"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)  # it cannot read the metadata of Faust's members
    sys.exit(_run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    process = PROCESSES[arguments.name]
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    registry = CollectorRegistry()
    heartbeat = Heartbeat(ProcessMetrics(registry).heartbeat)
    heartbeat()
    try:
        settings = _load(process.settings)()
        server = serve_health(LOOPBACK, arguments.metrics_port, registry, heartbeat)
        if process.needs_kafka:
            _await_kafka(settings, stop)
        _load(f"{process.module}:run")(settings, registry=registry, stop=stop, beat=heartbeat)
        server.shutdown()
    except Exception as error:
        if _is_expected(error):
            logger.error("%s: %s", arguments.name, error)
        else:
            logger.exception("%s: unexpected error", arguments.name)
        return 1
    if not stop.is_set():
        logger.info("%s: starts afresh to give memory back", arguments.name)
        logging.shutdown()
        os.execv(sys.executable, [sys.executable, "-m", "deploy.process", *sys.argv[1:]])  # noqa: S606 - our own program
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.process", description=__doc__)
    parser.add_argument("name", choices=sorted(PROCESSES))
    parser.add_argument("--home", type=Path, required=True, help="folder that holds everything")
    parser.add_argument("--metrics-port", type=int, required=True, help="loopback port of /metrics and /healthz")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    return parser.parse_args()


def _load(name: str) -> Callable[..., object]:
    module, function = name.split(":")
    loaded: Callable[..., object] = getattr(importlib.import_module(module), function)
    return loaded


def _await_kafka(settings: object, stop: threading.Event) -> None:
    from streams.broker import await_broker
    from streams.kafka_security import KafkaSecurity

    assert isinstance(settings, KafkaSecurity)
    await_broker(settings, stop, READY_SECONDS)


def _is_expected(error: Exception) -> bool:
    """Return whether it is one of our own errors, which says all in its message, and no fault of the program."""
    own = type(error).__module__.split(".")[0] in {"mapper", "streams", "trainer", "eval", "deploy"}
    return own or isinstance(error, ConnectionError)


if __name__ == "__main__":
    main()
