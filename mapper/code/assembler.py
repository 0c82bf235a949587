"""Assembler and linker text -> symbols: labels, constants, macros, memory regions, symbol assignments."""

import re
from collections.abc import Iterator

from mapper.code.c.defines import Preprocessor
from mapper.code.c.environment import Environment
from mapper.code.normal import code_tokens, references_in, revision_of, shortened
from mapper.code.text import SourceText
from mapper.model import Symbol, SymbolKind

_NAME = r"[A-Za-z_.][\w.$]*"
_LABEL = re.compile(
    rf"^[ \t]*({_NAME})[ \t]*:(?![:=])|^({_NAME})[ \t]+(?:PROC|FUNCTION|DC[BWDQ]U?|DCI|SPACE|FILL)\b"
    r"|^[ \t]*(?:ENTRY|SYM_(?:FUNC|CODE|DATA)_START\w*)[ \t]*\([ \t]*([A-Za-z_]\w*)",
    re.MULTILINE,
)
"""With a colon anywhere on a line's start; without one at the margin, before what gives it content."""
_CONSTANT = re.compile(
    rf"^[ \t]*(?:\.(?:equ|set|equiv)[ \t]+({_NAME})[ \t]*,[ \t]*([^\n@;]+)"
    rf"|({_NAME})[ \t]+EQU[ \t]+([^\n@;]+)|({_NAME})[ \t]*:?=(?!=)[ \t]*([^\n@;]+))",
    re.MULTILINE | re.IGNORECASE,
)
_ALIAS = re.compile(rf"^[ \t]*\.thumb_set[ \t]+({_NAME})[ \t]*,[ \t]*({_NAME})", re.MULTILINE)
_MACRO = re.compile(r"^[ \t]*\.macro[ \t]+([A-Za-z_.][\w.]*)([^\n]*)", re.MULTILINE)
_LOCAL = (".L", "L$")
"""How names begin that no linker sees."""
_REGION = re.compile(
    r"(?<![\w.$])([A-Za-z_][\w.]*+)\s*+(?:\([^()\n]{0,40}\))?\s*:\s*(?:ORIGIN|org|o)\s*=\s*([^,\n]+),"
    r"\s*(?:LENGTH|len|l)\s*=\s*[^\n/}]+",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    r"(?<![\w.\"$,*/<>=!&|+-])((?:PROVIDE(?:_HIDDEN)?|HIDDEN)\s*\(\s*)?(?P<name>[A-Za-z_][\w.$]*)"
    r"\s*=(?!=)\s*(?P<value>(?:[^;{}=]|[<>=!]=)+?)(?(1)\s*\))\s*;"
)
_SIZE = re.compile(r"\b(0[xX][0-9A-Fa-f]+|[0-9]+)([KM])\b", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"[0-9][0-9A-Fa-f]*[hH]")
_LINE_COMMENT = re.compile(r"[ \t]*(?:@|;|//|#).*$", re.MULTILINE)


def assembler_symbols(path: str, source: SourceText, preprocessor: Preprocessor) -> list[Symbol]:
    """Return labels and aliases as functions (a label's up to the next one), constants and macros, by their lines."""
    text = source.code
    environment = Environment(preprocessor.macros)
    labels = [match for match in _LABEL.finditer(text) if not _label(match).startswith(_LOCAL)]
    ends = [*(match.start() for match in labels[1:]), len(text)][: len(labels)]
    symbols = [
        _symbol(path, source, "function", "label", _label(match), match.start(), _last_code(text, match.start(), end))
        for match, end in zip(labels, ends, strict=True)
    ]
    for match in _CONSTANT.finditer(text):
        name, expression = [group for group in match.groups() if group is not None]
        if name.startswith(_LOCAL) or name == ".":
            continue
        value = environment.value_of(_number(expression.strip()))
        if value is not None:
            environment.define(name, value)
        symbols.append(_symbol(path, source, "constant", "equ", name, match.start(), match.end(), value=value))
    for match in _ALIAS.finditer(text):
        symbols.append(_symbol(path, source, "function", "alias", match[1], match.start(), match.end()))
    for match in _MACRO.finditer(text):
        stop = text.find(".endm", match.end())
        end = stop + 5 if stop >= 0 else match.end()
        symbols.append(_symbol(path, source, "macro", "asm_macro", match[1], match.start(), end))
    symbols += _macros(path, source, preprocessor, environment)
    return sorted(symbols, key=lambda symbol: (symbol.line, symbol.end_line, symbol.name))


def linker_symbols(path: str, source: SourceText, preprocessor: Preprocessor) -> list[Symbol]:
    """Return memory regions (value = origin), assigned symbols and macros of a linker script, by their lines."""
    environment = Environment(preprocessor.macros)
    found = [("region", match.span(), match[1], match[2]) for match in _REGION.finditer(source.code)]
    found += [
        ("assignment", match.span(), match["name"], match["value"]) for match in _ASSIGNMENT.finditer(source.code)
    ]
    symbols = []
    for form, span, name, expression in sorted(found, key=lambda each: each[1]):
        value = environment.value_of(_SIZE.sub(_written_out, " ".join(expression.split())))
        if value is not None:
            environment.define(name, value)
        symbols.append(_symbol(path, source, "constant", form, name, *span, value=value))
    symbols += _macros(path, source, preprocessor, environment)
    return sorted(symbols, key=lambda symbol: (symbol.line, symbol.end_line, symbol.name))


def _macros(path: str, source: SourceText, preprocessor: Preprocessor, environment: Environment) -> Iterator[Symbol]:
    for macro in preprocessor.macros:
        value = environment.value_of(macro.body) if macro.parameters is None else None
        yield _symbol(path, source, "macro", macro.role, macro.name, macro.start, macro.end, value=value)


def _label(match: re.Match[str]) -> str:
    return match[1] or match[2] or match[3]


def _symbol(
    path: str,
    source: SourceText,
    kind: SymbolKind,
    form: str,
    name: str,
    start: int,
    end: int,
    *,
    value: int | None = None,
) -> Symbol:
    text = source.text[start:end]
    line = source.line_of(start + len(text) - len(text.lstrip()))
    end_line = source.line_of(max(end - 1, start))
    tokens = code_tokens(_LINE_COMMENT.sub("", text) if form in ("label", "asm_macro") else text)
    return Symbol(
        path=path,
        kind=kind,
        name=name,
        line=line,
        end_line=end_line,
        form=form,
        value=value,
        declaration=shortened(source.plain(text.strip().split("\n")[0])),
        comment=source.comment_of(line, end_line if form != "label" else line, trailing_first=form != "label"),
        references=references_in(tokens, name),
        revision=revision_of(tokens),
    )


def _last_code(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


def _written_out(size: re.Match[str]) -> str:
    """Return a linker script's number with its K or M multiplied."""
    return f"({size[1]} * {1024 if size[2].upper() == 'K' else 1024 * 1024})"


def _number(expression: str) -> str:
    """Return an assembler's expression as C writes it: no comment behind it, 0FFh as 0xFF."""
    expression = expression.partition(" #")[0].strip()
    return f"0x{expression[:-1]}" if _HEXADECIMAL.fullmatch(expression) else expression
