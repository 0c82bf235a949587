"""A process of our own for parsing and linking: the event loop goes on, and its memory goes back when it idles.

What is parsed is untrusted, and a parser is C: each call has limits on memory, CPU time and time by the clock. The
process that exceeds one is killed, and the next call starts another. One call runs at a time, so that when the
process dies it is plain which call it died of: nobody else's is blamed.

The process is spawned with the first call, and ends with its parent however that ends, or after a time without work.
"""

import contextlib
import dataclasses
import logging
import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from streams.config import StreamsSettings
from streams.errors import PoolError
from streams.failpoints import Failpoints, Point
from streams.pool_child import Answer, Call, serve

logger = logging.getLogger(__name__)

IDLE_SECONDS = 30.0
MAX_CALLS = 500  # then a fresh process, whatever the old one had leaked
START_SECONDS = 60.0
END_SECONDS = 5.0
ATTEMPTS = 2  # for an item of several: what kills two processes is to blame, one may have died of something else

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may take; `name` is the first word of the reason when it takes more."""

    name: str = "call"
    memory_bytes: int | None = None
    """Address space beyond what the process has when the call starts; only Linux holds a process to it."""
    cpu_seconds: int | None = None
    wall_seconds: float | None = None


UNLIMITED = Limits()


def parse_limits(settings: StreamsSettings) -> Limits:
    """Return what parsing one file may take."""
    return Limits(
        name="parse",
        memory_bytes=settings.parse_memory_bytes,
        cpu_seconds=settings.parse_cpu_seconds,
        wall_seconds=settings.parse_timeout_seconds,
    )


def map_limits(settings: StreamsSettings) -> Limits:
    """Return what mapping a repository may take."""
    return Limits(
        name="map",
        memory_bytes=settings.map_memory_bytes,
        cpu_seconds=settings.map_cpu_seconds,
        wall_seconds=settings.map_timeout_seconds,
    )


class Pool:
    """Runs pure functions in another process, one at a time; calls may come from several threads."""

    def __init__(
        self,
        *,
        limits: Limits = UNLIMITED,
        idle_seconds: float = IDLE_SECONDS,
        failpoints: Failpoints | None = None,
    ) -> None:
        self._limits = limits
        self._failpoints = failpoints or Failpoints()
        self._idle_seconds = idle_seconds
        # Linux ends a process with the thread that started it (prctl(2)), so one thread of ours starts and asks them.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pool")
        self._child: _Child | None = None
        self._lock = threading.Lock()
        self._calls = 0
        self._last_used = 0.0
        self._aborted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return function(*args) within the pool's limits; it and its arguments travel by pickle.

        Raises PoolError, with a reason, when the process exceeded a limit or died.
        """
        call = Call(function=function, items=(args,), keywords=kwargs)
        (answer,) = self._run(call, self._limits, attempts=1)
        if isinstance(answer, PoolError):
            raise answer
        if answer.error is not None:
            raise answer.error
        return cast(R, answer.value)

    def call_each(
        self, function: Callable[..., R], items: Sequence[tuple[Any, ...]], limits: Limits
    ) -> list[R | PoolError]:
        """Return function(*item) for each item, each within these limits; all travel at once.

        In place of an item that exceeds a limit or of which the process dies, twice, or that makes the function raise,
        there is a PoolError; the others are not touched by it. Raises PoolError when the pool was stopped.
        """
        answers = self._run(Call(function=function, items=tuple(items)), limits, attempts=ATTEMPTS)
        return [_value(answer, limits) for answer in answers]

    def release_idle(self) -> None:
        """End the process if it had no work for a while; the next call starts another."""
        with self._lock:
            idle = not self._calls and time.monotonic() - self._last_used > self._idle_seconds
        if idle and self._child is not None:
            self._thread.submit(self._close)

    def abort(self) -> None:
        """End the process at once and for good; calls that are under way or still come raise PoolError."""
        self._aborted = True
        child = self._child
        if child is not None:
            child.process.kill()

    def _run(self, call: Call, limits: Limits, *, attempts: int) -> list[Answer | PoolError]:
        with self._lock:
            self._calls += 1
        try:
            future = self._thread.submit(self._answers, call, limits, attempts)
            self._failpoints.hit(Point.POOL_CALLED)
            answers = future.result()
            self._failpoints.hit(Point.POOL_ANSWERED)
            return answers
        finally:
            with self._lock:
                self._calls -= 1
                self._last_used = time.monotonic()

    def _answers(self, call: Call, limits: Limits, attempts: int) -> list[Answer | PoolError]:
        """Return an answer for each item; after a death another process goes on with the item it died of."""
        answers: list[Answer | PoolError] = []
        tries = 0
        while len(answers) < len(call.items):
            known = len(answers)
            try:
                for answer in self._ask(dataclasses.replace(call, items=call.items[known:]), limits):
                    answers.append(answer)
            except PoolError as error:
                self._close()
                if self._aborted:
                    raise
                tries = tries + 1 if len(answers) == known else 1
                logger.warning("pool process lost attempt=%d of=%d error=%s", tries, attempts, error)
                if tries >= attempts:
                    answers.append(error)
                    tries = 0
        return answers

    def _ask(self, call: Call, limits: Limits) -> Iterator[Answer]:
        """Yield the answers of one process, item by item. Raises PoolError where it ends."""
        if self._child is not None and self._child.calls >= MAX_CALLS:
            self._close()
        if self._child is None and not self._aborted:
            self._child = _Child()
        child = self._child
        if child is None or self._aborted:
            raise PoolError(f"{limits.name}: the pool was stopped", reason="stopped")
        yield child.ask(call, limits)
        for _ in call.items[1:]:
            yield child.answer(limits)

    def _close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        """Start the process; return when it takes calls. Raises PoolError when it does not come to that."""
        context = multiprocessing.get_context("spawn")
        self.calls = 0
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(theirs,), daemon=True, name="sheetstream-pool")
        self.process.start()
        theirs.close()
        with self._within(Limits(name="start", wall_seconds=START_SECONDS)):
            self.pipe.recv_bytes()

    def ask(self, call: Call, limits: Limits) -> Answer:
        """Send a call and return its first answer. Raises PoolError when the process ends before it."""
        self.calls += 1
        request = dataclasses.replace(call, memory_bytes=limits.memory_bytes, cpu_seconds=limits.cpu_seconds)
        with self._within(limits):
            self.pipe.send_bytes(pickle.dumps(request))
            return self._receive(limits)

    def answer(self, limits: Limits) -> Answer:
        """Return the next answer. Raises PoolError when the process ends before it."""
        with self._within(limits):
            return self._receive(limits)

    def end(self) -> None:
        """Let the process end; kill it if it does not."""
        self.pipe.close()
        self.process.join(END_SECONDS)
        self.process.kill()
        self.process.join()

    def _receive(self, limits: Limits) -> Answer:
        answer: Answer = pickle.loads(self.pipe.recv_bytes())  # noqa: S301 - from our child
        if answer.is_out_of_memory:
            text = f"{limits.name}: more memory needed than the limit of {limits.memory_bytes} bytes"
            raise PoolError(text, reason=f"{limits.name}_memory")
        return answer

    @contextlib.contextmanager
    def _within(self, limits: Limits) -> Iterator[None]:
        """Kill the process when the block takes too long; turn its end, for whatever reason, into a PoolError."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.process.kill()

        timer = None if limits.wall_seconds is None else threading.Timer(limits.wall_seconds, expire)
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        except (EOFError, OSError):
            raise self._death(limits, is_late=expired.is_set()) from None
        finally:
            if timer is not None:
                timer.cancel()

    def _death(self, limits: Limits, *, is_late: bool) -> PoolError:
        """Return what the process died of, once it is gone."""
        self.process.join(END_SECONDS)
        status = self.process.exitcode
        if is_late:
            reason, text = "timeout", f"longer than {limits.wall_seconds:g} s"
        elif status == -signal.SIGXCPU:
            reason, text = "timeout", f"more than {limits.cpu_seconds} s of CPU time"
        else:
            reason, text = "crash", f"the process died ({_name(status)})"
        return PoolError(f"{limits.name}: {text}", reason=f"{limits.name}_{reason}")


def _value(answer: Answer | PoolError, limits: Limits) -> Any:
    if isinstance(answer, PoolError):
        return answer
    if answer.error is None:
        return answer.value
    logger.error("pool: %s failed", limits.name, exc_info=answer.error)
    return PoolError(f"{limits.name}: {type(answer.error).__name__}: {answer.error}", reason=f"{limits.name}_crash")


def _name(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
