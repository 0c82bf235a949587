"""The whole system on a real broker: from commits and datasheets to links, shards, a checkpoint and its scores.

One run for all tests of this file, on a tiny random base model; the worker is killed (SIGKILL) in the middle of it.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine

from deploy.demo.play import SMALL, Published, build_demo_suite, environment, publish_commits, track
from deploy.demo.show import Show
from deploy.demo.truth_check import check_truth
from deploy.demo.vendor import Vendor, build_vendor
from deploy.demo.waiting import await_decided, await_drained, await_sealed, await_trained
from deploy.local.config import load_settings
from deploy.local.launch import System, running
from streams.audit import audit
from streams.config import StreamsSettings
from streams.ledger.counts import counts
from streams.ledger.engine import open_ledger, reading
from trainer.manifest import list_checkpoints, verify_checkpoint
from trainer.tiny import tiny_olmo3

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(900)]

PLAN = dataclasses.replace(SMALL, training_steps=6, training_seconds=120.0, items_per_domain=2)
KILL_AFTER_SECONDS = 1.5


@dataclasses.dataclass(frozen=True)
class Ran:
    """The system after the vendor's whole history went through it, still running."""

    system: System
    vendor: Vendor
    engine: Engine
    killed_pid: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    root = tmp_path_factory.mktemp("system")
    home = root / "home"
    home.mkdir()
    base = tiny_olmo3(root / "base")
    vendor = build_vendor(root / "vendor", small=True)
    published = Published(root / "published", vendor)
    build_demo_suite(home, vendor, PLAN)
    settings = load_settings(home=home)
    extra = environment(PLAN) | {
        "SHEETSTREAM_TRAIN_BASE_MODEL": str(base),
        "SHEETSTREAM_TRAIN_RANK": "8",
        "SHEETSTREAM_TRAIN_SEQ_LEN": "128",
    }
    show = Show(Console(quiet=True))
    with running(settings, environment=extra) as system, show.stage("run") as update:
        tips = publish_commits(vendor, 1, 2)
        track(system, vendor, published.sheets(0))
        await_drained(system, tips, update)
        tips = publish_commits(vendor, 2, 2)
        published.sheets(1)
        time.sleep(KILL_AFTER_SECONDS)
        killed = next(state.pid for state in system.supervisor.states() if state.name == "worker")
        os.kill(killed, signal.SIGKILL)
        await_drained(system, tips, update)
        await_sealed(system, update)
        await_trained(system, max_steps=PLAN.training_steps, update=update)
        await_decided(system, update)
        engine = open_ledger(StreamsSettings(home=home).database_url)
        yield Ran(system, vendor, engine, killed)
        engine.dispose()


def command(ran: Ran, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"SHEETSTREAM_HOME": str(ran.system.home.root)}
    script = [sys.executable, "-m", "deploy.cli.main", *arguments]
    return subprocess.run(script, env=environ, capture_output=True, text=True, check=False, timeout=120)


def test_the_killed_worker_was_replaced(ran: Ran) -> None:
    """The supervisor started another one, and nothing counts as failed."""
    states = {state.name: state for state in ran.system.supervisor.states()}

    assert states["worker"].pid not in (0, ran.killed_pid)
    assert all(state.state == "running" for state in states.values())


def test_the_ledger_equals_a_mapping_from_scratch(ran: Ran) -> None:
    """After kill -9 in the middle, links and conflicts are those of the final snapshot."""
    report = audit(ran.engine)

    assert report.is_clean
    assert all(repository.current and repository.links for repository in report.repositories)


def test_every_commit_and_revision_arrived_once(ran: Ran) -> None:
    """Nothing lost, nothing doubled."""
    with reading(ran.engine) as conn:
        found = counts(conn)

    assert found.commits == sum(repository.num_commits for repository in ran.vendor.repositories)
    assert found.datasheets == len(ran.vendor.sheets)
    assert found.releases == sum(len(sheet.revisions) for sheet in ran.vendor.sheets)
    assert found.outbox == 0


def test_links_and_conflicts_agree_with_the_truth(ran: Ran) -> None:
    """The generated vendor knows which symbol implements what, and where its code is wrong."""
    with reading(ran.engine) as conn:
        check = check_truth(conn, ran.vendor)

    assert check.links.any_recall.value is not None
    assert check.links.precision.value is not None
    assert check.links.any_recall.value >= 0.9
    assert check.links.precision.value >= 0.9
    assert check.conflicts_found >= 0.8 * check.conflicts_planted
    assert check.conflicts_false <= 1


