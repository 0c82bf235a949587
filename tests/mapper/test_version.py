"""mapper/version.py: a version changes exactly when something that decides does."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mapper
from mapper import version

ROOT = Path(mapper.__file__).parent
OUTSIDE = {"mapper.errors"}  # words of messages decide nothing


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the mapper's sources that the digests are taken over."""
    shutil.copytree(ROOT, tmp_path / "mapper", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(version, "__file__", str(tmp_path / "mapper" / "version.py"))
    return tmp_path / "mapper"


def versions() -> tuple[str, str, str]:
    kinds = (version.parser_version, version.reader_version, version.linker_version)
    for kind in kinds:
        kind.cache_clear()
    try:
        return kinds[0](), kinds[1](), kinds[2]()
    finally:
        for kind in kinds:
            kind.cache_clear()


@pytest.mark.parametrize(
    ("changed", "file"),
    [
        ((True, False, True), "code/c/c_file.py"),
        ((False, True, False), "datasheet/sections.py"),
        ((False, False, True), "linking/words.py"),
        ((True, True, True), "model.py"),
        ((False, False, False), "scoring.py"),
    ],
)
def test_each_version_follows_its_own_sources(copy: Path, changed: tuple[bool, ...], file: str) -> None:
    """The parser's code does not make datasheets be read again, nor the scores anything."""
    before = versions()
    with (copy / file).open("a") as source:
        source.write("\n")

    assert tuple(new != old for new, old in zip(versions(), before, strict=True)) == changed


def test_another_grammar_is_another_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages decide as much as our own sources."""
    before = versions()
    monkeypatch.setattr(version, "version", lambda name: "9" if name == "tree-sitter-c" else "1")
    after = versions()
    monkeypatch.setattr(version, "version", lambda name: "8" if name == "tree-sitter-c" else "1")

    assert len({before[0], after[0], versions()[0]}) == 3
    assert versions()[1] == after[1]


@pytest.mark.parametrize("names", [version.PARSING, version.READING, version.LINKING])
def test_all_that_is_imported_is_in_the_digest(names: tuple[str, ...]) -> None:
    """A source that a part comes to depend on has to be named, or its changes would go unseen."""
    covered = {f"mapper.{name.removesuffix('.py').replace('/', '.')}" for name in names} | OUTSIDE
    for source in (path for name in names for path in sorted((ROOT / name).rglob("*.py")) or [ROOT / name]):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mapper"):
                assert any(f"{node.module}.".startswith(f"{part}.") for part in covered), (source, node.module)


@pytest.mark.slow
def test_an_installed_wheel_has_the_same_versions(tmp_path: Path) -> None:
    """Its files lie elsewhere, and are the same."""
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT.parent, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    ask = "from mapper.version import *; print(parser_version(), reader_version(), linker_version(), __name__)"

    said = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {ask}"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert tuple(said.stdout.split()[:3]) == versions()
