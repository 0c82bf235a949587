"""Kconfig text -> configuration parameters. Kconfig is no C: a rule per line, help by indentation."""

import re
from dataclasses import dataclass, field

from mapper.code.normal import code_tokens, revision_of, shortened
from mapper.code.text import SourceText
from mapper.code.values import evaluate
from mapper.model import Symbol

_ENTRY = re.compile(r"^\s*(config|menuconfig|choice)\b\s*(\w*)\s*(?:#.*)?$")
_OPENS = re.compile(r"^\s*(menu|if)\b\s*(.*)$")
_CLOSES = re.compile(r"^\s*end(menu|choice|if)\b")
_BESIDE = re.compile(r"^\s*(?:source|rsource|osource|orsource|comment|mainmenu)\b")
_QUOTED = r"(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)')"
_TYPE = re.compile(rf"^\s*(?:(?:bool|int|hex|string|tristate)\b\s*{_QUOTED}?|prompt\s+{_QUOTED})")
_DEFAULT = re.compile(r"^\s*(?:default|def_bool|def_tristate|def_int|def_hex|def_string)\s+(.+?)(?:\s+if\s+.*)?$")
_DEPENDS = re.compile(r"^\s*(?:depends\s+on|select|imply|visible\s+if)\s+(.+)$")
_REQUIRED = re.compile(r"^\s*(?:depends\s+on|visible\s+if)\s+(.+)$")
_HELP = re.compile(r"^\s*(?:help|---help---)\s*$")
_WORD = re.compile(r"\b[A-Z][A-Z0-9_]+\b")


@dataclass(slots=True)
class _Entry:
    name: str
    """Empty for a choice without a name, which is no symbol."""
    form: str
    line: int
    guard: str | None
    end_line: int
    lines: list[str]
    help_lines: list[str] = field(default_factory=list)
    prompt: str = ""
    default: str | None = None
    references: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Block:
    """An open menu, choice or if: what it makes of the entries in it."""

    word: str
    condition: str | None = None
    choice: str = ""


@dataclass(slots=True)
class _Help:
    """Where a help text stands, once its first line is known: it ends before the first line left of that."""

    indent: int | None = None

    def goes_on(self, line: str) -> bool:
        """Return whether a line belongs to the text."""
        if not line.strip():
            return True
        indent = len(line) - len(line.lstrip())
        if self.indent is None:
            self.indent = indent
        return 0 < self.indent <= indent


def kconfig_symbols(path: str, source: SourceText) -> list[Symbol]:
    """Return one symbol an entry and a named choice, in order; its comment is the prompt and the help text.

    A guard is the condition of the innermost `if`, or of the menu that depends on one. An entry refers to what it
    depends on and selects, and to the choice it stands in.
    """
    entries: list[_Entry] = []
    blocks: list[_Block] = []
    entry: _Entry | None = None
    help_text: _Help | None = None
    for number, raw in enumerate(source.text.split("\n"), start=1):
        line = raw.expandtabs()
        if help_text is not None and help_text.goes_on(line):
            if entry is not None and line.strip():
                entry.help_lines.append(line.strip())
                entry.end_line = number
            continue
        help_text = None
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := _ENTRY.match(line):
            entry = _opened(match[1], match[2], number, line, blocks)
            entries.append(entry)
        elif _HELP.match(line):
            help_text = _Help()
        elif match := _OPENS.match(line):
            entry = None
            blocks.append(_Block(match[1], match[2].strip() if match[1] == "if" else None))
        elif match := _CLOSES.match(line):
            entry = None
            if blocks and blocks[-1].word == match[1]:
                blocks.pop()
        elif _BESIDE.match(line):
            entry = None
        elif entry is not None:
            _read_attribute(entry, line)
            entry.end_line = number
        elif blocks and blocks[-1].word == "menu" and (match := _REQUIRED.match(line)):
            blocks[-1].condition = match[1].strip()
    return [_symbol(path, source, each) for each in entries if each.name]


def _opened(word: str, name: str, number: int, line: str, blocks: list[_Block]) -> _Entry:
    """Return the entry that a line begins; a choice becomes a block around those that follow."""
    guard = next((block.condition for block in reversed(blocks) if block.condition), None)
    form = "choice" if word == "choice" else "kconfig"
    entry = _Entry(name, form, number, guard, number, [" ".join(line.partition("#")[0].split())])
    if choice := next((block.choice for block in reversed(blocks) if block.word == "choice"), ""):
        entry.references[choice] = None
    if word == "choice":
        blocks.append(_Block("choice", choice=name))
    return entry


def _read_attribute(entry: _Entry, line: str) -> None:
    entry.lines.append(" ".join(line.split()))
    if match := _DEFAULT.match(line):
        entry.default = entry.default if entry.default is not None else match[1].strip()
    elif match := _TYPE.match(line):
        entry.prompt = next(filter(None, match.groups()), entry.prompt)
    elif match := _DEPENDS.match(line):
        entry.references.update(dict.fromkeys(_WORD.findall(match[1])))


def _symbol(path: str, source: SourceText, entry: _Entry) -> Symbol:
    default = {"y": 1, "n": 0}.get(entry.default or "", evaluate(entry.default) if entry.default else None)
    comment = "\n".join(filter(None, [entry.prompt, *entry.help_lines]))
    return Symbol(
        path=path,
        kind="config",
        name=entry.name,
        line=entry.line,
        end_line=entry.end_line,
        form=entry.form,
        value=default,
        declaration=shortened(source.plain("; ".join(entry.lines))),
        comment=source.plain(comment),
        references=tuple(entry.references),
        guard=source.plain(entry.guard) if entry.guard else None,
        revision=revision_of(code_tokens("\n".join(entry.lines))),
    )
