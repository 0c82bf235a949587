"""Files of the repositories that are the same whatever the state: texts, build files, oddities."""

from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "templates" / "plain"


def plain(name: str, *, encoding: str = "utf-8") -> bytes:
    """Return a file of templates/plain, written in an encoding."""
    return (_FOLDER / name).read_text(encoding="utf-8").encode(encoding)
