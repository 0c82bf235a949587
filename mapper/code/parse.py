"""One file -> SourceFile. The result depends on path and content alone, so it can be cached by blob."""

import re
from collections import Counter
from collections.abc import Container, Iterable

from mapper.code.assembler import assembler_symbols, linker_symbols
from mapper.code.c.c_file import c_symbols, macro_symbols, outline, shows_cpp
from mapper.code.c.defines import Macro, Preprocessor
from mapper.code.c.symbols import Parsed
from mapper.code.devicetree import devicetree_symbols
from mapper.code.kconfig import kconfig_symbols
from mapper.code.licence import SCAN_CHARS, find_licence
from mapper.code.normal import KEYWORDS
from mapper.code.text import SourceText
from mapper.code.tree import language_of, role_of
from mapper.errors import SourceError
from mapper.ids import blob_id
from mapper.model import SourceFile, Symbol

MAX_FILE_BYTES = 16_000_000
"""No file beyond it is taken, of whatever language."""
MAX_PARSED_BYTES = 2_000_000
"""Of C and C++ beyond it only the macros are read; other languages are not taken beyond it."""
MIN_STRING_CHARS = 2
MAX_STRING_CHARS = 48
MAX_STRINGS = 2000

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]+")
_INCLUDE = re.compile(r"[ \t]*#[ \t]*include\b")


def parse_file(path: str, data: bytes) -> SourceFile:
    """Return a file's symbols and what else linking reads of it.

    Parse errors are no errors here: they are counted in `bytes_under_error`, and what the line scan finds stays. Of a C
    file beyond MAX_PARSED_BYTES only the macros are read: generated register headers grow that large.
    Raises SourceError, reason "too_large" beyond MAX_PARSED_BYTES (C and C++: MAX_FILE_BYTES), "binary" if there is a
    NUL byte.

    >>> from mapper import parse_file
    >>> file = parse_file("src/ab1234.h", b"#define AB1234_REG_CTRL 0x04")
    >>> [(symbol.kind, symbol.name, symbol.value, symbol.line) for symbol in file.symbols]
    [('register', 'AB1234_REG_CTRL', 4, 1)]
    """
    limit = MAX_FILE_BYTES if language_of(path) in ("c", "cpp") else MAX_PARSED_BYTES
    if len(data) > limit:
        raise SourceError(f"{path}: {len(data)} bytes, at most {limit} expected", reason="too_large")
    if b"\0" in data:
        raise SourceError(f"{path}: NUL byte at offset {data.index(0)}, text expected", reason="binary")
    source = SourceText(data)
    words = Counter(_IDENTIFIER.findall(source.text))
    language = _language(path, source, words)
    symbols, includes, bytes_under_error = _symbols(path, source, language, words)
    return SourceFile(
        path=path,
        blob_id=blob_id(data),
        num_bytes=len(data),
        language=language,
        role=role_of(path),
        symbols=tuple(symbols),
        identifiers=tuple(sorted((word, count) for word, count in words.items() if word not in KEYWORDS)),
        includes=includes,
        strings=_strings(source) if language not in ("text", "other") else (),
        header_comment=source.header_comment(),
        licence=find_licence(source.slice(0, SCAN_CHARS)),
        bytes_under_error=bytes_under_error,
    )


def outline_file(path: str, data: bytes) -> tuple[Parsed, list[Macro]]:
    """Return only the names of a C or C++ file with their places and scopes: what ctags gives of it."""
    source = SourceText(data)
    words = set(_IDENTIFIER.findall(source.code))
    preprocessor = Preprocessor(source)
    return outline(source, preprocessor, _language(path, source, words), words), preprocessor.macros


def parse_files(items: Iterable[tuple[str, bytes]]) -> list[SourceFile]:
    """Return the files that can be taken, in order; too large and binary ones are left out."""
    files = []
    for path, data in items:
        try:
            files.append(parse_file(path, data))
        except SourceError:
            continue
    return files


def _language(path: str, source: SourceText, words: Container[str]) -> str:
    language = language_of(path)
    is_cpp = language == "c" and path.lower().endswith((".h", ".inc")) and shows_cpp(source, words)
    return "cpp" if is_cpp else language


def _symbols(
    path: str, source: SourceText, language: str, words: Iterable[str]
) -> tuple[list[Symbol], tuple[str, ...], int]:
    if language == "kconfig":
        return kconfig_symbols(path, source), (), 0
    if language in ("text", "other"):
        return [], (), 0
    preprocessor = Preprocessor(source)
    if language == "asm":
        return assembler_symbols(path, source, preprocessor), preprocessor.includes, 0
    if language == "linker":
        return linker_symbols(path, source, preprocessor), preprocessor.includes, 0
    if language == "devicetree":
        return devicetree_symbols(path, source, preprocessor), preprocessor.includes, 0
    if len(source.data) > MAX_PARSED_BYTES:
        return macro_symbols(path, source, preprocessor), preprocessor.includes, 0
    symbols, bytes_under_error = c_symbols(path, source, preprocessor, language, words)
    return symbols, preprocessor.includes, bytes_under_error


def _strings(source: SourceText) -> tuple[str, ...]:
    """Return short string literals without formats and escapes, each once, in order; include names are none."""
    found: dict[str, None] = {}
    for start, end in source.string_spans:
        if MIN_STRING_CHARS + 2 <= end - start <= MAX_STRING_CHARS + 2 and source.text[start] == '"':
            string = source.text[start + 1 : end - 1].strip()
            if string and string not in found and "%" not in string and "\\" not in string:
                line_start = source.text.rfind("\n", 0, start) + 1
                if not _INCLUDE.match(source.text, line_start):
                    found[string] = None
    return tuple(map(source.plain, found))[:MAX_STRINGS]
