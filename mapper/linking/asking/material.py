"""What of code and datasheets may stand in a prompt: declarations without comments and literals, and plain text.

Comments and strings are where a file can talk to its reader, so they are cut. Characters that a person does not see
(zero width, bidi controls, the tag block) are a reason to send nothing of that text at all.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

from mapper.code.lexer import c_tokens
from mapper.corpus.secrets import scrub_secrets
from mapper.linking.asking.questions import Question
from mapper.model import Datasheet, Section, SourceFile, Symbol

Refusal = Literal["hidden_characters", "private_key"]
MAX_NAME_CHARS = 80
MAX_DECLARATION_CHARS = 120
MAX_SECTION_CHARS = 12_000
MAX_TITLES = 12
MAX_REGISTERS = 16

_HIDDEN = re.compile(
    "[\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\ue000-\uf8ff\U000f0000-\U0010ffff]")
"""Control characters, soft hyphens and the glyphs of symbol fonts: no harm, no meaning."""


def has_hidden(text: str) -> bool:
    """Say whether a text holds characters that no reader sees."""
    return _HIDDEN.search(text) is not None


def refusal(question: Question) -> Refusal | None:
    """Return why a question must not be sent, None if it may."""
    texts = list(question.texts())
    if any(has_hidden(text) for text in texts):
        return "hidden_characters"
    if any(scrub_secrets(text).has_private_key for text in texts):
        return "private_key"
    return None


def plain(text: str, limit: int) -> str:
    """Return a text on one line, without control characters, cut at a word."""
    line = " ".join(_NO_TEXT.sub("", text).split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0]


def code(text: str, limit: int = MAX_DECLARATION_CHARS) -> str:
    """Return code on one line without comments and without what its string literals say."""
    words = ['""' if token.kind == "string" else token.text for token in c_tokens(text) if token.kind != "comment"]
    return plain(" ".join(words), limit)


def symbol_text(symbol: Symbol, value: int | None, used: Iterable[str] = ()) -> str:
    """Return the line of a symbol: kind, name, then its value, or its declaration and the definitions it uses."""
    head = f"{symbol.kind} {plain(symbol.qualified_name, MAX_NAME_CHARS)}"
    if value is not None:
        return f"{head} = {value:#x}"
    named = ", ".join(plain(name, MAX_NAME_CHARS) for name in used)
    declaration = code(symbol.declaration) if symbol.kind != "struct" or symbol.form == "member" else ""
    if declaration.endswith(symbol.name):
        declaration = ""
    return head + (f": {declaration}" if declaration else "") + (f"; uses {named}" if named else "")


def skeleton(file: SourceFile, num_names: int) -> str:
    """Return a file's path and the names of its first symbols, each once, definitions of values before functions."""
    names: dict[str, None] = {}
    for symbol in sorted(file.symbols, key=lambda s: (s.value is None, s.kind == "function", s.line)):
        if symbol.form not in {"member", "include_guard", "guard"}:
            names.setdefault(plain(symbol.name, MAX_NAME_CHARS))
    kept = list(names)[:num_names]
    more = f" and {len(names) - len(kept)} more" if len(names) > len(kept) else ""
    return f"{plain(file.path, 2 * MAX_NAME_CHARS)}: {', '.join(kept)}{more}"


def sheet_summary(sheet: Datasheet) -> str:
    """Return what a datasheet is about in a few lines: title, parts, chapters, first registers."""
    titles = [plain(s.title, MAX_NAME_CHARS) for s in sheet.sections if s.level <= 2][:MAX_TITLES]
    registers = dict.fromkeys(
        f"{plain(r.name, MAX_NAME_CHARS)}{'' if r.address is None else f' {r.address:#x}'}" for r in sheet.registers
    )
    lines = [
        f"Datasheet: {plain(sheet.title, 2 * MAX_NAME_CHARS)}",
        f"Parts: {', '.join(plain(part, MAX_NAME_CHARS) for part in sheet.parts[:MAX_TITLES]) or 'not said'}",
        f"Chapters: {'; '.join(titles)}" if titles else "",
        f"Registers: {', '.join(list(registers)[:MAX_REGISTERS])}" if registers else "",
    ]
    return "\n".join(line for line in lines if line)


def section_text(section: Section) -> str:
    """Return the title path and the text of a section, line by line, cut at MAX_SECTION_CHARS."""
    path = " > ".join(plain(title, MAX_NAME_CHARS) for title in section.path)
    lines = [plain(line, MAX_SECTION_CHARS) for line in section.text[:MAX_SECTION_CHARS].splitlines()]
    return "\n".join([f"Section: {path}", *(line for line in lines if line)])


def directory_text(directory: str, paths: Iterable[str]) -> str:
    """Return the line of a directory: its path and the names of its first files."""
    names = [plain(PurePosixPath(path).name, MAX_NAME_CHARS) for path in paths]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{plain(directory, 2 * MAX_NAME_CHARS) or '.'}: {', '.join(names[:8])}{more}"
