"""`sheetstream gold`: a session through standard input, resumed, read a second time, checked and scored."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from mapper.errors import DatasheetError
from mapper.model import Datasheet, Register

Label = Callable[..., Result]
HEADER = """#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_STATUS 0x02
#define ZQ4071_REG_RATE 0x03
#define ZQ4071_RETRIES 3
"""


def fake_read_sheet(pdf: bytes, *, file: str, parts: Sequence[str] = ()) -> Datasheet:
    """Stand for the sandboxed reader: three registers on pages 4 to 6 of 6."""
    if pdf == b"broken":
        raise DatasheetError(f"{file}: no PDF", reason="not_pdf")
    registers = tuple(
        Register(name=name, address=address, page=page, section_path=("Registers", name))
        for name, address, page in (("Control", 0, 4), ("Status", 2, 5), ("Rate", 3, 6))
    )
    return Datasheet(
        sha256="ab" * 32, file=file, title="ZQ4071", parts=("ZQ4071",), family="zq4071", revision=None, num_pages=6,
        sections=(), registers=registers, pages=("",) * 4 + ("Status\nBUSY tells \x1b[2J whether", ""),
    )  # fmt: skip


@pytest.fixture
def gold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the gold file will be; beside it lie a tree and a datasheet."""
    monkeypatch.setattr("deploy.cli.inputs.read_sheet", fake_read_sheet)
    (tmp_path / "vendor" / "src").mkdir(parents=True)
    (tmp_path / "vendor" / "src" / "zq4071.h").write_text(HEADER)
    (tmp_path / "zq4071.pdf").write_bytes(b"%PDF fine")
    return tmp_path / "gold.jsonl"


@pytest.fixture
def label(gold: Path) -> Label:
    """Return what runs `gold label` with these lines as input and further options."""

    def run(answers: Sequence[str], *options: str) -> Result:
        words = ["gold", "label", gold.parent / "vendor", gold.parent / "zq4071.pdf", "-o", gold, *options]
        if "--reader" not in options:
            words += ["--reader", "ann"]
        return CliRunner().invoke(app, [str(word) for word in words], input="".join(line + "\n" for line in answers))

    return run


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def answered(gold: Path) -> dict[str, list[int]]:
    return {row["name"]: [anchor["page"] for anchor in row["anchors"]] for row in rows(gold)}


def test_a_session_writes_one_line_a_symbol(label: Label, gold: Path) -> None:
    """Accepted proposals keep page and register; NIL has no anchors; reader, date and tool are recorded."""
    result = label(["n", "a", "a", "a"])

    assert result.exit_code == 0, result.output
    found = {row["name"]: row for row in rows(gold)}
    assert found["ZQ4071_RETRIES"]["nil"]
    status = found["ZQ4071_REG_STATUS"]
    assert (status["anchors"][0]["page"], status["anchors"][0]["register"]) == (5, "Status")
    assert (status["readers"], status["reader"], status["set"]) == (1, "ann", "vendor")
    assert status["date"].endswith("Z")
    assert status["tool"].startswith("sheetstream ")


def test_code_and_passages_are_shown_without_control_characters(label: Label) -> None:
    """A reader sees the declaration and the datasheet's lines; an escape sequence of a PDF is made visible."""
    result = label(["1", "1", "1"], "--kinds", "register")

    assert "#define ZQ4071_REG_STATUS 0x02" in result.stderr
    assert "1. page 5, description: Status [Status] (full)" in result.stderr
    assert "BUSY tells \ufffd[2J whether" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_session_goes_on_where_it_stopped(label: Label, gold: Path) -> None:
    """Quit or end of input: what was answered is saved and not asked again; skipped symbols are."""
    label(["n", "s", "q"])
    first = answered(gold)
    result = label(["1", "1", "1"])

    assert len(first) == 1
    assert "4 symbols, 1 of them answered before" in result.stderr
    assert len(answered(gold)) == 4
    assert label([]).stderr.count("answer (? for help)") == 0


def test_undo_takes_the_last_answer_back(label: Label, gold: Path) -> None:
    """The symbol is asked again at once; before the first answer there is nothing to undo."""
    result = label(["u", "n", "u", "1", "q"], "--kinds", "register")

    assert "nothing to undo" in result.stderr
    assert "forgotten" in result.stderr
    assert [bool(pages) for pages in answered(gold).values()] == [True]


