"""The model on a server that works: requests, cache, budget, order, what is not sent."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mapper.linking.asking.questions import Candidate, Question
from streams.config import StreamsSettings
from streams.errors import LlmError
from streams.llm import ChatModel, open_model
from streams.llm.store import FILE, Store

Make = Callable[..., Question]
CHILD = """
import sys
from streams.config import StreamsSettings
from streams.llm import open_model
from mapper.linking.asking.questions import Candidate, Item, Question
questions = [
    Question(level="symbols", sheet_file="a.pdf", about="x", candidates=(Candidate(id="p1", text="register"),),
             items=(Item(id="s1", text=f"macro A{n}", candidates=("p1",)),))
    for n in range(20)
]
with open_model(StreamsSettings()) as model:
    print([answer.chosen if answer else None for answer in model.complete(questions)])
"""


def test_a_request_is_what_the_api_wants(server: Any, model: ChatModel, question: Make) -> None:
    """Two messages, a strict schema of our ids, nothing that a model could call."""
    (answer,) = model.complete([question()])

    request = server.requests[0]
    schema = request["response_format"]["json_schema"]
    assert answer is not None
    assert answer.of("s1") == ("p1",)
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert (schema["strict"], list(schema["schema"]["properties"])) == (True, ["s1"])
    assert (request["model"], request["temperature"]) == ("scripted", 0)
    assert not {"tools", "functions"} & set(request)


def test_answers_come_in_the_order_of_questions(server: Any, model: ChatModel, question: Make) -> None:
    """However late each one's answer comes."""

    def script(request: dict[str, Any], number: int) -> object:
        late = "macro A0" in request["messages"][1]["content"]
        choice = "p2" if late else "p1"
        return server.reply(body=server.completion(json.dumps({"s1": choice})).body, delay_seconds=0.3 if late else 0.0)

    server.script = script

    answers = model.complete([question(f"A{number}") for number in range(6)])

    assert [answer.of("s1") for answer in answers if answer] == [("p2",), *[("p1",)] * 5]


def test_concurrency_is_bounded_and_used(server: Any, settings: StreamsSettings, question: Make) -> None:
    """As many at once as the setting says, never more: the server answers when three are waiting."""
    together = threading.Barrier(3, timeout=30.0)

    def script(request: dict[str, Any], number: int) -> object:
        together.wait()
        return server.completion('{"s1": "p1"}')

    server.script = script
    with open_model(settings.model_copy(update={"llm_concurrency": 3, "llm_timeout_seconds": 60.0})) as model:
        assert None not in model.complete([question(str(number)) for number in range(9)])

    assert server.most_at_once == 3


def test_a_repeated_question_is_asked_once(server: Any, model: ChatModel, question: Make) -> None:
    """In one call and in the next."""
    first = model.complete([question(), question()])
    second = model.complete([question()])

    assert first[0] == first[1] == second[0]
    assert len(server.requests) == 1
    assert (model.usage.num_prompts, model.usage.num_cached) == (3, 1)


def test_a_later_run_is_free(server: Any, settings: StreamsSettings, question: Make) -> None:
    """Answers outlive the process: no request, no tokens, even without budget and with the server changed."""
    with open_model(settings) as model:
        before = model.complete([question()])
    server.script = lambda request, number: server.reply(500, {})

    with open_model(settings, run_tokens=0) as model:
        after = model.complete([question()])
        usage = model.usage

    assert before == after
    assert (usage.num_cached, usage.num_requests, usage.prompt_tokens) == (1, 0, 0)


def test_another_model_is_asked_anew(server: Any, settings: StreamsSettings, question: Make) -> None:
    """What one model said is not what another would say."""
    for name in ("one", "two"):
        with open_model(settings.model_copy(update={"llm_model": name})) as model:
            model.complete([question()])

    assert [request["model"] for request in server.requests] == ["one", "two"]


def test_a_damaged_answer_in_the_store_is_asked_anew(server: Any, settings: StreamsSettings, question: Make) -> None:
    """The cache is no more trusted than the server."""
    import sqlite3

    with open_model(settings) as model:
        model.complete([question()])
    with sqlite3.connect(settings.home / FILE) as db:
        db.execute('UPDATE answers SET text = \'{"s1": "p9"}\'')
    db.close()

    with open_model(settings) as model:
        (answer,) = model.complete([question()])

    assert answer is not None
    assert len(server.requests) == 2


def test_wrong_answers_are_not_kept(server: Any, settings: StreamsSettings, question: Make) -> None:
    """A bad answer today does not spoil tomorrow's run."""
    server.script = lambda request, number: server.completion("no json" if number == 1 else '{"s1": "p1"}')

    with open_model(settings) as model:
        assert model.complete([question()]) == [None]
    with open_model(settings) as model:
        assert model.complete([question()]) != [None]


