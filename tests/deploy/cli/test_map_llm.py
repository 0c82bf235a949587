"""The language model's options of `sheetstream map`, against a scripted server."""

import json
import runpy
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from deploy.cli.map import map_command
from mapper.model import Datasheet, Register

SCRIPTED = runpy.run_path(str(Path(__file__).parents[2] / "streams" / "llm" / "conftest.py"))
HEADER = "#define ZQ4071_REG_CONTROL 0x00\n#define ZQ4071_REG_STATUS 0x02\n#define ZQ4071_REG_RATE 0x03\n"
Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that answers every question with the first candidate."""
    server = SCRIPTED["Server"]()
    first = server.first_choice
    server.script = lambda request, number: server.completion(
        json.dumps({item: [choice] for item, choice in json.loads(first(_flat(request))).items()})
    )
    yield server
    server.stop()


def _flat(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request whose schema asks for one choice an item, as `first_choice` reads it."""
    flat: dict[str, Any] = json.loads(json.dumps(request))
    properties = flat["response_format"]["json_schema"]["schema"]["properties"]
    for item, each in properties.items():
        properties[item] = each.get("items", each)
    return flat


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """What maps a small driver, every symbol open, with these options and settings."""
    registers = tuple(
        Register(name=name, address=address, page=page, section_path=("Registers", name))
        for name, address, page in (("Control", 0, 4), ("Status", 2, 5), ("Rate", 3, 6))
    )
    sheet = Datasheet(
        sha256="ab" * 32, file="zq4071.pdf", title="ZQ4071", parts=("ZQ4071",), family="zq4071", revision=None,
        num_pages=6, sections=(), registers=registers,
    )  # fmt: skip
    monkeypatch.setattr("streams.sandbox.read_sheet", lambda pdf, **_: sheet)
    monkeypatch.setattr("streams.llm.wire.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("mapper.linking.asking.ask_symbols.LOW", 0.0)
    monkeypatch.setattr("mapper.linking.asking.ask_symbols.HIGH", 1.1)
    monkeypatch.setenv("SHEETSTREAM_HOME", str(tmp_path / "home"))
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "zq4071.h").write_text(HEADER)
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    app = typer.Typer()
    app.command()(map_command)

    def run(*options: object) -> Result:
        paths = [tmp_path / "vendor", tmp_path / "a.pdf", "-o", tmp_path / "links.jsonl"]
        return CliRunner().invoke(app, [str(argument) for argument in (*paths, *options)])

    return run


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The scripted server, named in the environment."""
    cache = SCRIPTED["byte_tokenizer"](tmp_path_factory.mktemp("cache"))
    monkeypatch.setenv("SHEETSTREAM_LLM_BASE_URL", server.url)
    monkeypatch.setenv("SHEETSTREAM_LLM_MODEL", "scripted")
    monkeypatch.setenv("SHEETSTREAM_CACHE", str(cache))
    return server


def links(tmp_path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (tmp_path / "links.jsonl").read_text().splitlines()]
    return [row for row in rows if row["level"] == "symbol"]


def test_without_settings_the_rules_are_all_there_is(run: Run, tmp_path: Path) -> None:
    """What they were not sure about is said, and marked in the links."""
    result = run()

    assert result.exit_code == 0, result.output
    assert "undecided: 0 files, 3 linked symbols" in result.stderr
    assert all("undecided" in {each["rule"] for each in link["evidence"]} for link in links(tmp_path))


def test_with_settings_the_model_is_asked(run: Run, configured: Any, tmp_path: Path) -> None:
    """No option is needed; the last line says what it took, and a second run takes nothing."""
    first, second = run(), run("--llm")

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "1 prompts, 0 from the cache, 1 requests, 100 prompt and 10 completion tokens" in first.stderr
    assert "1 prompts, 1 from the cache, 0 requests, 0 prompt" in second.stderr
    assert all("llm" in {each["rule"] for each in link["evidence"]} for link in links(tmp_path))


def test_no_llm_asks_nothing(run: Run, configured: Any, tmp_path: Path) -> None:
    """Whatever the settings."""
    assert run("--no-llm").exit_code == 0
    assert not configured.requests
    assert {each["rule"] for link in links(tmp_path) for each in link["evidence"]} == {"address"}


def test_a_dry_run_counts_and_sends_nothing(run: Run, configured: Any) -> None:
    """A table of levels on stdout; --llm-all asks more."""
    ours, everything = run("--dry-run-llm"), run("--dry-run-llm", "--llm-all")

    assert (ours.exit_code, everything.exit_code) == (0, 0), ours.output
    assert not configured.requests
    assert [line.split()[:3] for line in ours.stdout.splitlines() if line.startswith("symbols")] == [
        ["symbols", "1", "3"]
    ]
    assert [line.split()[:2] for line in everything.stdout.splitlines() if line.startswith("structure")] == [
        ["structure", "1"]
    ]


def test_a_dry_run_without_a_tokenizer_ends_at_once(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before minutes of reading, with what to do."""
    monkeypatch.setenv("SHEETSTREAM_CACHE", str(tmp_path / "empty"))

    result = run("--dry-run-llm")

    assert result.exit_code == 3
    assert "sheetstream model prepare" in result.stderr
    assert not (tmp_path / "links.jsonl").exists()


def test_the_budget_of_an_option_counts(run: Run, configured: Any, tmp_path: Path) -> None:
    """Nothing is sent that does not fit; the links are there all the same."""
    result = run("--llm-budget", "10")

    assert result.exit_code == 0
    assert "1 unanswered (run_budget 1)" in result.stderr
    assert (len(configured.requests), len(links(tmp_path))) == (0, 3)


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--llm-required",), 4)])
def test_a_dead_server_loses_nothing(
    run: Run, configured: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    """The links of the rules are written; the code says it only to those who want to know."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SHEETSTREAM_LLM_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}/v1")

    result = run(*options)

    assert result.exit_code == code, result.output
    assert "unreachable 1" in result.stderr
    assert len(links(tmp_path)) == 3


def test_a_refused_key_is_a_matter_of_configuration(run: Run, configured: Any, tmp_path: Path) -> None:
    """Exit code 3 and the setting's name, after the links were written."""
    configured.script = lambda request, number: configured.reply(401, {"error": {"message": "bad key"}})

    result = run()

    assert result.exit_code == 3
    assert "llm_api_key" in result.stderr
    assert len(links(tmp_path)) == 3


@pytest.mark.parametrize("options", [("--llm",), ("--llm-all",), ("--llm-budget", "5"), ("--llm-required",)])
def test_asking_without_settings_is_an_error(run: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Said before any work is done."""
    result = run(*options)

    assert result.exit_code == 3
    assert "llm_base_url: not set (SHEETSTREAM_LLM_BASE_URL)" in result.stderr
    assert not (tmp_path / "links.jsonl").exists()


def test_options_that_contradict_each_other(run: Run) -> None:
    """--no-llm goes with no other of them."""
    assert run("--no-llm", "--llm-all").exit_code == 2
