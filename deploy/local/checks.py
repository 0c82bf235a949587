"""The checks of `sheetstream doctor`: each looks at one thing and says how to mend it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.local.config import LocalSettings
from deploy.local.errors import LocalError
from deploy.local.jars import KAFKA_VERSION, java_binary, read_digests

GIT_MINIMUM = (2, 39, 4)  # older ones run code of a cloned repository: CVE-2024-32002 and its siblings
SLOW_FSYNC_SECONDS = 0.2

Verdict = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check saw; fix is empty when there is nothing to mend."""

    check: str
    verdict: Verdict
    seen: str
    fix: str = ""


def run_checks(settings: LocalSettings) -> Iterator[Finding]:
    """Yield one finding or more a check, in order; a check that breaks is a problem itself."""
    from sqlalchemy.exc import SQLAlchemyError

    from deploy.local.kafka_checks import kafka
    from eval.errors import EvalError
    from streams.errors import StreamsError

    expected = (OSError, EvalError, LocalError, StreamsError, SQLAlchemyError, subprocess.SubprocessError)
    checks: tuple[Callable[[LocalSettings], Iterator[Finding]], ...] = (
        _python,
        _git,
        _java,
        _jars,
        kafka,
        _base_model,
        _disk,
        _ledger,
        _versions,
        _suite,
        _processes,
        _dead_letters,
        _audits,
        _outbox,
    )
    for check in checks:
        name = check.__name__.strip("_").replace("_", " ")
        try:
            yield from check(settings)
        except expected as error:
            yield Finding(check=name, verdict="problem", seen=str(error), fix="see the message")


