"""Kconfig text -> configuration parameters. Kconfig is no C: a rule per line, help by indentation."""

import re
from dataclasses import dataclass, field

from mapper.code.normal import code_tokens, revision_of, shortened
from mapper.code.text import SourceText
from mapper.code.values import evaluate
from mapper.model import Symbol

_ENTRY = re.compile(r"^\s*(config|menuconfig)\s+(\w+)\s*$")
_BLOCK = re.compile(r"^\s*(?:menu|choice|if|endmenu|endchoice|endif|source|rsource|osource|comment|mainmenu)\b(.*)$")
_TYPE = re.compile(r"^\s*(bool|int|hex|string|tristate)\b\s*(?:\"((?:[^\"\\]|\\.)*)\")?")
_PROMPT = re.compile(r"^\s*prompt\s+\"((?:[^\"\\]|\\.)*)\"")
_DEFAULT = re.compile(r"^\s*(?:default|def_bool|def_int|def_hex)\s+(.+?)(?:\s+if\s+.*)?$")
_DEPENDS = re.compile(r"^\s*(?:depends\s+on|select|imply|visible\s+if)\s+(.+)$")
_HELP = re.compile(r"^(\s*)(?:help|---help---)\s*$")
_CONDITION = re.compile(r"^\s*if\s+(.+)$")
_WORD = re.compile(r"\b[A-Z][A-Z0-9_]+\b")


@dataclass(slots=True)
class _Entry:
    name: str
    line: int
    guard: str | None
    end_line: int = 0
    lines: list[str] = field(default_factory=list)
    help_lines: list[str] = field(default_factory=list)
    prompt: str = ""
    default: str | None = None
    references: dict[str, None] = field(default_factory=dict)


def kconfig_symbols(path: str, source: SourceText) -> list[Symbol]:
    """Return one symbol an entry, in order; its comment is the prompt and the help text."""
    entries: list[_Entry] = []
    conditions: list[str] = []
    entry: _Entry | None = None
    help_indent: int | None = None
    for number, raw in enumerate(source.text.split("\n"), start=1):
        line = raw.expandtabs()
        if help_indent is not None and (not line.strip() or _indent(line) > help_indent):
            if entry is not None and line.strip():
                entry.help_lines.append(line.strip())
                entry.end_line = number
            continue
        help_indent = None
        if match := _ENTRY.match(line):
            entry = _Entry(match[2], number, conditions[-1] if conditions else None, number, [line.strip()])
            entries.append(entry)
        elif match := _HELP.match(line):
            help_indent = len(match[1])
        elif _BLOCK.match(line):
            entry = None
            if match := _CONDITION.match(line):
                conditions.append(match[1].strip())
            elif line.strip() == "endif" and conditions:
                conditions.pop()
        elif entry is not None and line.strip() and not line.lstrip().startswith("#"):
            _read_attribute(entry, line)
            entry.end_line = number
    return [_symbol(path, source, each) for each in entries]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _read_attribute(entry: _Entry, line: str) -> None:
    entry.lines.append(" ".join(line.split()))
    if match := _TYPE.match(line):
        entry.prompt = match[2] or entry.prompt
    elif match := _PROMPT.match(line):
        entry.prompt = match[1]
    elif match := _DEFAULT.match(line):
        entry.default = entry.default if entry.default is not None else match[1].strip()
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
        form="kconfig",
        value=default,
        declaration=shortened(source.plain("; ".join(entry.lines))),
        comment=source.plain(comment),
        references=tuple(entry.references),
        guard=source.plain(entry.guard) if entry.guard else None,
        revision=revision_of(code_tokens("\n".join(entry.lines))),
    )
