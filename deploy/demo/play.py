"""The demo: the generated vendor publishes its history, and the whole system runs on it once.

Nothing here is a short cut: the same processes, broker, trainer and benchmark as under `up`, only with a bounded
training run and short polling.
"""

import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.demo.show import Show, Update
from deploy.demo.vendor import Vendor, VendorRepository, build_vendor, publish
from deploy.demo.waiting import DemoError, await_decided, await_drained, await_sealed, await_trained
from deploy.local.config import LocalSettings
from deploy.local.launch import System, running
from deploy.local.state import SystemState, system_state

MARKER = ".sheetstream-demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much the demo does."""

    small: bool
    training_steps: int
    training_seconds: float
    learning_rate: float
    items_per_domain: int
    generations_per_domain: int
    publications: int
    """In how many steps the vendor publishes its history."""


FULL = Plan(
    small=False,
    training_steps=44,
    training_seconds=240.0,
    learning_rate=5e-5,
    items_per_domain=6,
    generations_per_domain=1,
    publications=4,
)
SMALL = Plan(
    small=True,
    training_steps=16,
    training_seconds=240.0,
    learning_rate=1e-4,  # fewer steps, each a longer one
    items_per_domain=4,
    generations_per_domain=1,
    publications=3,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A finished demo: where it lies and what it was made from."""

    home: Path
    vendor: Vendor
    state: SystemState
    seconds: Mapping[str, float]


def play(settings: LocalSettings, plan: Plan, show: Show) -> Played:
    """Run the demo in the folder `demo` below the home, in place of an earlier one. Raises LocalError."""
    settings = settings.model_copy(update={"home": settings.home / "demo"})
    home = settings.home
    start_clean(home)
    with show.stage("vendor writes datasheets and repositories"):
        vendor = build_vendor(home / "vendor", small=plan.small)
        published = Published(home / "published", vendor)
        build_demo_suite(home, vendor, plan)
    with ExitStack() as stack:
        with show.stage("start") as update:
            say = partial(_say, update)
            system = stack.enter_context(running(settings, environment=environment(plan), say=say))
        _flow(system, vendor, published, plan, show)
        state = system_state(home)
    return Played(home=home, vendor=vendor, state=state, seconds=dict(show.seconds))


def _say(update: Update, text: str) -> None:
    update(0, 0, text)


class Published:
    """What of the vendor the world can see: datasheets at fixed places, whose content its revisions replace."""

    def __init__(self, folder: Path, vendor: Vendor) -> None:
        self._folder = folder
        self._vendor = vendor
        folder.mkdir(parents=True)

    def sheets(self, revision: int) -> list[Path]:
        """Publish this revision (0 is the first) of every datasheet that has one, and return where they lie."""
        published = []
        for sheet in self._vendor.sheets:
            if revision < len(sheet.revisions):
                target = self._folder / f"{sheet.part.lower()}.pdf"
                temporary = target.with_suffix(".tmp")
                shutil.copyfile(sheet.revisions[revision], temporary)
                temporary.replace(target)
                published.append(target)
        return published


def start_clean(home: Path) -> None:
    """Make an empty folder for a demo, in place of an earlier demo's. Raises DemoError for a folder of another kind."""
    if home.exists():
        if not (home / MARKER).is_file():
            raise DemoError(
                f"{home}: not made by the demo, so it is left alone; set SHEETSTREAM_HOME to another folder"
            )
        if _holder(home) is not None:
            raise DemoError(f"{home}: another demo is running there (process {_holder(home)})")
        shutil.rmtree(home)
    home.mkdir(parents=True)
    (home / MARKER).touch()


def _holder(home: Path) -> int | None:
    from deploy.local.home import Home

    return Home(home).holder()


def environment(plan: Plan) -> dict[str, str]:
    """Return the settings that make a run short: quick polling, small shards, a bounded training run."""
    return {
        "SHEETSTREAM_POLL_SECONDS": "1",
        "SHEETSTREAM_SHARD_MAX_AGE_SECONDS": "5",
        "SHEETSTREAM_SHARD_MAX_SAMPLES": "64",
        "SHEETSTREAM_TRAIN_RECIPE": "embedded",
        "SHEETSTREAM_TRAIN_MAX_STEPS": str(plan.training_steps),
        "SHEETSTREAM_TRAIN_MAX_SECONDS": str(plan.training_seconds),
        "SHEETSTREAM_TRAIN_LEARNING_RATE": str(plan.learning_rate),
        "SHEETSTREAM_TRAIN_CHECKPOINT_EVERY_STEPS": str(plan.training_steps),
        "SHEETSTREAM_EVAL_GENERATION_ITEMS_PER_DOMAIN": str(plan.generations_per_domain),
    }


def build_demo_suite(home: Path, vendor: Vendor, plan: Plan) -> None:
    """Cut the benchmark from the newest published trees (in domain) and from a vendor never published (held out)."""
    from eval.suite.build import build_suite
    from eval.suite.items import SuiteSource

    sources = [
        SuiteSource(root=family, family=family.name, slice="held_out", licence="Apache-2.0")
        for family in sorted(vendor.held_out.iterdir())
        if family.is_dir()
    ]
    for repository in vendor.repositories:
        tree = home / "vendor" / "trees" / repository.name
        write_tree(repository, tree)
        sources.append(SuiteSource(root=tree, family=repository.name, slice="in_domain", licence="Apache-2.0"))
    build_suite(sources, home / "suite", items_per_domain=plan.items_per_domain, version="demo1")


def write_tree(repository: VendorRepository, target: Path) -> None:
    """Write the newest tree of a repository below a folder; of identical files one."""
    from streams.watch.git import GitMirror

    mirror = GitMirror(repository.path)
    paths = {blob: path for path, blob in mirror.tree(repository.milestones[-1]).items()}
    for blob, data in mirror.read_blobs(list(paths)):
        assert data is not None
        file = target / paths[blob]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _flow(system: System, vendor: Vendor, published: Published, plan: Plan, show: Show) -> None:
    with show.stage("first release flows through") as update:
        tips = publish_commits(vendor, 1, plan.publications)
        track(system, vendor, published.sheets(0))
        await_drained(system, tips, update)
    with show.stage("later commits and datasheet revisions") as update:
        for step in range(2, plan.publications + 1):
            tips = publish_commits(vendor, step, plan.publications)
            if step == plan.publications:
                published.sheets(1)
            await_drained(system, tips, update)
    with show.stage("shards are sealed") as update:
        await_sealed(system, update)
    with show.stage("trainer learns") as update:
        await_trained(system, max_steps=plan.training_steps, update=update)
    with show.stage("benchmark scores, gate decides") as update:
        await_decided(system, update)


def publish_commits(vendor: Vendor, step: int, steps: int) -> dict[str, str]:
    """Move every repository's branch so that this share of its history is public; returns its tip by location."""
    return {
        str(repository.path): publish(repository, max(0, len(repository.milestones) * step // steps - 1))
        for repository in vendor.repositories
    }


def track(system: System, vendor: Vendor, sheets: list[Path]) -> None:
    from streams.config import StreamsSettings
    from streams.ledger.engine import open_ledger, writing
    from streams.ledger.sources import add_repository, add_sheet_source, record_tip
    from streams.watch.git import EMPTY_TREE

    engine = open_ledger(StreamsSettings(home=system.home.root).database_url)
    with writing(engine) as conn:
        for sheet in sheets:
            add_sheet_source(conn, location=str(sheet), now=time.time())
        for repository in vendor.repositories:
            added = add_repository(conn, url=str(repository.path), now=time.time())
            record_tip(conn, added.repo_id, EMPTY_TREE)  # from the first commit, not from today's tip
    engine.dispose()