def _python(_settings: LocalSettings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= (3, 11)
    yield Finding(
        check="python", verdict="ok" if fine else "problem", seen=version, fix="" if fine else "use 3.11 or newer"
    )
    wanted = ("faust", "kafka", "torch", "peft", "webdataset")
    missing = [name for name in wanted if name not in sys.modules and not importlib.util.find_spec(name)]
    if missing:
        yield Finding(
            check="packages", verdict="problem", seen=f"missing: {', '.join(missing)}", fix="run `make setup`"
        )


def _git(_settings: LocalSettings) -> Iterator[Finding]:
    found = shutil.which("git")
    if found is None:
        yield Finding(check="git", verdict="problem", seen="not found", fix="install git")
        return
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", said)
    version = tuple(int(part or 0) for part in match.groups()) if match else ()
    old = version < GIT_MINIMUM
    wanted = ".".join(map(str, GIT_MINIMUM))
    yield Finding(
        check="git",
        verdict="warning" if old else "ok",
        seen=said.strip(),
        fix=f"update git to {wanted} or newer before tracking repositories you do not trust" if old else "",
    )


def _java(_settings: LocalSettings) -> Iterator[Finding]:
    said = subprocess.run([str(java_binary()), "-version"], capture_output=True, text=True, check=True, timeout=60)
    yield Finding(check="java", verdict="ok", seen=said.stderr.splitlines()[0])


def _jars(settings: LocalSettings) -> Iterator[Finding]:
    present = {jar.name for jar in (settings.cache / f"kafka-{KAFKA_VERSION}").glob("*.jar")}
    missing = set(read_digests()) - present
    if settings.kafka:
        yield Finding(check="kafka", verdict="ok", seen=f"your own broker at {settings.kafka}")
    elif missing:
        yield Finding(
            check="kafka", verdict="warning", seen=f"{len(missing)} jars not fetched yet", fix="run `make setup`"
        )
    else:
        yield Finding(check="kafka", verdict="ok", seen=f"Kafka {KAFKA_VERSION}, {len(present)} jars")


def _base_model(settings: LocalSettings) -> Iterator[Finding]:
    models = settings.cache / "models"
    prepared = sorted(path.name for path in models.iterdir() if path.is_dir()) if models.is_dir() else []
    if prepared:
        yield Finding(check="base model", verdict="ok", seen=", ".join(prepared))
    else:
        yield Finding(
            check="base model", verdict="warning", seen="none prepared", fix="run `sheetstream model prepare`"
        )


def _disk(settings: LocalSettings) -> Iterator[Finding]:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free_mb = shutil.disk_usage(folder).free >> 20
    low = free_mb < settings.min_free_disk_mb
    yield Finding(
        check="disk",
        verdict="problem" if low else "ok",
        seen=f"{free_mb} MiB free at {folder}",
        fix=f"free at least {settings.min_free_disk_mb} MiB" if low else "",
    )
    if not os.access(folder, os.W_OK):
        yield Finding(check="home", verdict="problem", seen=f"{folder} cannot be written", fix="set SHEETSTREAM_HOME")
        return
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        probe.write(b"x" * 4096)
        probe.flush()
        started = time.perf_counter()
        os.fsync(probe.fileno())
        seconds = time.perf_counter() - started
    slow = seconds > SLOW_FSYNC_SECONDS
    yield Finding(
        check="fsync",
        verdict="warning" if slow else "ok",
        seen=f"{seconds * 1000:.1f} ms",
        fix="each ledger transaction waits that long; move SHEETSTREAM_HOME to a faster disk" if slow else "",
    )


def _ledger(settings: LocalSettings) -> Iterator[Finding]:
    from streams.config import StreamsSettings
    from streams.ledger.engine import open_ledger, reading, where
    from streams.ledger.health import faults, server
    from streams.ledger.migrate import newest_version, schema_version

    url = StreamsSettings(home=settings.home).database_url
    if url.startswith("sqlite") and not (settings.home / "ledger.db").is_file():
        yield Finding(check="ledger", verdict="ok", seen="none yet; `sheetstream up` makes it")
        return
    engine = open_ledger(url)
    try:
        with reading(engine) as conn:
            found, facts = schema_version(conn), server(conn)
    finally:
        engine.dispose()
    newest = newest_version()
    seen = f"schema {found}" if facts is None else f"schema {found} on PostgreSQL {facts.version}, {where(engine)}"
    fix = "" if found == newest else f"schema {newest} expected: stop the system and start it with this version"
    if found is None:
        seen, fix = seen.replace("schema None", "no tables yet"), ""
    yield Finding(check="ledger", verdict="warning" if fix else "ok", seen=seen, fix=fix)
    for wrong, mend in faults(facts, must_create=found != newest) if facts else ():
        yield Finding(check="ledger", verdict="problem", seen=wrong, fix=mend)


def _versions(settings: LocalSettings) -> Iterator[Finding]:
    from deploy.local.state import system_state

    state = system_state(settings.home, ask_kafka=False)
    if state.outdated is None:
        return
    seen = str(state.outdated)
    how = "nothing, it goes on by itself" if state.holder else "run `sheetstream up`: it goes on by itself"
    yield Finding(
        check="versions",
        verdict="warning" if seen else "ok",
        seen=seen or "everything was read and linked by this version",
        fix=f"{how} (docs/upgrades.md)" if seen else "",
    )


def _suite(settings: LocalSettings) -> Iterator[Finding]:
    from eval.config import load_settings
    from eval.suite.items import suite_digest

    folder = load_settings(home=settings.home).suite_dir
    if suite_digest(folder):
        yield Finding(check="benchmark", verdict="ok", seen=f"suite in {folder}")
    else:
        yield Finding(
            check="benchmark",
            verdict="warning",
            seen="no suite, so no checkpoint is scored or released",
            fix="run `sheetstream eval build --generated`",
        )


def _processes(settings: LocalSettings) -> Iterator[Finding]:
    from deploy.local.state import system_state

    state = system_state(settings.home)
    if state.holder is None:
        yield Finding(check="processes", verdict="ok", seen="nothing runs")
    for line in state.processes:
        bad = line.state != "running" or line.health != "ok"
        yield Finding(
            check=f"process {line.name}",
            verdict="problem" if bad else "ok",
            seen=f"{line.state}, {line.health or 'silent'}",
            fix=f"read {settings.home / 'logs' / f'{line.name}.log'}" if bad else "",
        )
    for problem in state.problems:
        yield Finding(check="state", verdict="problem", seen=problem, fix="see the message")


def _dead_letters(settings: LocalSettings) -> Iterator[Finding]:
    from deploy.local.state import system_state

    counts = system_state(settings.home, ask_kafka=False).counts
    dead = dict(counts.dead_letters) if counts else {}
    seen = ", ".join(f"{number} {reason}" for reason, number in dead.items()) or "none"
    fix = "sheetstream dlq list" if dead else ""
    yield Finding(check="dead letters", verdict="warning" if dead else "ok", seen=seen, fix=fix)


def _audits(settings: LocalSettings) -> Iterator[Finding]:
    from deploy.cli.status import audits_in_words
    from deploy.local.state import system_state

    state = system_state(settings.home, ask_kafka=False)
    if state.counts is not None:
        differ = bool(state.audits and state.audits.mismatches)
        fix = "see `sheetstream links audit --history`, then `sheetstream links audit`" if differ else ""
        seen = audits_in_words(state.audits, state.at)
        yield Finding(check="audits", verdict="problem" if differ else "ok", seen=seen, fix=fix)


def _outbox(settings: LocalSettings) -> Iterator[Finding]:
    from deploy.local.state import system_state
    from streams.config import StreamsSettings

    state = system_state(settings.home, ask_kafka=False)
    if state.counts is None:
        return
    seconds = 0.0 if state.outbox_since is None else state.at - state.outbox_since
    late = seconds > StreamsSettings(home=settings.home).audit_outbox_seconds
    seen = f"{state.counts.outbox} records wait, the oldest for {seconds:.0f} s" if seconds else "empty"
    fix = "they get out once worker and Kafka are up; see `sheetstream status`" if late else ""
    yield Finding(check="outbox", verdict="warning" if late else "ok", seen=seen, fix=fix)
