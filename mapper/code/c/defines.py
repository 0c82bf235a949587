"""Preprocessor lines of a file: macros, conditions, includes.

A line scan beside the parser and not inside it: tree-sitter loses a #define wherever it loses its way, and knows
nothing of conditions that cut through a construct.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mapper.code.text import SourceText
from mapper.code.wordlist import word_set

MacroRole = Literal["macro", "default", "guard"]
"""default: "#ifndef X / #define X value / #endif", a value the user may set; guard: the file's include guard."""

_DIRECTIVE = re.compile(r"\n[ \t\f]*+#[ \t\f]*+(\w++)([^\n\\]*+(?:\\(?:\r?\n|.)[^\n\\]*+)*)", re.DOTALL)
"""Begins with the line end before it: a literal makes the search fast."""
_CONDITION_WORDS = word_set("ifdef ifndef if elifdef elifndef elif else endif")
_WORDS = _CONDITION_WORDS | word_set("define undef include")
_CONTINUATION = re.compile(r"\\\r?\n")
_DEFINE = re.compile(r"([A-Za-z_$][\w$]*)(\(([^()]*)\))?\s?(.*)", re.DOTALL)
_INCLUDE = re.compile(r"(?:<([^>\n]+)>|\"([^\"\n]+)\")")
_NOT_DEFINED = re.compile(r"^!\s*defined\s*\(?\s*(\w+)\s*\)?$")


class Macro(NamedTuple):
    """A #define with its place; parameters is None for an object-like macro."""

    name: str
    parameters: tuple[str, ...] | None
    body: str
    start: int
    end: int
    line: int
    end_line: int
    guard: str | None
    role: MacroRole


class _Directive(NamedTuple):
    word: str
    argument: str
    start: int
    end: int
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class _Condition:
    text: str | None
    """None: an include guard, which says nothing."""
    around: str | None
    """The innermost condition around it."""

    @property
    def innermost(self) -> str | None:
        return self.around if self.text is None else self.text


class Preprocessor:
    """What the preprocessor lines of a file say."""

    def __init__(self, source: SourceText) -> None:
        self.plain_spans: list[tuple[int, int]] = []
        """Where the directives other than conditions stand, continuation lines with them."""
        self.condition_spans: list[tuple[int, int]] = []
        self.macros: list[Macro] = []
        self.includes: tuple[str, ...] = ()
        self._change_lines: list[int] = [0]
        self._guards: list[str | None] = [None]
        directives = list(_directives(source))
        for each in directives:
            (self.condition_spans if each.word in _CONDITION_WORDS else self.plain_spans).append((each.start, each.end))
        self._read([directive for directive in directives if directive.word in _WORDS], source)

    def guard_at(self, line: int) -> str | None:
        """Return the innermost condition that a line stands under, include guards left out."""
        return self._guards[bisect_right(self._change_lines, line) - 1]

    def condition_after(self, line: int) -> int | None:
        """Return the first line from this one on with a directive that opens, changes or closes a condition."""
        at = bisect_left(self._change_lines, line)
        return self._change_lines[at] if at < len(self._change_lines) else None

    def _read(self, directives: list[_Directive], source: SourceText) -> None:
        stack: list[_Condition] = []
        includes: dict[str, None] = {}
        for index, directive in enumerate(directives):
            word, argument = directive.word, directive.argument
            if word == "define":
                self._define(directive, directives[max(index - 1, 0)], directives[index + 1 : index + 2], index)
            elif word == "include":
                if match := _INCLUDE.match(argument):
                    includes[source.plain(match[1] or match[2])] = None
            elif word in ("if", "ifdef", "ifndef"):
                is_guard = index == 0 and _guarded_name(directives[:2]) is not None
                around = stack[-1].innermost if stack else None
                stack.append(_Condition(None if is_guard else _condition(word, argument), around))
                self._change(directive, stack)
            elif word in ("elif", "elifdef", "elifndef", "else") and stack:
                last = stack.pop()
                text = _negated(last.text) if word == "else" else _condition(word[2:], argument)
                stack.append(_Condition(text, last.around))
                self._change(directive, stack)
            elif word == "endif" and stack:
                stack.pop()
                self._change(directive, stack)
        self.includes = tuple(includes)

    def _define(self, directive: _Directive, before: _Directive, after: list[_Directive], index: int) -> None:
        match = _DEFINE.match(directive.argument)
        if match is None:
            return
        name = match[1]
        role: MacroRole = "macro"
        if index == 1 and _guarded_name([before, directive]) == name:
            role = "guard"
        elif _asked_name(before) == name and after and after[0].word == "endif" and match[4].strip() and not match[2]:
            role = "default"
        guard = self._guards[-1] if role != "default" else self._guards[-2]
        parameters = None if match[2] is None else tuple(filter(None, (part.strip() for part in match[3].split(","))))
        self.macros.append(
            Macro(
                name=name,
                parameters=parameters,
                body=match[4].strip(),
                start=directive.start,
                end=directive.end,
                line=directive.line,
                end_line=directive.end_line,
                guard=guard,
                role=role,
            )
        )

    def _change(self, directive: _Directive, stack: list[_Condition]) -> None:
        self._change_lines.append(directive.line)
        self._guards.append(stack[-1].innermost if stack else None)


def _directives(source: SourceText) -> Iterator[_Directive]:
    """Yield the preprocessor lines in order, continuation lines joined, comments left out."""
    line_of = source.line_of
    for match in _DIRECTIVE.finditer("\n" + source.code):
        word, rest = match.groups()
        start = match.start()
        line = end_line = line_of(start)
        end = match.end() - len(rest) + len(rest.rstrip()) - 1
        if "\\" in rest:
            rest = _CONTINUATION.sub(" ", rest)
            end_line = line_of(end - 1)
        yield _Directive(word, " ".join(rest.split()), start, end, line, end_line)


def _asked_name(directive: _Directive) -> str | None:
    """Return X of "#ifndef X" or "#if !defined(X)"."""
    if directive.word == "ifndef":
        return directive.argument.split(" ")[0] or None
    match = _NOT_DEFINED.match(directive.argument) if directive.word == "if" else None
    return match[1] if match else None


def _guarded_name(first_two: list[_Directive]) -> str | None:
    """Return the name of the include guard that a file's first two directives make, if they do."""
    if len(first_two) < 2 or first_two[1].word != "define":
        return None
    name = _asked_name(first_two[0])
    return name if name is not None and first_two[1].argument in (name, f"{name} 1") else None


def _condition(word: str, argument: str) -> str:
    if word in ("ifdef", "def"):
        return f"defined({argument})"
    return f"!defined({argument})" if word in ("ifndef", "ndef") else argument


def _negated(text: str | None) -> str | None:
    return None if text is None else f"!({text})"
