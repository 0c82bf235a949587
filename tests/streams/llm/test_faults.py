"""Every way a server can fail, over real sockets and with the real client."""

import json
import socket
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest

from mapper.linking.asking.questions import Question
from streams.config import StreamsSettings
from streams.llm import ChatModel, open_model
from streams.llm.wire import MAX_ATTEMPTS

Make = Callable[..., Question]
OTHERS = '{"s1": "p7"}'


def reasons(model: ChatModel) -> dict[str, int]:
    return dict(model.usage.unanswered)


@pytest.mark.parametrize(
    ("content", "extra", "reason"),
    [
        ("no idea", {}, "json"),
        ('{"s1": ["p1"]}', {}, "schema"),
        (OTHERS, {}, "unknown_id"),
        ('{"s1": "p1"', {"finish": "length"}, "truncated"),
        ("", {}, "empty"),
        (None, {}, "empty"),
        (17, {}, "empty"),
        (None, {"refusal": "I can not help with that"}, "refused"),
        ('{"s1": "p1"}', {"finish": "content_filter"}, "refused"),
    ],
)
def test_what_is_no_answer_is_rejected_and_counted(
    server: Any, model: ChatModel, question: Make, content: object, extra: dict[str, Any], reason: str
) -> None:
    """The question stays open, its tokens count, and it is not asked twice."""
    server.script = lambda request, number: server.completion(content, **extra)

    assert model.complete([question()]) == [None]
    assert reasons(model) == {reason: 1}
    assert (model.usage.prompt_tokens, len(server.requests)) == (100, 1)


@pytest.mark.parametrize(
    "body", [{"choices": []}, {"choices": None}, {}, [], "text", {"choices": [{}]}, {"choices": [7]}]
)
def test_a_body_that_is_no_completion(server: Any, model: ChatModel, question: Make, body: object) -> None:
    """Nothing about a server's JSON is taken for granted."""
    server.script = lambda request, number: server.reply(body=body)

    assert model.complete([question()]) == [None]
    assert reasons(model) == {"empty": 1}


def test_a_body_that_is_no_json(server: Any, model: ChatModel, question: Make) -> None:
    """A proxy's page, served with status 200."""
    server.script = lambda request, number: server.reply(body=b"<html>welcome</html>")

    assert model.complete([question()]) == [None]
    assert reasons(model) == {"empty": 1}


def test_a_body_cut_short_is_asked_again(server: Any, model: ChatModel, question: Make) -> None:
    """A connection that closes in the middle of an answer is no answer."""
    server.script = lambda request, number: server.reply(
        body=server.completion(server.first_choice(request)).body, cut=number < 3
    )

    (answer,) = model.complete([question()])

    assert answer is not None
    assert len(server.requests) == 3


def test_too_many_requests_waits_as_long_as_asked(server: Any, model: ChatModel, question: Make) -> None:
    """Retry-After is honoured."""
    server.script = lambda request, number: (
        server.reply(429, {"error": {}}, {"Retry-After": "1"})
        if number == 1
        else server.completion(server.first_choice(request))
    )
    started = time.monotonic()

    (answer,) = model.complete([question()])

    assert answer is not None
    assert time.monotonic() - started >= 1.0


def test_a_server_that_asks_for_an_hour_is_left_alone(server: Any, model: ChatModel, question: Make) -> None:
    """No run waits that long."""
    server.script = lambda request, number: server.reply(429, {"error": {}}, {"Retry-After": "3600"})

    assert model.complete([question()]) == [None]
    assert (reasons(model), len(server.requests)) == ({"rate_limited": 1}, 1)


def test_a_passing_failure_is_asked_again(server: Any, model: ChatModel, question: Make) -> None:
    """500, then an answer."""
    server.script = lambda request, number: (
        server.reply(500, {"error": {}}) if number == 1 else server.completion(server.first_choice(request))
    )

    (answer,) = model.complete([question()])

    assert answer is not None
    assert model.usage.num_requests == len(server.requests) == 2


def test_attempts_are_bounded(server: Any, model: ChatModel, question: Make) -> None:
    """A server that always fails is asked MAX_ATTEMPTS times."""
    server.script = lambda request, number: server.reply(503, {"error": {}})

    assert model.complete([question()]) == [None]
    assert (reasons(model), len(server.requests)) == ({"server_error": 1}, MAX_ATTEMPTS)


def test_a_slow_answer_is_not_waited_for(server: Any, settings: StreamsSettings, question: Make) -> None:
    """The timeout of the settings holds; the prompt counts, since it may have cost."""
    server.script = lambda request, number: server.reply(body={}, delay_seconds=1.0)

    with open_model(settings.model_copy(update={"llm_timeout_seconds": 0.2})) as model:
        assert model.complete([question()]) == [None]
        assert reasons(model) == {"timeout": 1}
        assert model.usage.prompt_tokens > 100