def test_doubtful_symbols_stay_out_for_good(label: Label, gold: Path) -> None:
    """They are listed in a file of their own and not asked again."""
    label(["d", "q"])

    assert rows(gold) == []
    assert len(rows(gold.with_name("gold.doubtful.jsonl"))) == 1
    assert "1 of them answered before" in label([]).stderr


def test_another_page_and_a_conflict(label: Label, gold: Path) -> None:
    """A typed place gets the register's address, a conflict its text; a page that is not there is refused."""
    label(["c code 0x00, datasheet 0x02", "p", "9", "field", "", "", "p", "5", "field", "Status", "BUSY", "q"])

    (row,) = rows(gold)
    (anchor,) = row["anchors"]
    assert (anchor["page"], anchor["kind"], anchor["field"], anchor["address"]) == (5, "field", "BUSY", "0x02")
    assert (row["conflict"], row["note"]) == (True, "conflict: code 0x00, datasheet 0x02")


def test_a_reader_can_search_alone(label: Label, gold: Path) -> None:
    """Without proposals no place is shown and none can be taken by number; labels are made by naming pages."""
    result = label(["1", "p 5 description Status", "q"], "--no-proposals", "--kinds", "register")

    assert "page 5" not in result.stderr
    assert "got '1'" in result.stderr
    assert list(answered(gold).values()) == [[5]]


def test_a_wrong_answer_is_explained(label: Label) -> None:
    """Nothing is written, the question stays."""
    result = label(["x", "p 9 field", "?", "q"])

    assert "got 'x'" in result.stderr
    assert "1 to 6 of zq4071.pdf expected, got 9" in result.stderr
    assert "doubtful: leave this symbol out" in result.stderr


def test_a_second_reader_is_asked_blind_and_merged(label: Label, gold: Path) -> None:
    """Agreed labels count two readers, a disputed one leaves the gold; nobody reads twice."""
    label(["n", "1", "1", "1"], "--kinds", "register,macro")
    names = [row["name"] for row in rows(gold)]

    result = label(["n", "1", "n"], "--second-reader", "--reader", "bo")

    assert [(row["name"], row["readers"]) for row in rows(gold)] == [(names[0], 2), (names[1], 2), (names[3], 1)]
    assert [row["reader"] for row in rows(gold.with_name("gold.disputed.jsonl"))] == ["ann", "bo"]
    assert names[2] in result.stdout
    assert "answers: 3" in result.stderr
    assert not gold.with_name("gold.second.jsonl").exists()
    again = label(["1"], "--second-reader", "--reader", "bo")
    assert rows(gold)[-1]["readers"] == 2
    assert "agreed: 1; disputed: 0" in again.stderr


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--kinds", "variable"], 2, "got variable"),
        (["--second-reader"], 6, "no such file"),
        (["--kinds", "function"], 1, "none of 4 is of kind function"),
    ],
)
def test_what_cannot_be_asked_is_said(label: Label, options: list[str], code: int, says: str) -> None:
    """An unknown kind, a second reader without a first, a kind that the tree does not have."""
    result = label([], *options)

    assert result.exit_code == code
    assert says in result.stderr


def test_the_second_reader_is_another_one(label: Label) -> None:
    """Reading twice is no second reading."""
    label(["n", "q"])

    result = label([], "--second-reader")

    assert result.exit_code == 2
    assert "another reader than the first expected, got ann" in result.stderr


def test_lines_of_others_stay(label: Label, gold: Path) -> None:
    """File lines and mechanical labels of the same file are kept."""
    other = {"level": "file", "file": "zq4071.pdf", "path": "src/zq4071.h", "role": "primary"}
    gold.write_text(json.dumps(other) + "\n")

    label(["n", "q"])

    assert rows(gold)[0] == other
    assert len(rows(gold)) == 2


