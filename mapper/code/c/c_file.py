"""C and C++ text -> symbols of the six kinds: the parser's declarations, the line scan's macros, config uses."""

import re
from collections.abc import Container, Iterable, Sequence

from mapper.code.c.blank import blank, overwritten
from mapper.code.c.defines import Macro, Preprocessor
from mapper.code.c.environment import Environment
from mapper.code.c.layout import member_offsets
from mapper.code.c.recover import parse_recovered
from mapper.code.c.registers import with_registers
from mapper.code.c.symbols import Declaration, Parsed
from mapper.code.normal import code_tokens, references_in, revision_of, shortened
from mapper.code.text import SourceText
from mapper.model import Symbol, SymbolKind

_WORDS = re.compile(r"[\w \t]*\w[\w \t]*")
_CONFIG_USE = re.compile(r"(?<!\w)CONFIG_[A-Z0-9_]+(?!\w)")
_DIRECTIVE_LINE = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_CPP_SIGN = re.compile(
    r"^[ \t]*(?:class|namespace)[ \t]+\w+[^;=]{0,200}?[{:]|^[ \t]*template\s*<|\w::~?\w"
    r"|^[ \t]*(?:public|private|protected)[ \t]*:|^[ \t]*using[ \t]+\w+",
    re.MULTILINE,
)
_CPP_WORDS = ("class", "namespace", "template", "public", "private", "protected", "using")
_KIND_OF_FORM: dict[str, SymbolKind] = {
    "function": "function",
    "prototype": "function",
    "struct": "struct",
    "union": "struct",
    "class": "struct",
    "enum": "struct",
    "typedef": "struct",
    "member": "struct",
    "enumerator": "constant",
    "const": "constant",
}


def shows_cpp(source: SourceText, words: Container[str]) -> bool:
    """Return whether a header's code, comments aside, holds what only C++ has; `words` are its identifiers."""
    may_show = "::" in source.code or any(word in words for word in _CPP_WORDS)
    return may_show and _CPP_SIGN.search(source.code) is not None


def c_symbols(
    path: str, source: SourceText, preprocessor: Preprocessor, language: str, words: Iterable[str]
) -> tuple[list[Symbol], int]:
    """Return the symbols in order of their lines, and the number of bytes that the parser could not read.

    `words` are the identifiers of the file.
    """
    parsed = outline(source, preprocessor, language, words)
    environment = Environment(preprocessor.macros)
    reader = _Reader(path, source, preprocessor, environment)
    symbols = reader.declared(parsed)
    symbols += [reader.macro(macro) for macro in preprocessor.macros]
    symbols += reader.config_uses({symbol.name for symbol in symbols})
    symbols.sort(key=lambda symbol: (symbol.line, symbol.end_line, symbol.form, symbol.name))
    return with_registers(symbols), parsed.bytes_under_error


def macro_symbols(path: str, source: SourceText, preprocessor: Preprocessor) -> list[Symbol]:
    """Return the macros alone, in order of their lines: for files too large to parse."""
    reader = _Reader(path, source, preprocessor, Environment(preprocessor.macros))
    return with_registers([reader.macro(macro) for macro in preprocessor.macros])


def outline(source: SourceText, preprocessor: Preprocessor, language: str, words: Iterable[str]) -> Parsed:
    """Return the declarations of a file: names, places and scopes, which is what ctags gives."""
    code = overwritten(source.code.encode("latin-1"), [*preprocessor.plain_spans, *source.braced_spans])
    return parse_recovered(blank(code, words, preprocessor.condition_spans, source.string_spans), language)


def _without_repeated_prototypes(declarations: Sequence[Declaration]) -> list[Declaration]:
    """Return the declarations without prototypes of what is defined or already declared in the file."""
    defined = {(each.scope, each.name) for each in declarations if each.form == "function"}
    kept = []
    for each in declarations:
        if each.form == "prototype":
            if (each.scope, each.name) in defined:
                continue
            defined.add((each.scope, each.name))
        kept.append(each)
    return kept


