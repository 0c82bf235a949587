"""Assembler and linker text -> symbols: labels, constants, macros, memory regions, symbol assignments."""

import re

from mapper.code.defines import Preprocessor
from mapper.code.normal import code_tokens, references_in, revision_of, shortened
from mapper.code.text import SourceText
from mapper.code.values import evaluate
from mapper.model import Symbol, SymbolKind

_LABEL = re.compile(r"^([A-Za-z_][\w.$]*)(?:[ \t]*:|[ \t]+(?:PROC|FUNCTION)\b)", re.MULTILINE)
_CONSTANT = re.compile(
    r"^[ \t]*(?:\.(?:equ|set|equiv)[ \t]+([A-Za-z_]\w*)[ \t]*,[ \t]*([^\n@;]+)"
    r"|([A-Za-z_]\w*)[ \t]+(?:EQU|equ)[ \t]+([^\n@;]+))",
    re.MULTILINE,
)
_MACRO = re.compile(r"^[ \t]*\.macro[ \t]+([A-Za-z_]\w*)([^\n]*)", re.MULTILINE)
_REGION = re.compile(
    r"^[ \t]*([A-Za-z_]\w*)[ \t]*(?:\([^)\n]*\))?[ \t]*:[ \t]*(?:ORIGIN|org|o)[ \t]*=[ \t]*([^,\n]+),"
    r"[ \t]*(?:LENGTH|len|l)[ \t]*=[ \t]*([^\n/]+)",
    re.MULTILINE | re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    r"^[ \t]*(?:PROVIDE(?:_HIDDEN)?[ \t]*\([ \t]*)?([A-Za-z_]\w*)[ \t]*=[ \t]*([^;\n]+?)\)?[ \t]*;", re.MULTILINE
)
_SIZE = re.compile(r"^(\w+)([KM])$", re.IGNORECASE)
_LINE_COMMENT = re.compile(r"[ \t]*(?:@|;|//|#).*$", re.MULTILINE)


def assembler_symbols(path: str, source: SourceText, preprocessor: Preprocessor) -> list[Symbol]:
    """Return labels as functions (up to the next label), constants and macros, in order of their lines."""
    text = source.text
    labels = [match for match in _LABEL.finditer(text) if not match[1].startswith((".L", "L$"))]
    ends = [*(match.start() for match in labels[1:]), len(text)][: len(labels)]
    symbols = [
        _symbol(path, source, "function", "label", match[1], match.start(), _last_code(text, match.start(), end))
        for match, end in zip(labels, ends, strict=True)
    ]
    for match in _CONSTANT.finditer(text):
        name, expression = (match[1], match[2]) if match[1] else (match[3], match[4])
        value = evaluate(expression.strip())
        symbols.append(_symbol(path, source, "constant", "equ", name, match.start(), match.end(), value=value))
    for match in _MACRO.finditer(text):
        stop = text.find(".endm", match.end())
        end = stop + 5 if stop >= 0 else match.end()
        symbols.append(_symbol(path, source, "macro", "asm_macro", match[1], match.start(), end))
    for macro in preprocessor.macros:
        value = evaluate(macro.body) if macro.parameters is None else None
        symbols.append(_symbol(path, source, "macro", macro.role, macro.name, macro.start, macro.end, value=value))
    return sorted(symbols, key=lambda symbol: (symbol.line, symbol.end_line, symbol.name))


def linker_symbols(path: str, source: SourceText) -> list[Symbol]:
    """Return memory regions (value = origin) and assigned symbols of a linker script, in order of their lines."""
    symbols = []
    for form, pattern in (("region", _REGION), ("assignment", _ASSIGNMENT)):
        for match in pattern.finditer(source.text):
            value = evaluate(_sized(match[2].strip()))
            symbols.append(_symbol(path, source, "constant", form, match[1], match.start(), match.end(), value=value))
    return sorted(symbols, key=lambda symbol: (symbol.line, symbol.end_line, symbol.name))


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


def _sized(expression: str) -> str:
    """Return a linker script's number with K and M written out."""
    match = _SIZE.match(expression)
    return f"{match[1]} * {1024 if match[2].upper() == 'K' else 1024 * 1024}" if match else expression
