"""One prompt to one server: the `openai` client, its faults as closed words, bounded repetitions with back-off.

A server that does not know JSON schemas is asked for a JSON object, then for plain text, and so from then on; what
comes back is checked against the schema either way. Parameters it refuses are left out, or given their newer name.
Redirects are not followed: a prompt goes where it was meant to go.
"""

import json
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import openai

from mapper.linking.asking.prompts import Prompt
from streams.llm.usage import Unanswered

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 4
MAX_TIMEOUTS = 2
"""Attempts at a prompt whose answer does not come in time."""
FIRST_WAIT_SECONDS = 0.5
MAX_WAIT_SECONDS = 20.0
MAX_RETRY_AFTER_SECONDS = 60.0
"""A server that wants more patience than this is left alone."""
UNKNOWN_PARAMETER = (openai.BadRequestError, openai.UnprocessableEntityError)
SETTING_OF_STATUS = {401: "llm_api_key", 403: "llm_api_key", 404: "llm_base_url or llm_model", 405: "llm_base_url"}
Format = Literal["json_schema", "json_object", "plain"]
PARAMETERS: dict[str, float] = {"temperature": 0}
"""What is asked for besides the prompt; answers are kept under it too."""
OPTIONAL = ("max_tokens", *PARAMETERS)
"""Parameters that newer models refuse: the limit has another name there, the temperature is fixed."""
FORMATS: tuple[Format, ...] = ("json_schema", "json_object", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered; token counts are None where it did not say."""

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None


class NoReplyError(Exception):
    """A prompt got no usable answer; `cost` are the tokens that the server says it took nonetheless."""

    def __init__(self, reason: Unanswered, message: str, cost: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.reason: Unanswered = reason
        self.cost = cost


class Wire:
    """A server and a model on it; may be shared by threads."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None,
        timeout_seconds: float,
        count_request: Callable[[], None] = lambda: None,
    ) -> None:
        logging.getLogger("openai").setLevel(logging.WARNING)  # at DEBUG it logs whole prompts
        self._model = model
        self._count_request = count_request
        self._given_up = threading.Event()
        self._format: Format = FORMATS[0]
        self._left_out: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # the client wants one; a server without keys ignores it
            timeout=timeout_seconds,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(follow_redirects=False, timeout=timeout_seconds),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def give_up(self) -> None:
        """Wait for no server any more: what is under way ends with its present attempt."""
        self._given_up.set()

    def ask(self, prompt: Prompt, max_tokens: int) -> Reply:
        """Return the server's answer to a prompt. Raises NoReplyError when there is none after all attempts."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._ask_once(prompt, max_tokens)
            except openai.APIError as error:
                wait = _wait(error, attempt)
                if wait is None or attempt == MAX_ATTEMPTS:
                    raise _as_no_reply(error) from error
                logger.info("llm: %s, attempt=%d, again in %.1f s", _as_no_reply(error).reason, attempt, wait)
                if self._given_up.wait(wait):
                    raise _as_no_reply(error) from error
            except ValueError as error:  # the client lets a body that is no JSON through as this
                raise NoReplyError("empty", "an answer that is no JSON") from error
        raise AssertionError("the last attempt returns or raises")

    def _ask_once(self, prompt: Prompt, max_tokens: int) -> Reply:
        while True:
            form, left_out = self._format, self._left_out
            try:
                return _reply(self._create(prompt, max_tokens, form, left_out))
            except UNKNOWN_PARAMETER as error:
                if _is_too_long(error) or not self._adapt(error, form, left_out):
                    raise

    def _adapt(self, error: openai.APIStatusError, form: Format, left_out: frozenset[str]) -> bool:
        """Say less from now on, as a server that refuses a request may want; False if nothing is left to leave out."""
        named = next((name for name in OPTIONAL if name not in left_out and _names(error, name)), None)
        with self._lock:
            if named is not None:
                self._left_out |= {named}
            elif form != FORMATS[-1] and self._format == form:
                self._format = FORMATS[FORMATS.index(form) + 1]
            elif form == FORMATS[-1]:
                return False
        logger.info("llm: the server refuses %s", named or form)
        return True

    def _create(self, prompt: Prompt, max_tokens: int, form: Format, left_out: frozenset[str]) -> Any:
        limit = "max_completion_tokens" if "max_tokens" in left_out else "max_tokens"
        extra: dict[str, Any] = {limit: max_tokens}
        extra |= {name: value for name, value in PARAMETERS.items() if name not in left_out}
        if form == "json_schema":
            schema = {"name": "answer", "strict": True, "schema": json.loads(prompt.schema)}
            extra["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif form == "json_object":
            extra["response_format"] = {"type": "json_object"}
        self._count_request()
        return self._client.chat.completions.create(
            model=self._model,
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            stream=False,
            **extra,
        )


def _reply(completion: Any) -> Reply:
    """Return what a completion says. The client does not check a server's types, so nothing is taken for granted."""
    usage = getattr(completion, "usage", None)
    prompt_tokens = _tokens(getattr(usage, "prompt_tokens", None))
    completion_tokens = _tokens(getattr(usage, "completion_tokens", None))
    cost = None if prompt_tokens is None or completion_tokens is None else (prompt_tokens, completion_tokens)
    choices = getattr(completion, "choices", None)
    if not isinstance(choices, list) or not choices:
        raise NoReplyError("empty", "an answer without choices", cost)
    message = getattr(choices[0], "message", None)
    finish = getattr(choices[0], "finish_reason", None)
    if finish == "content_filter" or getattr(message, "refusal", None):
        raise NoReplyError("refused", "refused by the model or a filter", cost)
    if finish == "length":
        raise NoReplyError("truncated", "the answer was longer than allowed", cost)
    text = getattr(message, "content", None)
    if not isinstance(text, str) or not text.strip():
        raise NoReplyError("empty", "an answer without text", cost)
    return Reply(text=text, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _wait(error: openai.APIError, attempt: int) -> float | None:
    """Return how long to wait before another attempt, None if none would help."""
    if isinstance(error, openai.APITimeoutError) and attempt >= MAX_TIMEOUTS:
        return None
    if isinstance(error, openai.APIStatusError):
        if error.status_code not in {408, 409, 429} and error.status_code < 500:
            return None
        if (asked := _retry_after(error.response.headers.get("retry-after"))) is not None:
            return asked if asked <= MAX_RETRY_AFTER_SECONDS else None
    elif not isinstance(error, openai.APIConnectionError):
        return None
    longest: float = min(MAX_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
    return longest * random.uniform(0.5, 1.0)


def _retry_after(header: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _as_no_reply(error: openai.APIError) -> NoReplyError:
    if isinstance(error, openai.APITimeoutError):
        return NoReplyError("timeout", "no answer in time (llm_timeout_seconds)")
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        if status == 429:
            return NoReplyError("rate_limited", "the server says: too many requests (llm_concurrency)")
        if status >= 500 or status in {408, 409}:
            return NoReplyError("server_error", f"the server fails with status {status}")
        if _is_too_long(error):
            return NoReplyError("too_long", "a prompt is too long for the model")
        setting = SETTING_OF_STATUS.get(status, "llm_base_url, llm_model")
        return NoReplyError("misconfigured", f"the server refuses with status {status}: see {setting}")
    if isinstance(error, openai.APIConnectionError):
        return NoReplyError(
            "unreachable", f"no connection, or one cut short (llm_base_url): {error.__cause__ or error}"
        )
    return NoReplyError("empty", "an answer that is no chat completion")


def _names(error: openai.APIStatusError, parameter: str) -> bool:
    """Say whether a refusal is about a parameter."""
    return error.param == parameter or f"'{parameter}'" in str(error.message)


def _is_too_long(error: openai.APIStatusError) -> bool:
    return error.code == "context_length_exceeded" or "context length" in str(error.message).lower()
