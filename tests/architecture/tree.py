"""Write docs/tree.md: every file of the packages with the first sentence of its docstring.

`make tree` runs it; a test compares.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mapper", "streams", "trainer", "eval", "deploy", "bench")
TARGET = ROOT / "docs" / "tree.md"
INTRODUCTION = """# Every file, one line each

Made by `make tree` from the first sentence of each module's docstring; a test keeps it true.
"""


def tree() -> str:
    """Return the text of docs/tree.md."""
    lines = [INTRODUCTION]
    for package in PACKAGES:
        folder = ""
        for path in sorted((ROOT / package).rglob("*.py"), key=lambda path: (path.parent.as_posix(), path.name)):
            here = path.parent.relative_to(ROOT).as_posix()
            if here != folder:
                folder = here
                lines.append(f"\n## {here}/\n")
            lines.append(f"- `{path.name}`: {_first_sentence(path)}")
    return "\n".join(lines) + "\n"


def _first_sentence(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    text = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


if __name__ == "__main__":
    TARGET.write_text(tree(), encoding="utf-8")
