"""What must hold of the distribution as a whole."""

import importlib.metadata
import re
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mapper", "streams", "trainer", "eval", "deploy")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_other_distribution_provides_our_packages() -> None:
    """Plain top-level names may collide: with these dependencies none does."""
    owners: dict[str, set[str]] = defaultdict(set)
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        for file in distribution.files or ():
            if name != "sheetstream" and file.parts[0] in PACKAGES:
                owners[file.parts[0]].add(name)

    assert not owners


def test_tests_are_no_packages() -> None:
    """A tests/mapper/__init__.py would shadow mapper."""
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_locks_name_no_registry() -> None:
    """Lock files hold names, versions and hashes; where they come from is the installer's business."""
    locks = sorted(ROOT.glob("requirements*.lock"))

    assert len(locks) == 4
    assert all("://" not in lock.read_text(encoding="utf-8") for lock in locks)
    assert not (ROOT / "uv.lock").exists()


def test_environment_is_read_in_config_only() -> None:
    """os.environ appears in config.py files, and where children get their environment."""
    allowed = {"config.py", "process.py", "jars.py", "sandbox_child.py"}
    reads = re.compile(r"os\.environ|os\.getenv")
    found = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name not in allowed and reads.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_metrics_are_named_in_metrics_only() -> None:
    """A metric's name appears in one place, so a dashboard can't miss a rename."""
    name = re.compile(r"""["']sheetstream_[a-z_]+["']""")
    found = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "metrics.py" and name.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_files_stay_small() -> None:
    """A Python file over 400 lines holds a second thing."""
    long = [
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if path.suffix == ".py" and len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]

    assert long == []


def test_help_is_fast_and_light() -> None:
    """`sheetstream --help` imports neither torch nor Faust nor the mapper's parsers."""
    script = """
import sys
from typer.testing import CliRunner
from deploy.cli.main import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print(sorted({"torch", "transformers", "faust", "kafka", "tree_sitter", "sqlalchemy"} & set(sys.modules)))
"""
    python = [str(Path(__import__("sys").executable)), "-c", script]

    assert subprocess.run(python, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_command_of_the_table_exists() -> None:
    """The table of commands names modules and attributes that can be imported."""
    from importlib import import_module

    from deploy.cli.main import COMMANDS

    for target, _ in COMMANDS.values():
        module, attribute = target.split(":")
        assert hasattr(import_module(module), attribute), target


def test_the_tree_of_files_is_true() -> None:
    """docs/tree.md names every file; `make tree` writes it anew."""
    import runpy

    made = runpy.run_path(str(ROOT / "tests" / "architecture" / "tree.py"))

    assert made["TARGET"].read_text(encoding="utf-8") == made["tree"]()


def test_every_module_says_what_it_is() -> None:
    """A module starts with a docstring."""
    import ast

    silent = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert silent == []
