"""The language model beside the links agent: asked between two runs of a mapping, never inside one.

A mapping runs in the pool's process, under its limits, and is given what is known; what it would ask beyond that comes
back. It is asked here, in the agent's thread, several prompts at once, and the mapping runs again with the answers. A
server that can not be asked now keeps the record waiting; a circuit lets nobody try again too soon.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mapper.linking.asking.questions import Question
from mapper.linking.asking.said import answer_text, digest_of
from streams.agents.remap import Remapped, Unanswered
from streams.config import StreamsSettings
from streams.errors import LlmError, LlmWaitError
from streams.metrics import StreamsMetrics

if TYPE_CHECKING:
    from streams.llm import ChatModel, Usage

logger = logging.getLogger(__name__)

MAX_ROUNDS = 4
"""Runs of one mapping: files are asked about, then symbols of the files chosen, then all is known; and one to spare."""
ASK_SECONDS = 300.0
"""How long one try asks; then the record is tried again, with the answers kept so far, so that it counts as alive."""
SLICE = 32
"""Prompts given to the model at once."""
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 60.0
NOT_NOW = frozenset({"rate_limited", "server_error", "timeout", "unreachable", "misconfigured", "store"})
"""Why a prompt has no answer yet; of streams.llm.usage. Any other reason is an answer: the rules decide."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What asking took."""

    prompts: int = 0
    """Requests that the server was sent, repetitions included."""
    tokens: int = 0

    def plus(self, other: "Spent", sign: int = 1) -> "Spent":
        """Return the sum."""
        return Spent(self.prompts + sign * other.prompts, self.tokens + sign * other.tokens)


class Asker:
    """Asks a language model what mappings leave open. Blocking; may be used by several threads."""

    def __init__(
        self, settings: StreamsSettings, metrics: StreamsMetrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.model = settings.llm_model if settings.llm_policy == "undecided" else ""
        """The model's name; empty: none is asked."""
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._open: set[ChatModel] = set()
        self._is_stopped = False
        self._spent: dict[str, Spent] = {}
        self._faults = 0
        self._ask_again_at = 0.0
        self._reason = ""

    def until_known(
        self, repo_id: str, run: Callable[[Mapping[str, str | None]], Remapped | Unanswered]
    ) -> tuple[Remapped, float]:
        """Return what a mapping comes to when nothing is left to ask, and the CPU seconds of all its runs.

        Raises LlmWaitError when the model can not be asked now: what it answered so far is kept.
        """
        answers: dict[str, str | None] = {}
        started, seconds = self._clock(), 0.0
        for _ in range(MAX_ROUNDS):
            found = run(answers)
            seconds += found.cpu_seconds
            if isinstance(found, Remapped):
                return found, seconds
            self._check_circuit()
            with self._model(repo_id) as model:
                for start in range(0, len(found.questions), SLICE):
                    if self._clock() - started > ASK_SECONDS:
                        raise LlmWaitError("language model: there is more to ask; what it said is kept", reason="more")
                    answers |= self._ask(model, found.questions[start : start + SLICE])
        raise AssertionError(f"a mapping that asks more than {MAX_ROUNDS - 1} times")

    def spent(self, repo_id: str) -> Spent:
        """Return what was spent on a repository and is not settled yet, by tries that failed too."""
        with self._lock:
            return self._spent.get(repo_id, Spent())

    def settle(self, repo_id: str, spent: Spent) -> None:
        """Take off what the ledger has noted."""
        with self._lock:
            self._spent[repo_id] = self._spent.get(repo_id, Spent()).plus(spent, -1)

    def stop(self) -> None:
        """Ask nothing more, and wait for no server longer than a request under way takes."""
        with self._lock:
            self._is_stopped = True
            for model in self._open:
                model.give_up()

    def _ask(self, model: "ChatModel", questions: Sequence[Question]) -> dict[str, str | None]:
        before = dict(model.usage.unanswered)
        answers = model.complete(questions)
        missing = {reason: n - before.get(reason, 0) for reason, n in model.usage.unanswered}
        waiting = sorted(reason for reason in NOT_NOW if missing.get(reason, 0) > 0)
        if waiting:
            self._break(str(model.fault or f"language model: {', '.join(waiting)}"), waiting[0])
        self._mend()
        return {digest_of(q): answer_text(answer) for q, answer in zip(questions, answers, strict=True)}

    @contextmanager
    def _model(self, repo_id: str) -> "Iterator[ChatModel]":
        """Give a model for one round: its run's budget is the event's, its faults are nobody else's."""
        from streams.llm import open_model  # the client is large, and of use to few

        left = max(0, self._settings.llm_max_tokens_per_run - self.spent(repo_id).tokens)
        try:
            model = open_model(self._settings, run_tokens=left)
        except LlmError as error:
            self._break(str(error), error.reason)
        with model:
            with self._lock:
                self._open.add(model)
                if self._is_stopped:
                    model.give_up()
            try:
                yield model
            finally:
                with self._lock:
                    self._open.discard(model)
                self._account(repo_id, model.usage)

    def _account(self, repo_id: str, usage: "Usage") -> None:
        spent = Spent(usage.num_requests, usage.prompt_tokens + usage.completion_tokens)
        with self._lock:
            self._spent[repo_id] = self._spent.get(repo_id, Spent()).plus(spent)
        for result, number in (("answered", usage.num_answered), ("cached", usage.num_cached), *usage.unanswered):
            self._metrics.llm_questions.labels(result).inc(number)
        logger.info("llm: repo_id=%s %s", repo_id, usage.line())

    def _check_circuit(self) -> None:
        with self._lock:
            left = self._ask_again_at - self._clock()
            reason = self._reason
        if left > 0:
            raise LlmWaitError(f"language model: asked again in {left:.0f} s, after: {reason}", reason=reason)

    def _break(self, why: str, reason: str) -> None:
        with self._lock:
            self._faults += 1
            self._reason = reason
            pause = min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (self._faults - 1))
            self._ask_again_at = self._clock() + pause
        self._metrics.llm_circuit_open.set(1)
        raise LlmWaitError(why, reason=reason)

    def _mend(self) -> None:
        with self._lock:
            self._faults, self._ask_again_at = 0, 0.0
        self._metrics.llm_circuit_open.set(0)