class _Reader:
    """Makes symbols of one file from declarations and macros."""

    def __init__(self, path: str, source: SourceText, preprocessor: Preprocessor, environment: Environment) -> None:
        self._path = path
        self._source = source
        self._preprocessor = preprocessor
        self._environment = environment

    def declared(self, parsed: Parsed) -> list[Symbol]:
        """Return the symbols of declarations, enumerators with their implicit values."""
        last: dict[int, int | None] = {}
        symbols = []
        offsets = member_offsets(self._source, self._preprocessor, parsed, self._environment)
        for each in _without_repeated_prototypes(parsed.declarations):
            value: int | None = None
            if each.form == "enumerator":
                before = last.get(each.group, -1)
                value = self._value(each) if each.value else (None if before is None else before + 1)
                last[each.group] = value
            elif each.form == "const" and each.value:
                value = self._value(each)
            if value is not None:
                self._environment.define(each.name, value)
            symbols.append(self._symbol(each, value, offsets.get(each.name_at)))
        return symbols

    def macro(self, macro: Macro) -> Symbol:
        """Return the symbol of a #define."""
        tokens = code_tokens(self._source.code[macro.start : macro.end])
        parameters = macro.parameters
        call = macro.name if parameters is None else f"{macro.name}({', '.join(parameters)})"
        kind: SymbolKind = "config" if macro.role == "default" else "macro"
        value = self._environment.value_of(macro.body) if parameters is None else None
        if value is not None:
            self._environment.define(macro.name, value)
        return Symbol(
            path=self._path,
            kind=kind,
            name=macro.name,
            line=macro.line,
            end_line=macro.end_line,
            form=macro.role,
            value=value,
            declaration=shortened(self._source.plain(f"#define {call} {macro.body}")),
            comment=self._source.comment_of(macro.line, macro.end_line, trailing_first=True),
            references=references_in(tokens, macro.name, *(parameters or ()), "define"),
            guard=_plain_or_none(self._source, macro.guard),
            revision=revision_of(tokens),
        )

    def config_uses(self, defined: set[str]) -> list[Symbol]:
        """Return a symbol for the first use of each CONFIG_ word that this file does not define itself."""
        if "CONFIG_" not in self._source.text:
            return []
        symbols: dict[str, Symbol] = {}
        for match in _CONFIG_USE.finditer(self._source.text):
            name = match.group()
            if name in defined or name in symbols:
                continue
            line = self._source.line_of(match.start())
            symbols[name] = Symbol(
                path=self._path,
                kind="config",
                name=name,
                line=line,
                end_line=line,
                form="use",
                guard=_plain_or_none(self._source, self._preprocessor.guard_at(line - 1)),
                revision=revision_of([name]),
            )
        return list(symbols.values())

    def _with_attributes(self, start: int) -> int:
        """Return where a declaration begins with the attribute macros before it, which were blanked for the parser."""
        line_start = self._source.text.rfind("\n", 0, start) + 1
        return line_start if _WORDS.fullmatch(self._source.text, line_start, start) else start

    def _value(self, declaration: Declaration) -> int | None:
        assert declaration.value is not None
        return self._environment.value_of(" ".join(self._source.text[slice(*declaration.value)].split()))

    def _symbol(self, each: Declaration, value: int | None, offset: int | None) -> Symbol:
        text = self._source.code
        start = self._with_attributes(each.start)
        head, body = code_tokens(text[start : each.head_end]), code_tokens(text[each.head_end : each.end])
        line_of = self._source.line_of
        line, end_line = line_of(each.name_at), line_of(each.end)
        trailing_first = each.form in ("member", "enumerator", "const")
        used = body if each.form == "function" else code_tokens(text[slice(*each.value)]) if each.value else []
        return Symbol(
            path=self._path,
            kind=_KIND_OF_FORM[each.form],
            name=self._source.plain(each.name),
            line=line,
            end_line=end_line,
            scope=each.scope,
            form=each.form,
            value=value,
            offset=offset,
            declaration=shortened(self._source.plain(_spaced(text[start : min(each.head_end, start + 2000)]))),
            comment=self._source.comment_of(line_of(each.start), end_line, trailing_first=trailing_first),
            references=tuple(map(self._source.plain, references_in(used, each.name))),
            guard=_plain_or_none(self._source, self._preprocessor.guard_at(line)),
            revision=revision_of(head + body),
        )


def _spaced(text: str) -> str:
    if "#" in text:
        text = _DIRECTIVE_LINE.sub(" ", text)
    return " ".join(text.split())


def _plain_or_none(source: SourceText, text: str | None) -> str | None:
    return None if text is None else source.plain(text)
