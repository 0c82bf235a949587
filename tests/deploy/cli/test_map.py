"""`sheetstream map` and `sheetstream score` on a small tree."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from deploy.cli.map import map_command, score_command
from deploy.cli.map_llm import Tier
from deploy.cli.mapping import MapJob, run_job
from deploy.cli.sourcetree import open_tree
from deploy.cli.treefacts import FEW_FILES, parse_tree
from mapper.errors import DatasheetError
from mapper.linking.asking.questions import Recorder
from mapper.model import Datasheet, Mapping, Register

Run = Callable[..., Result]
HEADER = """#define ZQ4071_REG_CONTROL 0x00
#define ZQ4071_REG_STATUS 0x02
#define ZQ4071_REG_RATE 0x03
"""


def fake_read_sheet(pdf: bytes, *, file: str, parts: Sequence[str] = ()) -> Datasheet:
    """Stand for the sandboxed reader: three registers, or an error for a file that says so."""
    if pdf == b"broken":
        raise DatasheetError(f"{file}: no PDF", reason="not_pdf")
    registers = tuple(
        Register(name=name, address=address, page=page, section_path=("Registers", name))
        for name, address, page in (("Control", 0, 4), ("Status", 2, 5), ("Rate", 3, 6))
    )
    return Datasheet(
        sha256="ab" * 32, file=file, title="ZQ4071", parts=tuple(parts) or ("ZQ4071",), family="zq4071", revision=None,
        num_pages=6, sections=(), registers=registers,
    )  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """What runs one of the two commands with arguments, datasheets read by the fake."""
    monkeypatch.setattr("streams.sandbox.read_sheet", fake_read_sheet)
    app = typer.Typer()
    app.command("map")(map_command)
    app.command("score")(score_command)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A plain folder with one driver header and a link that leads out of it."""
    root = tmp_path / "vendor"
    (root / "src").mkdir(parents=True)
    (root / "src" / "zq4071.h").write_text(HEADER)
    (root / "src" / "outside.h").symlink_to("/etc/hostname")
    (tmp_path / "zq4071.pdf").write_bytes(b"%PDF fine")
    return root


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_plain_folder_gives_files_and_links(run: Run, tree: Path, tmp_path: Path) -> None:
    """Both levels are written as JSON lines, the summary goes to stderr."""
    result = run("map", tree, tmp_path / "zq4071.pdf", "-o", tmp_path / "links.jsonl", "--no-llm")

    lines = rows(tmp_path / "links.jsonl")
    assert result.exit_code == 0, result.output
    assert [line["path"] for line in lines if line["level"] == "file"] == ["src/zq4071.h"]
    assert {line["symbol"]["name"]: line["anchor"]["page"] for line in lines if line["level"] == "symbol"} == {  # type: ignore[index]
        "ZQ4071_REG_CONTROL": 4,
        "ZQ4071_REG_STATUS": 5,
        "ZQ4071_REG_RATE": 6,
    }
    assert "3 links" in result.stderr