def test_a_dead_server_is_given_up(settings: StreamsSettings, question: Make) -> None:
    """After three prompts nobody took, the rest of the run is not tried: the fault says which setting to look at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with open_model(settings.model_copy(update={"llm_base_url": dead, "llm_concurrency": 1})) as model:
        assert model.complete([question(str(number)) for number in range(20)]) == [None] * 20
        assert reasons(model) == {"unreachable": 20}
        assert model.usage.num_requests == 3 * MAX_ATTEMPTS
        assert model.fault is not None
        assert "llm_base_url" in str(model.fault)


@pytest.mark.parametrize(("status", "setting"), [(401, "llm_api_key"), (403, "llm_api_key"), (404, "llm_model")])
def test_a_refusal_ends_it_at_once(
    server: Any, settings: StreamsSettings, question: Make, status: int, setting: str
) -> None:
    """A wrong key or model is not tried again; the fault names the setting."""
    server.script = lambda request, number: server.reply(status, {"error": {"message": "no"}})

    with open_model(settings.model_copy(update={"llm_concurrency": 1})) as model:
        assert model.complete([question("A"), question("B")]) == [None, None]
        assert (reasons(model), len(server.requests)) == ({"misconfigured": 2}, 1)
        assert model.fault is not None
        assert setting in str(model.fault)


def test_a_prompt_that_is_too_long_stops_nothing_else(server: Any, model: ChatModel, question: Make) -> None:
    """The server's limit concerns that prompt alone."""
    error = {"error": {"message": "maximum context length is 10", "code": "context_length_exceeded"}}
    server.script = lambda request, number: (
        server.reply(400, error) if "LONG" in str(request["messages"]) else server.completion('{"s1": "p1"}')
    )

    answers = model.complete([question("LONG"), question("SHORT")])

    assert [answer is not None for answer in answers] == [False, True]
    assert (reasons(model), model.fault) == ({"too_long": 1}, None)


@pytest.mark.parametrize("known", ["json_object", None])
def test_a_server_without_schemas_is_asked_plainly(
    server: Any, model: ChatModel, question: Make, known: str | None
) -> None:
    """It is told once; what it answers is checked against the schema all the same."""

    def script(request: dict[str, Any], number: int) -> object:
        form = request.get("response_format", {}).get("type")
        if form != known:
            return server.reply(400, {"error": {"message": "response_format is not supported"}})
        return server.completion('{"s1": "p2"}' if "GOOD" in str(request["messages"]) else OTHERS)

    server.script = script
    (good,) = model.complete([question("GOOD")])
    refused = len(server.requests) - 1
    assert model.complete([question("BAD")]) == [None]

    assert good is not None
    assert good.of("s1") == ("p2",)
    assert reasons(model) == {"unknown_id": 1}
    assert (refused, len(server.requests)) == ({"json_object": 1, None: 2}[known], refused + 2)


def test_newer_names_of_parameters_are_found(server: Any, model: ChatModel, question: Make) -> None:
    """A server that refuses the limit's old name and the temperature is asked as it wants, from then on."""

    def script(request: dict[str, Any], number: int) -> object:
        for name in ("max_tokens", "temperature"):
            if name in request:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return server.reply(
                    400, {"error": {"message": message, "param": name, "code": "unsupported_parameter"}}
                )
        return server.completion(server.first_choice(request))

    server.script = script

    assert None not in model.complete([question("A")])
    assert None not in model.complete([question("B")])
    assert len(server.requests) == 4
    assert server.requests[-1]["max_completion_tokens"] > 0


def test_a_request_that_is_refused_whatever_it_says(server: Any, model: ChatModel, question: Make) -> None:
    """Tried in each form once, then a matter of configuration."""
    server.script = lambda request, number: server.reply(400, {"error": {"message": "no such thing"}})

    assert model.complete([question()]) == [None]
    assert (reasons(model), len(server.requests)) == ({"misconfigured": 1}, 3)


def test_a_store_that_fails_loses_no_run(model: ChatModel, question: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a locked file leaves questions open, as a dead server does."""

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(model._store, "find", fails)

    assert model.complete([question("A"), question("B")]) == [None, None]
    assert reasons(model) == {"store": 2}
    assert "llm.db" in str(model.fault)


def test_who_interrupts_does_not_wait_for_a_server(
    server: Any, model: ChatModel, question: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the patience with a server that asks for it."""
    server.script = lambda request, number: server.reply(429, {"error": {}}, {"Retry-After": "50"})
    monkeypatch.setattr("concurrent.futures.Future.result", interrupted)
    started = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        model.complete([question()])

    assert time.monotonic() - started < 20


def interrupted(*_: object) -> None:
    time.sleep(0.5)
    raise KeyboardInterrupt


def test_a_redirect_is_not_followed(server: Any, model: ChatModel, question: Make) -> None:
    """A prompt goes to the configured server and nowhere else."""
    server.script = lambda request, number: server.reply(307, {}, {"Location": server.url + "/elsewhere"})

    assert model.complete([question()]) == [None]
    assert len(server.requests) == 1


def test_missing_usage_is_counted_here(server: Any, model: ChatModel, question: Make) -> None:
    """A server that says nothing of tokens gets our own count."""
    server.script = lambda request, number: server.completion('{"s1": "NIL"}', usage=None)

    (answer,) = model.complete([question()])

    assert answer is not None
    assert answer.of("s1") == ()
    assert model.usage.completion_tokens == len('{"s1": "NIL"}')
    assert model.usage.prompt_tokens > len(json.dumps(server.requests[0]["messages"])) * 0.9


@pytest.mark.parametrize("usage", ["many", {"prompt_tokens": -5, "completion_tokens": "x"}, {"prompt_tokens": True}])
def test_absurd_usage_is_not_believed(server: Any, model: ChatModel, question: Make, usage: object) -> None:
    """Negative or worded figures would make budget out of nothing."""
    body = {**server.completion('{"s1": "p1"}', usage=None).body, "usage": usage}
    server.script = lambda request, number: server.reply(body=body)

    assert model.complete([question()]) != [None]
    assert model.usage.prompt_tokens > 100
    assert model.usage.completion_tokens == len('{"s1": "p1"}')