def test_the_budget_of_a_run_stops_it_midway(server: Any, settings: StreamsSettings, question: Make) -> None:
    """What fits is asked, the rest is left; spent is what the server says, and never more than the budget."""
    server.script = lambda request, number: server.completion('{"s1": "p1"}', usage=(2000, 100))

    with open_model(settings.model_copy(update={"llm_concurrency": 1}), run_tokens=9000) as model:
        answers = model.complete([question(str(number)) for number in range(10)])
        usage = model.usage

    answered = sum(answer is not None for answer in answers)
    assert 0 < answered < 10
    assert dict(usage.unanswered) == {"run_budget": 10 - answered}
    assert usage.prompt_tokens + usage.completion_tokens == 2100 * answered <= 9000


def test_the_budget_of_a_day_is_shared_by_runs(server: Any, settings: StreamsSettings, question: Make) -> None:
    """A second run has what the first left."""
    server.script = lambda request, number: server.completion('{"s1": "p1"}', usage=(4000, 100))
    settings = settings.model_copy(update={"llm_max_tokens_per_day": 4500, "llm_concurrency": 1})

    with open_model(settings) as model:
        assert model.complete([question("A")]) != [None]
    with open_model(settings) as model:
        assert model.complete([question("B")]) == [None]
        assert dict(model.usage.unanswered) == {"day_budget": 1}


@pytest.mark.slow
def test_two_processes_share_cache_and_budget(server: Any, settings: StreamsSettings) -> None:
    """Both get the same answers; the day's figure is the sum of what was asked; nobody fails on a locked file."""
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "SHEETSTREAM_HOME": str(settings.home),
        "SHEETSTREAM_CACHE": str(settings.cache),
        "SHEETSTREAM_LLM_BASE_URL": server.url,
        "SHEETSTREAM_LLM_MODEL": "scripted",
    }
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [child.communicate(timeout=60) for child in children]

    assert [child.returncode for child in children] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert b"None" not in said[0][0]
    store = Store(settings.home / FILE)
    assert store.spent() == 110 * len(server.requests)
    store.close()


def test_hidden_characters_are_not_sent(server: Any, model: ChatModel, question: Make) -> None:
    """The question is left, counted, and the others are asked."""
    answers = model.complete([question("A\u202eB"), question("C")])

    assert [answer is not None for answer in answers] == [False, True]
    assert dict(model.usage.unanswered) == {"hidden_characters": 1}
    assert len(server.requests) == 1


def test_restricted_text_stays_on_this_machine(server: Any, settings: StreamsSettings, question: Make) -> None:
    """A loopback server may see a datasheet that forbids copying; another only if a person says so."""
    restricted = question(copy_restricted=True)
    remote = settings.model_copy(update={"llm_base_url": "https://models.invalid/v1"})

    with open_model(settings) as model:
        assert model.complete([restricted]) != [None]
    with open_model(remote) as model:
        assert model.complete([replace(restricted, about="other")]) == [None]
        assert dict(model.usage.unanswered) == {"copy_restricted": 1}
    with open_model(remote.model_copy(update={"llm_send_restricted": True})) as model:
        assert model.complete([replace(restricted, about="other")]) == [None]
        assert dict(model.usage.unanswered) == {"unreachable": 1}


def test_the_key_goes_into_the_header_alone(
    server: Any, settings: StreamsSettings, question: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither prompt nor log holds it; logs hold no prompt either."""
    caplog.set_level("DEBUG")
    keyed = StreamsSettings(**{**settings.model_dump(), "llm_api_key": "sk-very-secret-key-0123456789"})

    with open_model(keyed) as model:
        model.complete([question("UNHEARD_OF_NAME")])

    assert server.headers[0].get("authorization") == "Bearer sk-very-secret-key-0123456789"
    assert "very-secret" not in json.dumps(server.requests) + caplog.text
    assert "UNHEARD_OF_NAME" not in caplog.text
    assert "very-secret" not in repr(keyed)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"llm_base_url": ""}, "llm_base_url"),
        ({"llm_model": ""}, "llm_model"),
        ({"llm_base_url": "http://models.invalid/v1", "llm_api_key": "k"}, "llm_base_url"),
        ({"cache": "/nowhere"}, "model prepare"),
    ],
)
def test_what_is_missing_is_named(settings: StreamsSettings, changes: dict[str, str], setting: str) -> None:
    """Settings, an open line for a key, the tokenizer."""
    with pytest.raises(LlmError, match=setting):
        open_model(StreamsSettings(**{**settings.model_dump(), **changes}))


def test_a_candidate_more_is_another_question(server: Any, model: ChatModel, question: Make) -> None:
    """An answer is kept for exactly the candidates it was chosen from."""
    one = question()
    more = replace(one, candidates=(*one.candidates, Candidate(id="p3", text="register Third 0x3")))

    model.complete([one])
    model.complete([more])

    assert len(server.requests) == 2
