"""The long-running benchmark: score each new checkpoint, let the gate decide, publish what it lets pass.

It polls folders and is light until there is something to score: torch is imported then, and the process starts afresh
after it has idled for a while. All it knows is in the results and the registry, so it can be killed at any point: a
result without its release is released at the next start.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry

from eval.config import EvalSettings
from eval.errors import EvalError, NotFoundError, ResultError
from eval.gate import Margins, decide
from eval.metrics import EvalMetrics
from eval.notes import release_notes
from eval.registry import LATEST, Registry
from eval.result import Decision, Result, list_results, read_result, result_path, write_result
from eval.run import size_settings
from eval.suite.items import Suite, load_suite, suite_digest
from trainer.errors import CheckpointError
from trainer.manifest import checkpoint_digest, list_checkpoints, read_manifest

logger = logging.getLogger(__name__)

HELD_DIR = ".candidates"  # below releases: links to the checkpoint being scored, so that pruning can't take it away


class _StoppedError(Exception):
    """The process was asked to end while it was scoring."""


def run(
    settings: EvalSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Watch the checkpoints until `stop` is set; returns by itself once torch was needed and is idle since long."""
    watcher = Watcher(settings, EvalMetrics(registry))
    watcher.restore()
    worked_at: float | None = None

    def alive(_done: int = 0) -> None:
        beat()
        if stop.is_set():
            raise _StoppedError

    try:
        while not stop.is_set():
            alive()
            if watcher.look(alive):
                worked_at = time.monotonic()
            elif worked_at is not None and time.monotonic() - worked_at > settings.idle_release_seconds:
                return
            else:
                stop.wait(settings.poll_seconds)
    except _StoppedError:
        logger.info("stopped while scoring: the checkpoint will be scored again")