def test_a_bare_repository_is_read_without_a_checkout(run: Run, tree: Path, tmp_path: Path) -> None:
    """A bare clone gives the same links as the folder; --rev takes an older commit."""
    git(tree, "init", "-q")
    git(tree, "add", "src/zq4071.h")
    git(tree, "commit", "-q", "-m", "one")
    (tree / "src" / "zq4071.h").write_text(HEADER + "#define ZQ4071_REG_SPARE 0x7F\n")
    git(tree, "commit", "-q", "-a", "-m", "two")
    git(tmp_path, "clone", "-q", "--bare", str(tree), "vendor.git")

    for place, rev in ((tree, []), (tmp_path / "vendor.git", []), (tmp_path / "vendor.git", ["--rev", "HEAD~1"])):
        result = run("map", place, tmp_path / "zq4071.pdf", "-o", tmp_path / "links.jsonl", *rev)
        assert result.exit_code == 0, result.output
        assert sum(line["level"] == "symbol" for line in rows(tmp_path / "links.jsonl")) == 3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder.joinpath("x").write_text(""), "not a directory"),
        (lambda folder: folder.joinpath("x").mkdir(), "no source code found"),
        (lambda folder: git(folder, "init", "-q", "--bare", "x"), "repository is empty"),
    ],
)
def test_a_bad_tree_is_named(run: Run, make: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    """A file, an empty folder and an empty repository each give one clear line and exit code 2."""
    make(tmp_path)
    (tmp_path / "a.pdf").write_bytes(b"%PDF")

    result = run("map", tmp_path / "x", tmp_path / "a.pdf", "-o", tmp_path / "out")

    assert result.exit_code == 2
    assert says in result.stderr.replace("\n", " ")


def test_a_broken_pdf_is_named_and_the_others_go_on(run: Run, tree: Path, tmp_path: Path) -> None:
    """One of two datasheets cannot be read: the other's links are written, the exit code says so."""
    (tmp_path / "bad.pdf").write_bytes(b"broken")

    result = run("map", tree, tmp_path / "bad.pdf", tmp_path / "zq4071.pdf", "-o", tmp_path / "links.jsonl")

    assert result.exit_code == 1
    assert "bad.pdf: no PDF [not_pdf]" in result.stderr
    assert rows(tmp_path / "links.jsonl")


@pytest.mark.parametrize("option", ["-o", "--since"])
def test_a_folder_where_a_file_is_to_be_is_named_at_once(run: Run, tree: Path, tmp_path: Path, option: str) -> None:
    """A folder given for the links or the state is refused before anything is read, and nothing is left in it."""
    (tmp_path / "folder").mkdir()
    words = {"-o": tmp_path / "links.jsonl", option: tmp_path / "folder"}

    result = run("map", tree, tmp_path / "zq4071.pdf", *(word for pair in words.items() for word in pair))

    assert result.exit_code == 2
    assert "a file expected" in result.stderr.replace("\n", " ")
    assert not list(tmp_path.glob("*.part"))


def test_an_unknown_revision_is_named(run: Run, tree: Path, tmp_path: Path) -> None:
    """--rev needs a repository that has the revision."""
    result = run("map", tree, tmp_path / "zq4071.pdf", "-o", tmp_path / "out", "--rev", "v9")

    assert result.exit_code == 2
    assert "no git repository" in result.stderr


def test_score_prints_figures_with_denominators(run: Run, tree: Path, tmp_path: Path) -> None:
    """Links of `map` against two gold lines: one right, one missing."""
    run("map", tree, tmp_path / "zq4071.pdf", "-o", tmp_path / "links.jsonl")
    gold = [
        {"level": "file", "file": "zq4071.pdf", "path": "src/zq4071.h", "role": "primary"},
        {"level": "symbol", "source": "address", "file": "zq4071.pdf", "path": "src/zq4071.h", "kind": "register",
         "name": "ZQ4071_REG_STATUS", "page": 5},
        {"level": "symbol", "source": "address", "file": "zq4071.pdf", "path": "src/zq4071.h", "kind": "register",
         "name": "ZQ4071_REG_GONE", "page": 6},
    ]  # fmt: skip
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(line) + "\n" for line in gold))

    shown = run("score", tmp_path / "links.jsonl", tmp_path / "gold.jsonl")
    report = json.loads(run("score", tmp_path / "links.jsonl", tmp_path / "gold.jsonl", "--json").stdout)

    assert "0.500 (1/2)" in shown.stdout
    assert report["files"]["hit_at_1"] == {"hits": 1, "total": 1, "value": 1.0}
    assert report["symbols"]["num_unlabelled"] == 2


def test_score_names_the_bad_line(run: Run, tmp_path: Path) -> None:
    """A line that is no JSON is named with file and number."""
    (tmp_path / "links.jsonl").write_text('{"level": "file"\n')
    (tmp_path / "gold.jsonl").write_text("")

    result = run("score", tmp_path / "links.jsonl", tmp_path / "gold.jsonl")

    assert result.exit_code == 2
    assert "links.jsonl:1: no JSON" in result.stderr.replace("\n", "")


def test_what_is_not_there_ends_with_6(run: Run, tmp_path: Path) -> None:
    """A mistyped path is not found; that is another code than a tree without code."""
    for words in (("map", "gone", "a.pdf", "-o", "out"), ("score", "gone.jsonl", "gold.jsonl")):
        result = run(*(tmp_path / word if "." in word or word == "gone" else word for word in words))

        assert result.exit_code == 6
        assert "no such" in result.stderr


def test_a_file_name_that_is_not_utf8_is_taken(run: Run, tree: Path, tmp_path: Path) -> None:
    """It is read as latin-1, as in a mirror, whether the tree is a plain folder or under git."""
    (tree / "src" / "zq4071.h").rename(os.fsdecode(os.fsencode(tree) + b"/src/zq4071_\xe9.h"))

    result = run("map", tree, tmp_path / "zq4071.pdf", "-o", tmp_path / "links.jsonl")

    assert result.exit_code == 0, result.output
    assert [line["path"] for line in rows(tmp_path / "links.jsonl") if line["level"] == "file"] == ["src/zq4071_é.h"]


