"""The language model that a mapping asks: cache, then budget, then the server, several prompts at once.

It never raises over a question: one without an answer is None, counted by reason, and what the rules say stands. When
the server refuses key or model, or can not be reached several times in a row, nothing more is asked, so a run ends.
"""

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from mapper.linking.asking.answers import AnswerError, read_answer
from mapper.linking.asking.material import refusal
from mapper.linking.asking.prompts import Prompt, render
from mapper.linking.asking.questions import Answer, Question
from streams.config import StreamsSettings
from streams.errors import LlmError
from streams.llm.budget import Booking, Budget
from streams.llm.store import FILE, Kept, Store
from streams.llm.tokens import TokenCounter, answer_tokens, counter
from streams.llm.usage import Meter, Unanswered, Usage
from streams.llm.wire import PARAMETERS, NoReplyError, Reply, Wire

logger = logging.getLogger(__name__)

MAX_FAILURES = 3
"""Prompts in a row that no server took, after which it counts as dead."""
NOT_SERVED: frozenset[Unanswered] = frozenset({"unreachable", "timeout", "server_error"})
MAY_COST: frozenset[Unanswered] = frozenset({"timeout", "empty", "truncated", "refused"})
"""Where a server says nothing of tokens, these count as the prompt's."""


class ChatModel:
    """A model on an OpenAI-compatible server. Blocking; several threads may share it."""

    def __init__(self, *, name: str, wire: Wire, tokens: TokenCounter, store: Store, budget: Budget, meter: Meter,
                 concurrency: int, may_send_restricted: bool, thinking_tokens: int) -> None:  # fmt: skip
        self.name = name
        self._wire = wire
        self._tokens = tokens
        self._store = store
        self._budget = budget
        self._meter = meter
        self._concurrency = concurrency
        self._may_send_restricted = may_send_restricted
        self._thinking_tokens = thinking_tokens
        self._lock = threading.Lock()
        self._failures = 0
        self._fault: NoReplyError | None = None

    @property
    def usage(self) -> Usage:
        """Return what was asked so far, and what it took."""
        return self._meter.usage()

    @property
    def fault(self) -> LlmError | None:
        """Return why nothing more is asked, None if the server is well. Reason: misconfigured or what it died of."""
        return None if self._fault is None else LlmError(f"language model: {self._fault}", reason=self._fault.reason)

    def complete(self, questions: Sequence[Question]) -> Sequence[Answer | None]:
        """Return an answer for each question, None for those without one; a repeated question is asked once."""
        slots = threading.BoundedSemaphore(self._concurrency)
        pending: dict[str, Future[Answer | None]] = {}
        keys: list[str | None] = []
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="llm") as pool:
            try:
                for question in questions:
                    self._meter.count(num_prompts=1)
                    key = self._key_if_allowed(question)
                    if key is not None and key not in pending:
                        slots.acquire()  # budget is looked at in order, when what is under way leaves room
                        future = pool.submit(self._answer, question, key)
                        future.add_done_callback(lambda _: slots.release())
                        pending[key] = future
                    keys.append(key)
                return [None if key is None else pending[key].result() for key in keys]
            except BaseException:
                self._wire.give_up()  # who is interrupted does not wait for the patience with a server
                raise

    def give_up(self) -> None:
        """Send nothing more; a request under way ends with its present attempt."""
        self._fault = NoReplyError("unreachable", "given up")
        self._wire.give_up()

    def close(self) -> None:
        """Close the server's connections and the store."""
        self._wire.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _max_tokens(self, question: Question) -> int:
        return answer_tokens(question) + self._thinking_tokens

    def _key_if_allowed(self, question: Question) -> str | None:
        """Return what a question's answer is kept under, None if it must not be sent."""
        reason: Unanswered | None = refusal(question)
        if question.copy_restricted and not self._may_send_restricted:
            reason = "copy_restricted"
        if reason is not None:
            logger.warning("llm: withheld level=%s sheet=%s reason=%s", question.level, question.sheet_file, reason)
            self._meter.leave(reason)
            return None
        return key_of(render(question), self.name, self._max_tokens(question))

    def _answer(self, question: Question, key: str) -> Answer | None:
        try:
            return self._answer_or_ask(question, key)
        except sqlite3.Error as error:
            self._fault = NoReplyError("store", f"the store of answers ({FILE}) fails: {error}")
            self._meter.leave("store")
            return None

    def _answer_or_ask(self, question: Question, key: str) -> Answer | None:
        if (kept := self._store.find(key)) is not None:
            try:
                answer = read_answer(question, kept.text)
            except AnswerError:
                self._store.forget(key)  # damaged
            else:
                self._meter.count(num_cached=1)
                return answer
        if self._fault is not None:
            self._meter.leave(self._fault.reason)
            return None
        prompt, max_tokens = render(question), self._max_tokens(question)
        booking = self._budget.book(self._tokens.prompt(prompt) + max_tokens)
        if not isinstance(booking, Booking):
            self._meter.leave("run_budget" if booking == "run_budget" else "day_budget")
            return None
        return self._ask(question, prompt, max_tokens, booking, key)

    def _ask(self, question: Question, prompt: Prompt, max_tokens: int, booking: Booking, key: str) -> Answer | None:
        estimate = booking.tokens - max_tokens
        try:
            reply = self._wire.ask(prompt, max_tokens)
        except NoReplyError as error:
            self._note_failure(error)
            self._spend(booking, error.cost or (estimate if error.reason in MAY_COST else 0, 0))
            self._leave(question, prompt, error.reason)
            return None
        except BaseException:
            self._spend(booking, (0, 0))
            raise
        self._failures = 0
        cost = self._cost(reply, estimate)
        self._spend(booking, cost)
        try:
            read_answer(question, reply.text)
        except AnswerError as error:
            self._leave(question, prompt, error.reason)
            return None
        kept = self._store.keep(key, self.name, Kept(text=reply.text, prompt_tokens=cost[0], completion_tokens=cost[1]))
        self._meter.count(num_answered=1)
        logger.info("llm: answered level=%s prompt=%s tokens=%d+%d", question.level, prompt.digest[:16], *cost)
        return read_answer(question, kept.text)

    def _cost(self, reply: Reply, estimate: int) -> tuple[int, int]:
        """Return prompt and completion tokens: as the server says, else as counted here."""
        asked = estimate if reply.prompt_tokens is None else reply.prompt_tokens
        said = self._tokens.count(reply.text) if reply.completion_tokens is None else reply.completion_tokens
        return asked, said

    def _spend(self, booking: Booking, cost: tuple[int, int]) -> None:
        self._budget.settle(booking, sum(cost))
        self._meter.count(prompt_tokens=cost[0], completion_tokens=cost[1])

    def _leave(self, question: Question, prompt: Prompt, reason: Unanswered) -> None:
        logger.warning("llm: no answer level=%s prompt=%s reason=%s", question.level, prompt.digest[:16], reason)
        self._meter.leave(reason)

    def _note_failure(self, error: NoReplyError) -> None:
        with self._lock:
            self._failures = self._failures + 1 if error.reason in NOT_SERVED else 0
            if error.reason == "misconfigured" or self._failures >= MAX_FAILURES:
                self._fault = error


