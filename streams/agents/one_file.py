"""What the pool's process does with one file: a module of its own, since each new process has to import it."""

from dataclasses import dataclass

from mapper.code import parse_file
from mapper.errors import SourceError
from mapper.model import SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the parser does not take a file."""

    reason: str
    detail: str


def parse_one(path: str, data: bytes) -> SourceFile | Refusal:
    """Return the parsed file, or why it is refused."""
    try:
        return parse_file(path, data)
    except SourceError as error:
        return Refusal(reason=error.reason, detail=str(error))