def test_a_kept_state_gives_the_same_links_at_the_cost_of_the_change(run: Run, tree: Path, tmp_path: Path) -> None:
    """The second run parses the changed file alone; its output is that of a run without a state."""
    pdf, state = tmp_path / "zq4071.pdf", tmp_path / "map.state"
    for number in range(5):
        (tree / "src" / f"kt22{number}.c").write_text("int on(void);\n")
    for file in tree.rglob("*.[ch]"):
        os.utime(file, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
    first = run("map", tree, pdf, "--since", state, "-o", tmp_path / "first.jsonl")
    (tree / "src" / "zq4071.h").write_text(HEADER + "#define ZQ4071_REG_SPARE 0x7F\n")

    second = run("map", tree, pdf, "--since", state, "-o", tmp_path / "second.jsonl")
    run("map", tree, pdf, "-o", tmp_path / "plain.jsonl")

    assert "cost: 6 of 6 files parsed" in first.stderr.replace("\n", " ")
    assert "cost: 1 of 6 files parsed" in second.stderr.replace("\n", " ")
    assert (tmp_path / "second.jsonl").read_text() == (tmp_path / "plain.jsonl").read_text()


def test_an_unchanged_tree_decides_nothing(run: Run, tree: Path, tmp_path: Path) -> None:
    """With nothing changed no file is parsed and no datasheet is decided anew; a removed file is gone."""
    pdf, state, out = tmp_path / "zq4071.pdf", tmp_path / "map.state", tmp_path / "links.jsonl"
    os.utime(tree / "src" / "zq4071.h", (1_000_000_000, 1_000_000_000))
    run("map", tree, pdf, "--since", state, "-o", out)

    again = run("map", tree, pdf, "--since", state, "-o", out).stderr.replace("\n", " ")
    (tree / "src" / "zq4071.h").rename(tree / "src" / "other.h")
    moved = run("map", tree, pdf, "--since", state, "-o", out)

    assert "cost: 0 of 1 files parsed; of 1 datasheets the files of 0 and the links of 0 decided anew" in again
    assert moved.exit_code == 0
    assert {str(row["path"]) for row in rows(out) if row["level"] == "file"} == {"src/other.h"}


def test_a_state_is_written_where_something_changed(run: Run, tree: Path, tmp_path: Path) -> None:
    """With nothing changed the file stays the one it was, and the output is the same."""
    pdf, state, out = tmp_path / "zq4071.pdf", tmp_path / "map.state", tmp_path / "links.jsonl"
    os.utime(tree / "src" / "zq4071.h", (1_000_000_000, 1_000_000_000))
    run("map", tree, pdf, "--since", state, "-o", out)
    written, links = state.stat().st_ino, out.read_bytes()

    run("map", tree, pdf, "--since", state, "-o", out)
    unchanged = state.stat().st_ino
    (tree / "src" / "zq4071.h").write_text(HEADER + "int more;\n")
    run("map", tree, pdf, "--since", state, "-o", out)

    assert (unchanged, out.read_bytes()) == (written, links)
    assert state.stat().st_ino != written


def test_what_a_model_took_part_in_vouches_for_no_later_tree(run: Run, tree: Path, tmp_path: Path) -> None:
    """A run with a model keeps older decisions; they are asked again, since the tree has moved on under them."""
    pdf, state, header = tmp_path / "zq4071.pdf", tmp_path / "map.state", tree / "src" / "zq4071.h"

    def mapped(tier: Tier, state: Path | None = state) -> Mapping:
        os.utime(header, (1_000_000_000 + len(header.read_text()), 1_000_000_000 + len(header.read_text())))
        return run_job(MapJob(tree=open_tree(tree), pdfs=(pdf,), parts=(), state_file=state, tier=tier)).mapping

    mapped(Tier("undecided"))
    header.write_text(HEADER + "#define ZQ4071_RATE 0x03\n")
    mapped(Tier("undecided", Recorder()))

    assert mapped(Tier("undecided")) == mapped(Tier("undecided"), None)


def test_a_damaged_state_starts_afresh_and_a_foreign_file_stays(run: Run, tree: Path, tmp_path: Path) -> None:
    """A torn state costs a full run; a file that is no state is an error and is not written over."""
    pdf, state, out = tmp_path / "zq4071.pdf", tmp_path / "map.state", tmp_path / "links.jsonl"
    run("map", tree, pdf, "--since", state, "-o", out)
    state.write_bytes(state.read_bytes()[:-20])
    (tmp_path / "letter.txt").write_text("Dear all,\n")

    torn = run("map", tree, pdf, "--since", state, "-o", out)
    foreign = run("map", tree, pdf, "--since", tmp_path / "letter.txt", "-o", out)
    other = run("map", tree, pdf, "--since", state, "-o", out, "--part", "ZQ4071")

    assert (torn.exit_code, "starting afresh" in torn.stderr.replace("\n", " ")) == (0, True)
    assert (foreign.exit_code, "not a state" in foreign.stderr.replace("\n", " ")) == (2, True)
    assert (tmp_path / "letter.txt").read_text() == "Dear all,\n"
    assert "of another tree, other parts" in other.stderr.replace("\n", " ")


def test_many_files_are_parsed_in_other_processes(tree: Path) -> None:
    """More files than one process takes give the same facts in the same order; a bad one is named."""
    for number in range(FEW_FILES + 1):
        (tree / "src" / f"f{number:03}.c").write_text(f"#define PLACE_{number} {number}\n")
    (tree / "src" / "bad.c").write_bytes(b"\0")
    steps: list[int] = []

    parsed = list(parse_tree(opened := open_tree(tree), opened.paths, steps.append, workers=2))

    assert [item.name for item in parsed] == list(opened.paths)
    assert sum(steps) == len(parsed)
    assert [item.skipped for item in parsed if item.facts is None] == ["src/bad.c: NUL byte at offset 0, text expected"]
