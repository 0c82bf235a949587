"""Wait for what the system is to come to: the stream drained, shards sealed, the run finished, a checkpoint decided.

Everything is asked from outside (ledger, broker, folders), the way a person would.
"""

import time
from collections.abc import Callable, Mapping

from deploy.demo.show import Update
from deploy.local.errors import LocalError
from deploy.local.launch import System, log_tail
from deploy.local.state import system_state

LOOK_SECONDS = 1.0
QUIET_LOOKS = 2  # the stream counts as drained after so many looks in a row that found nothing waiting
STAGE_SECONDS = 900.0


class DemoError(LocalError):
    """A stage of the demo did not come to its end; the message names it and what the logs say."""

    exit_code = 1


def await_drained(system: System, tips: Mapping[str, str], update: Update) -> None:
    """Return when every repository's head is its tip (by URL) and no record waits. Raises DemoError."""
    quiet = 0

    def is_drained() -> bool:
        nonlocal quiet
        state = system_state(system.home.root)
        if state.counts is None or state.records_waiting is None:
            return False
        waiting = state.records_waiting + state.counts.outbox
        links = sum(state.counts.links.values())
        update(0, 0, f"{state.counts.commits} commits, {links} links, {waiting} records waiting")
        quiet = quiet + 1 if _heads(system) == tips and waiting == 0 else 0
        return quiet >= QUIET_LOOKS

    wait_for(system, is_drained, "the stream")


def await_sealed(system: System, update: Update) -> None:
    """Return when every sample lies in a shard. Raises DemoError."""

    def is_sealed() -> bool:
        counts = system_state(system.home.root, ask_kafka=False).counts
        waiting = counts.samples.get("pending", 0) if counts else 0
        update(0, 0, f"{waiting} samples waiting")
        return counts is not None and counts.shards > 0 and waiting == 0

    wait_for(system, is_sealed, "sealing")


def await_trained(system: System, *, max_steps: int, update: Update) -> None:
    """Return when the bounded training run has saved its last checkpoint. Raises DemoError."""
    from trainer.losses import read_losses
    from trainer.manifest import newest_checkpoint, read_manifest

    checkpoints = system.home.root / "checkpoints"

    def is_trained() -> bool:
        losses = list(read_losses(checkpoints))
        if losses:
            last = losses[-1]
            shown = "" if last.loss is None else f", loss {last.loss:.2f}"
            update(last.step, max_steps, f"step {last.step} of {max_steps}, {last.tokens} tokens{shown}")
        newest = newest_checkpoint(checkpoints)
        return newest is not None and read_manifest(newest).is_finished

    wait_for(system, is_trained, "training")


def await_decided(system: System, update: Update) -> None:
    """Return when the newest checkpoint is scored, decided, and released if it is to be. Raises DemoError."""
    from eval.result import list_results, read_result
    from trainer.manifest import checkpoint_digest, list_checkpoints

    root = system.home.root
    digest = checkpoint_digest(list_checkpoints(root / "checkpoints")[-1])

    def is_decided() -> bool:
        results = [read_result(path) for path in list_results(root / "results")]
        update(len(results), 2, "base model scored" if results else "scoring the base model")
        found = next((result for result in results if result.model.digest == digest), None)
        if found is None or found.decision is None:
            return False
        return not found.decision.released or (root / "releases" / "registry.json").is_file()

    wait_for(system, is_decided, "scoring")


def wait_for(system: System, done: Callable[[], bool], what: str) -> None:
    """Return when done() says so. Raises DemoError when a process fails or nothing comes of it in time."""
    deadline = time.monotonic() + STAGE_SECONDS
    while not done():
        failed = [process for process in system.supervisor.states() if process.state == "failed"]
        if failed:
            name = failed[0].name
            raise DemoError(f"{what}: {name} keeps dying; its log ends with:\n{log_tail(system.home, name)}")
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not done within {STAGE_SECONDS:.0f} s; logs are in {system.home.logs}")
        time.sleep(LOOK_SECONDS)


def _heads(system: System) -> dict[str, str | None]:
    from streams.config import StreamsSettings
    from streams.ledger.engine import open_ledger, reading
    from streams.ledger.sources import list_repositories

    engine = open_ledger(StreamsSettings(home=system.home.root).database_url)
    with reading(engine) as conn:
        heads = {repository.url: repository.head for repository in list_repositories(conn)}
    engine.dispose()
    return heads
