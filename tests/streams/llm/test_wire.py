"""The wire end to end: a server that is none of ours, with a real model behind it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from mapper.linking.asking.prompts import render
from mapper.linking.asking.questions import Question
from streams.config import StreamsSettings
from streams.llm import open_model
from streams.llm.tokens import TOKENIZER, counter

Make = Callable[..., Question]
START_SECONDS = 240.0
REJECTED = {"json", "schema", "unknown_id", "truncated"}


@pytest.fixture
def prepared() -> Path:
    """The cache folder that holds the small base model."""
    folder = Path(os.environ.get("SHEETSTREAM_CACHE", Path.home() / ".cache" / "sheetstream"))
    if not (folder / TOKENIZER).exists():
        pytest.skip("the small base model is not prepared")
    return folder


@pytest.fixture
def serving(prepared: Path, tmp_path: Path) -> Iterator[StreamsSettings]:
    """Settings that lead to `transformers serve` over the small base model, offline."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = str((prepared / TOKENIZER).parent)
    command = [
        *(str(Path(sys.executable).with_name("transformers")), "serve", model),
        *("--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"),
    ]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, tmp_path / "serve.log")
        yield StreamsSettings(
            home=tmp_path / "home",
            cache=prepared,
            llm_base_url=f"http://127.0.0.1:{port}/v1",
            llm_model=model,
            llm_timeout_seconds=150.0,
        )
    finally:
        process.kill()  # it would finish what it generates first
        process.wait(timeout=30)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5.0).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(1.0)
    raise AssertionError(f"transformers serve did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_server_answers_or_is_rejected(serving: StreamsSettings, question: Make) -> None:
    """It speaks our requests; what a small model says is an answer of ours or counted as none; tokens agree."""
    asked = question()
    with open_model(serving) as model:
        (answer,) = model.complete([asked])
        usage = model.usage
        assert model.fault is None

    prompt = render(asked)
    counted = counter(serving.cache).count(f"{prompt.system}\n{prompt.user}")
    assert abs(usage.prompt_tokens - counted) <= 20
    assert usage.completion_tokens > 0
    if answer is None:
        assert {reason for reason, _ in usage.unanswered} <= REJECTED
    else:
        assert set(answer.of("s1")) <= {"p1", "p2"}
