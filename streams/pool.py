"""A process of our own for parsing and linking: the event loop goes on, and its memory goes back when it idles.

The process is spawned with the first call, and ends with its parent however that ends, or after a time without work.
"""

import functools
import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from streams.failpoints import Failpoints, Point
from streams.lifeline import die_with_parent

IDLE_SECONDS = 30.0
MAX_CALLS = 500  # then a fresh process, whatever the old one had leaked

P = ParamSpec("P")
R = TypeVar("R")


class Pool:
    """Runs pure functions in another process; calls may come from several threads."""

    def __init__(
        self, *, workers: int = 1, idle_seconds: float = IDLE_SECONDS, failpoints: Failpoints | None = None
    ) -> None:
        self._workers = workers
        self._idle_seconds = idle_seconds
        self._failpoints = failpoints or Failpoints()
        # Linux ends a process with the thread that started it (prctl(2)), so one thread of ours starts them all.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pool")
        self._executor: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._calls = 0
        self._last_used = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._starter.submit(self._close).result()
        self._starter.shutdown()

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return function(*args); it and its arguments travel by pickle. Raises BrokenProcessPool when it died."""
        with self._lock:
            self._calls += 1
        try:
            future: Future[R] = self._starter.submit(
                self._submit, functools.partial(function, *args, **kwargs)
            ).result()
            self._failpoints.hit(Point.POOL_CALLED)
            answer = future.result()
            self._failpoints.hit(Point.POOL_ANSWERED)
            return answer
        finally:
            with self._lock:
                self._calls -= 1
                self._last_used = time.monotonic()

    def release_idle(self) -> None:
        """End the process if it had no work for a while; the next call starts another."""
        with self._lock:
            idle = not self._calls and time.monotonic() - self._last_used > self._idle_seconds
        if idle and self._executor is not None:
            self._starter.submit(self._close)

    def abort(self) -> None:
        """End the process at once; a call that is under way raises BrokenProcessPool."""
        for child in multiprocessing.active_children():
            child.kill()

    def _submit(self, work: Callable[[], R]) -> Future[R]:
        if self._executor is not None:
            try:
                return self._executor.submit(work)
            except BrokenProcessPool:
                self._close()
        self._executor = ProcessPoolExecutor(
            max_workers=self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=die_with_parent,
            max_tasks_per_child=MAX_CALLS,
        )
        return self._executor.submit(work)

    def _close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None