def open_model(settings: StreamsSettings, *, run_tokens: int | None = None) -> ChatModel:
    """Return the configured model; run_tokens replaces llm_max_tokens_per_run.

    Raises LlmError when a setting is missing, the key would go over an open line, the tokenizer is not prepared, or the
    store can not be opened. The server is not asked yet.
    """
    for name in ("llm_base_url", "llm_model"):
        if not getattr(settings, name):
            raise LlmError(f"{name}: not set (SHEETSTREAM_{name.upper()}); no language model to ask", reason="config")
    here = is_loopback(settings.llm_base_url)
    if settings.llm_api_key is not None and not here and urlsplit(settings.llm_base_url).scheme != "https":
        raise LlmError("llm_base_url: https expected where a key is sent to another machine", reason="config")
    tokens = counter(settings.cache)
    store = Store(settings.home / FILE)
    meter = Meter()
    per_run = settings.llm_max_tokens_per_run if run_tokens is None else run_tokens
    return ChatModel(
        name=settings.llm_model,
        wire=Wire(
            base_url=settings.llm_base_url,
            model=settings.llm_model,
            api_key=settings.llm_api_key.get_secret_value() if settings.llm_api_key is not None else None,
            timeout_seconds=settings.llm_timeout_seconds,
            count_request=lambda: meter.count(num_requests=1),
        ),
        tokens=tokens,
        store=store,
        budget=Budget(store, per_run=per_run, per_day=settings.llm_max_tokens_per_day),
        meter=meter,
        concurrency=settings.llm_concurrency,
        may_send_restricted=here or settings.llm_send_restricted,
        thinking_tokens=settings.llm_thinking_tokens,
    )


def key_of(prompt: Prompt, model: str, max_tokens: int) -> str:
    """Return what an answer is kept under: prompt, model and parameters."""
    parts = [prompt.digest, model, {**PARAMETERS, "max_tokens": max_tokens}]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_loopback(url: str) -> bool:
    """Say whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
