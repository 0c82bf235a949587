"""The examples in the public functions' docstrings and in docs/mapper.md are what really happens."""

import doctest
import re
from pathlib import Path

import pytest

import mapper
from deploy.demo.snapshot import write_snapshot
from deploy.demo.vendor import Vendor, build_vendor

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "mapper.md"
FUNCTIONS = sorted(name for name in mapper.__all__ if name[0].islower())


def run(example: doctest.DocTest) -> str:
    """Return what an example's lines gave instead of what they say; "" if they are right."""
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_public_function_has_an_example_that_runs(name: str) -> None:
    """It imports what it needs, so that it can be copied."""
    function = getattr(mapper, name)

    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})

    assert example.examples, f"{name} has no example"
    assert run(example) == ""


def test_the_public_names_are_ten_at_most() -> None:
    """Who imports from mapper has few names to learn, and the document explains each."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert len(mapper.__all__) <= 10
    assert [name for name in mapper.__all__ if not re.search(rf"^\| `{name}[`(]", text, re.MULTILINE)] == []


@pytest.fixture(scope="module")
def full_vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    """Return a vendor with its whole history."""
    return build_vendor(tmp_path_factory.mktemp("full_vendor"))


def test_the_worked_example_of_the_document_runs(
    full_vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All Python of docs/mapper.md, one block after the other, in a folder with the generated vendor."""
    write_snapshot(tmp_path, full_vendor)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/mapper.md", str(DOCUMENT), 0)

    assert len(example.examples) > 30
    assert run(example) == ""


def test_files_that_the_document_names_exist() -> None:
    """The reading order leads nowhere else."""
    named = re.findall(r"`((?:mapper|tests)/[\w/]+(?:\.py|/))`", DOCUMENT.read_text(encoding="utf-8"))

    assert named
    assert [path for path in named if not (DOCUMENT.parents[1] / path).exists()] == []