class Watcher:
    """One pass at a time over the checkpoints folder."""

    def __init__(self, settings: EvalSettings, metrics: EvalMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._releases = Registry(settings.releases_dir)
        self._results: dict[str, Result] = {}
        """Stored results by model digest, of the suite and sizes in force."""
        self._suite_sha256: str | None = None
        self._failed: set[str] = set()
        self._decided: set[str] = set()

    def restore(self) -> None:
        """Export what the stored results say, and release what was decided but not yet released."""
        shutil.rmtree(self._settings.releases_dir / HELD_DIR, ignore_errors=True)
        self._suite_sha256 = suite_digest(self._settings.suite_dir)
        if self._suite_sha256 is None:
            logger.warning(
                "no suite in %s: no checkpoint is scored until `sheetstream eval build` makes one",
                self._settings.suite_dir,
            )
        self._results = {}
        for path in list_results(self._settings.results_dir):
            try:
                result = read_result(path)
            except ResultError as error:
                logger.warning("left out: %s", error)
                continue
            if result.decision is not None and result.model.digest not in self._decided:
                self._decided.add(result.model.digest)
                self._metrics.count(result.decision)
            if result.suite_sha256 == self._suite_sha256 and result.settings == size_settings(self._settings):
                self._results[result.model.digest] = result
        self._publish_missed()
        self._show()

    def look(self, beat: Callable[[int], None]) -> bool:
        """Score what is to be scored, and return whether there was anything."""
        found = suite_digest(self._settings.suite_dir)
        if found != self._suite_sha256:
            self.restore()
        if found is None:
            self._metrics.pending.set(0)
            return False
        pending = self._pending()
        self._metrics.pending.set(len(pending))
        for folder, digest in pending:
            self._handle(folder, digest, beat)
            self._metrics.pending.dec()
        return bool(pending)

    def _pending(self) -> list[tuple[Path, str]]:
        """Return the checkpoints to score, oldest first; only the newest unless all are wanted."""
        waiting: list[tuple[Path, str]] = []
        for folder in reversed(list_checkpoints(self._settings.checkpoints_dir)):
            try:
                digest = checkpoint_digest(folder)
            except OSError:  # pruned meanwhile
                continue
            known = digest in self._failed
            scored = digest in self._results and self._results[digest].decision is not None
            if not (known or scored):
                waiting.append((folder, digest))
            if not self._settings.every_checkpoint:
                break
        return waiting[::-1]

    def _handle(self, folder: Path, digest: str, beat: Callable[[int], None]) -> None:
        try:
            suite = load_suite(self._settings.suite_dir)
            with self._held(folder) as held:
                candidate = self._score(held, suite, beat)
                reference = self._reference(candidate, suite, beat)
                margins = Margins(
                    domain=self._settings.domain_margin,
                    general=self._settings.general_margin,
                    require_improvement=self._settings.require_improvement,
                    resamples=self._settings.resamples,
                    seed=self._settings.seed,
                )
                decision = decide(reference, candidate, consistency=candidate.consistency, margins=margins)
                candidate = replace(candidate, decision=decision)
                self._store(candidate)
                self._report(candidate, decision)
                if decision.released:
                    self._publish(held, candidate, reference)
        except (EvalError, CheckpointError, shutil.Error) as error:
            if not folder.exists():
                logger.info("checkpoint=%s was removed before it was scored", folder.name)
                return
            self._failed.add(digest)
            self._metrics.failures.inc()
            logger.error("checkpoint=%s cannot be scored: %s", folder.name, error)
        except OSError as error:  # such as no space left: nothing to be done about this checkpoint
            raise EvalError(f"{error.filename or self._settings.home_dir}: {error.strerror or error}") from error
        self._show()

    def _score(self, held: Path, suite: Suite, beat: Callable[[int], None]) -> Result:
        from eval.scorer import score_checkpoint

        base = read_manifest(held).base_model.sha256
        candidate, before = score_checkpoint(held, suite, self._settings, beat, with_base=base not in self._results)
        if before is not None:
            self._store(before)
        return candidate

    def _reference(self, candidate: Result, suite: Suite, beat: Callable[[int], None]) -> Result:
        """Return the result to compare with: the latest release's, or the base model's where there is no other."""
        try:
            listed = self._releases.state().find(LATEST)
        except NotFoundError:
            return self._results[candidate.model.base_sha256]
        if listed.checkpoint_digest == candidate.model.digest:
            return self._results[candidate.model.base_sha256]
        if listed.checkpoint_digest not in self._results:
            from eval.scorer import score_release

            release = self._releases.verify(listed.release_id)
            folder = self._releases.folder / listed.release_id
            again = score_release(folder, release, suite, self._settings, beat)
            self._results[listed.checkpoint_digest] = again
            if not result_path(self._settings.results_dir, again.model, again.suite_version).exists():
                write_result(self._settings.results_dir, again)  # never in place of the result with its decision
        return self._results[listed.checkpoint_digest]

    def _store(self, result: Result) -> None:
        write_result(self._settings.results_dir, result)
        self._results[result.model.digest] = result

    def _report(self, candidate: Result, decision: Decision) -> None:
        self._decided.add(candidate.model.digest)
        self._metrics.count(decision)
        outcome = "released" if decision.released else "refused: " + "; ".join(decision.reasons)
        logger.info("checkpoint=%s compared_with=%s %s", candidate.model.name, decision.reference.name, outcome)

    def _publish(self, checkpoint: Path, candidate: Result, reference: Result) -> None:
        self._releases.publish(
            checkpoint,
            candidate.model.digest,
            read_manifest(checkpoint),
            candidate,
            lambda release: release_notes(release, reference, candidate),
        )

    def _publish_missed(self) -> None:
        """Release what a crash between decision and release left behind, where its checkpoint is still there."""
        released = {listed.checkpoint_digest for listed in self._releases.state().releases}
        for folder in list_checkpoints(self._settings.checkpoints_dir):
            try:
                candidate = self._results.get(checkpoint_digest(folder))
                if candidate is None or candidate.decision is None or not candidate.decision.released:
                    continue
                reference = self._results.get(candidate.decision.reference.digest)
                if candidate.model.digest not in released and reference is not None:
                    self._publish(folder, candidate, reference)
            except (EvalError, CheckpointError, OSError) as error:
                logger.error("checkpoint=%s was let pass but cannot be released: %s", folder.name, error)

    def _show(self) -> None:
        """Export the scores of the base model, the latest checkpoint and the released one."""
        by_age = sorted(self._results.values(), key=lambda result: (result.model.created_at or 0.0, result.created_at))
        for result in by_age:
            if result.model.kind == "base":
                self._metrics.show("base", result)
            elif result.decision is not None:
                self._metrics.show("latest", result)
                self._metrics.show_regression(result.decision)
        if by_age:
            self._metrics.scored(max(by_age, key=lambda result: result.created_at))
        state = self._releases.state()
        if LATEST in state.aliases:
            released = self._results.get(state.find(LATEST).checkpoint_digest)
            if released is not None:
                self._metrics.show("released", released)

    @contextmanager
    def _held(self, folder: Path) -> Iterator[Path]:
        """Give a copy of a checkpoint made of links, under the same name, that lasts as long as it is needed."""
        held = self._settings.releases_dir / HELD_DIR / folder.name
        shutil.rmtree(held, ignore_errors=True)
        held.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copytree(folder, held, copy_function=_link)
            yield held
        finally:
            shutil.rmtree(held, ignore_errors=True)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target
