"""A server that speaks the OpenAI-compatible API as a script says, over real sockets; a tokenizer without a model."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from mapper.linking.asking.questions import Candidate, Item, Question
from streams.config import StreamsSettings
from streams.llm import ChatModel, open_model
from streams.llm.tokens import TOKENIZER


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    cut: bool = False
    """Close the connection in the middle of the body."""


Script = Callable[[dict[str, Any], int], Reply]
"""From a request and its number (from 1) to the reply."""


def completion(content: object, *, finish: str = "stop", usage: object = (100, 10), **message: object) -> Reply:
    """Return a chat completion with this content."""
    body: dict[str, object] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
        ],
    }
    if isinstance(usage, tuple):
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Reply(body=body)


def first_choice(request: dict[str, Any]) -> str:
    """Return the right answer to a request with a schema: of each item the first candidate."""
    schema = request["response_format"]["json_schema"]["schema"]
    return json.dumps(
        {item: schema["$defs"][each["$ref"][8:]]["enum"][0] for item, each in schema["properties"].items()}
    )


def right(request: dict[str, Any], number: int) -> Reply:
    """Answer every request rightly."""
    return completion(first_choice(request))


class Server:
    """The scripted server: what it was asked, and how many requests were under way at once."""

    reply = Reply
    completion = staticmethod(completion)
    first_choice = staticmethod(first_choice)

    def __init__(self) -> None:
        self.script: Script = right
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Message] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    server.requests.append(body)
                    server.headers.append(self.headers)
                    number = len(server.requests)
                    server.at_once += 1
                    server.most_at_once = max(server.most_at_once, server.at_once)
                try:
                    self._send(server.script(body, number))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client did not wait
                finally:
                    with server._lock:
                        server.at_once -= 1

            def _send(self, reply: Reply) -> None:
                time.sleep(reply.delay_seconds)
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if reply.cut else data)
                self.close_connection = reply.cut

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A scripted server that answers rightly until a test says otherwise."""
    server = Server()
    yield server
    server.stop()


def byte_tokenizer(folder: Path) -> Path:
    """Put a tokenizer that makes a token of each byte into a cache folder; return the folder."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    (folder / TOKENIZER).parent.mkdir(parents=True)
    tokenizer.save(str(folder / TOKENIZER))
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with a tokenizer that makes a token of each byte."""
    return byte_tokenizer(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def settings(server: Server, cache: Path, tmp_path: Path) -> StreamsSettings:
    """Settings that lead to the scripted server, with a data home of their own."""
    return StreamsSettings(
        home=tmp_path / "home", cache=cache, llm_base_url=server.url, llm_model="scripted", llm_timeout_seconds=5.0
    )


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off of milliseconds."""
    monkeypatch.setattr("streams.llm.wire.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def model(settings: StreamsSettings) -> Iterator[ChatModel]:
    """The model on the scripted server."""
    with open_model(settings) as model:
        yield model


def question(name: str = "CTRL", **changes: Any) -> Question:
    """Return a question about one symbol with two candidates."""
    values: dict[str, Any] = {
        "level": "symbols",
        "sheet_file": "a.pdf",
        "about": "Datasheet: ZQ4071",
        "items": (Item(id="s1", text=f"macro {name} = 0x1", candidates=("p1", "p2")),),
        "candidates": (Candidate(id="p1", text="register Control 0x1"), Candidate(id="p2", text="register Status 0x2")),
    }
    return Question(**{**values, **changes})


@pytest.fixture(name="question")
def question_maker() -> Callable[..., Question]:
    """What makes questions that differ by a symbol's name."""
    return question