def test_score_and_check_read_what_was_labelled(label: Label, gold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gold of a session that accepted every proposal gives full marks to the same mapping, and no problems."""
    monkeypatch.setattr("streams.sandbox.read_sheet", fake_read_sheet)
    vendor, pdf, links = gold.parent / "vendor", gold.parent / "zq4071.pdf", gold.parent / "links.jsonl"
    label(["n", "1", "1", "1"], "--kinds", "register,macro")
    run = CliRunner().invoke

    assert run(app, ["map", str(vendor), str(pdf), "-o", str(links)]).exit_code == 0
    report = json.loads(run(app, ["score", str(links), str(gold), "--json"]).stdout)
    checked = run(app, ["gold", "check", str(gold), str(vendor), str(pdf)])

    entry = next(each for each in report["symbols"]["read"] if each["kind"] == "all")
    assert (entry["precision"]["value"], entry["nil"]["value"]) == (1.0, 1.0)
    assert checked.exit_code == 0, checked.output


def test_a_bare_repository_is_read_and_shown(label: Label, gold: Path) -> None:
    """Code is shown from the commit, without a checkout."""
    vendor = gold.parent / "vendor"
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words], cwd=vendor, check=True)
    vendor.joinpath("src", "zq4071.h").write_text("")

    result = label(["1", "q"], "--rev", "HEAD", "--kinds", "register")

    assert "#define ZQ4071_REG_STATUS 0x02" in result.stderr
    assert len(rows(gold)) == 1


def test_a_file_name_that_is_not_utf8_is_taken(label: Label, gold: Path) -> None:
    """It is read as latin-1, and its code is shown."""
    folder = gold.parent / "vendor" / "src"
    (folder / "zq4071.h").rename(os.fsdecode(os.fsencode(folder) + b"/zq4071_\xe9.h"))

    result = label(["1", "q"], "--kinds", "register")

    assert "#define ZQ4071_REG_STATUS 0x02" in result.stderr
    assert [row["path"] for row in rows(gold)] == ["src/zq4071_é.h"]


def test_check_names_each_bad_line(gold: Path) -> None:
    """No JSON, no object, a page beyond the last: file, line number and key; exit code 1."""
    label = {
        "level": "symbol", "source": "read", "readers": 1, "file": "zq4071.pdf", "set": "vendor", "line": 2,
        "path": "src/zq4071.h", "kind": "register", "name": "ZQ4071_REG_STATUS", "scope": None, "nil": False,
        "anchors": [{"page": 7, "kind": "overview", "title": "Registers"}],
    }  # fmt: skip
    gold.write_text("{\n[]\n\n" + json.dumps(label) + "\n")

    words = ["gold", "check", gold, gold.parent / "vendor", gold.parent / "zq4071.pdf"]
    result = CliRunner().invoke(app, [str(word) for word in words])

    assert result.exit_code == 1
    found = [line.removeprefix(f"{gold}:") for line in result.stdout.splitlines()]
    assert found[0].startswith("1: no JSON")
    assert found[1:] == ["2: a JSON object expected, got list", "4: anchors[0].page: 1 to 6 expected, got 7"]


@pytest.mark.slow
def test_generate_writes_trees_datasheets_and_labels(tmp_path: Path) -> None:
    """What it writes checks out: the symbols of both repositories' labels are in their trees."""
    run = CliRunner().invoke

    assert run(app, ["gold", "generate", str(tmp_path)]).exit_code == 0
    assert len(list((tmp_path / "datasheets").glob("*.pdf"))) == 4
    for name in ("veldra-drivers", "veldra-sdk"):
        labels, tree = tmp_path / "gold" / f"{name}.jsonl", tmp_path / "trees" / name
        checked = run(app, ["gold", "check", str(labels), str(tree)])
        assert (checked.exit_code, checked.stdout) == (0, "")


def test_what_is_not_there_ends_with_6(gold: Path) -> None:
    """A mistyped gold file, tree or datasheet."""
    for words in (["check", gold], ["label", gold.parent / "gone", gold.parent / "zq4071.pdf", "-o", gold],
                  ["label", gold.parent / "vendor", gold.parent / "gone.pdf", "-o", gold]):  # fmt: skip
        result = CliRunner().invoke(app, ["gold", *map(str, words)])

        assert result.exit_code == 6
        assert "no such" in result.stderr


def test_a_broken_datasheet_is_named(gold: Path) -> None:
    """Labels on the other datasheets alone would be a half."""
    (gold.parent / "bad.pdf").write_bytes(b"broken")

    result = CliRunner().invoke(
        app, ["gold", "label", str(gold.parent / "vendor"), str(gold.parent / "bad.pdf"), "-o", str(gold)]
    )

    assert result.exit_code == 2
    assert "bad.pdf: no PDF" in result.stderr