def test_samples_are_in_shards_once(ran: Ran) -> None:
    """Stock webdataset reads every sealed sample, each in one shard."""
    shards = sorted(str(path) for path in (ran.system.home.root / "shards").glob("*.tar"))
    script = """
import sys, webdataset
for sample in webdataset.WebDataset(sys.argv[1:], shardshuffle=False, empty_check=False):
    print(sample["__key__"])
"""  # in a process of its own: webdataset leaves its files open
    keys = subprocess.run(
        [sys.executable, "-c", script, *shards], capture_output=True, text=True, check=True
    ).stdout.split()
    with reading(ran.engine) as conn:
        found = counts(conn)

    assert keys
    assert len(keys) == len(set(keys))
    assert len(shards) == found.shards


def test_the_checkpoint_is_whole_and_names_its_data(ran: Ran) -> None:
    """Every file has its digest, and the shards it has read are named."""
    manifest = verify_checkpoint(list_checkpoints(ran.system.home.root / "checkpoints")[-1])

    assert manifest.step == PLAN.training_steps
    assert manifest.tokens_seen == PLAN.training_steps * 128
    assert manifest.data.shards


@pytest.mark.parametrize("process", ["broker", "watcher", "worker", "sealer", "auditor", "trainer", "eval", "console"])
def test_each_process_serves_metrics_and_health(ran: Ran, process: str) -> None:
    """/metrics holds the build and, for those that have some, the process's own figures; /healthz is ok."""
    with urllib.request.urlopen(ran.system.metrics_url(process), timeout=10) as answer:
        text = answer.read().decode()
    with urllib.request.urlopen(ran.system.metrics_url(process).replace("metrics", "healthz"), timeout=10) as answer:
        health = answer.read().decode()

    own = {
        "worker": "streams",
        "watcher": "streams",
        "sealer": "streams",
        "auditor": "streams",
        "trainer": "trainer",
        "eval": "eval",
    }
    assert "sheetstream_build_info" in text
    assert f"sheetstream_{own.get(process, 'build')}_" in text
    assert health == "ok\n"


def test_scores_reach_the_metrics(ran: Ran) -> None:
    """The benchmark's gauges hold base model and checkpoint."""
    with urllib.request.urlopen(ran.system.metrics_url("eval"), timeout=10) as answer:
        text = answer.read().decode()

    assert 'measure="perplexity",model="base"' in text
    assert 'measure="perplexity",model="latest"' in text


def test_status_answers_while_it_runs(ran: Ran) -> None:
    """status as JSON shows all processes running and nothing waiting."""
    done = command(ran, "status", "--json")
    state = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert {process["state"] for process in state["processes"]} == {"running"}
    assert state["records_waiting"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("links",),
        ("links", "conflicts"),
        ("repo", "list"),
        ("sheet", "list"),
        ("shards", "list"),
        ("checkpoints", "list"),
    ],
)
def test_reading_commands_answer_while_it_runs(ran: Ran, arguments: tuple[str, ...]) -> None:
    """Each command finds something and says it as JSON."""
    done = command(ran, *arguments, "--json")

    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)


def test_the_console_shows_a_link_with_both_ends(ran: Ran) -> None:
    """From the list of links to one link's page with code, passage, evidence and history."""
    with urllib.request.urlopen(f"{ran.system.console_url}links.json", timeout=20) as answer:
        link = json.loads(answer.read())["links"][0]
    with urllib.request.urlopen(f"{ran.system.console_url}links/{link['link_id']}", timeout=20) as answer:
        page = answer.read().decode()

    assert link["name"] in page
    assert "Evidence" in page
    assert 'class="hit"' in page


def test_a_poison_datasheet_stops_nothing(ran: Ran, tmp_path: Path) -> None:
    """A file that is no PDF ends as a dead letter with its reason, and the next commit still flows."""
    poison = tmp_path / "poison.pdf"
    poison.write_bytes(b"%PDF-1.7\nthis is not a datasheet")
    assert command(ran, "sheet", "add", str(poison), "--force").returncode == 0

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = command(ran, "dlq", "list", "--json")
        if json.loads(done.stdout or "[]"):
            break
        time.sleep(1)

    letters = json.loads(done.stdout)
    assert letters[0]["agent"] == "sheets"
    assert letters[0]["reason"] in ("pdf", "truncated", "not_pdf")
