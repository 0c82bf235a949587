"""Find the places of a source text where an item can be cut.

Three kinds: the next line, the next unit (function body, `#define` group, struct fields, device tree node, assembler
block) and the suffix of a snippet after 75 %. References end at a line's end. Nothing here depends on chance: the
builder chooses among the cuts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from eval.suite.items import Cut

MIN_CONTEXT_LINES = 3
MIN_CODE_CHARACTERS = 8  # a shorter line (a brace, an #endif) asks nothing
MIN_DEFINES = 4  # lines of a #define group: half is shown, half is asked
PATTERN_WINDOW = 6  # lines before the reference that its shape is looked for in
PATTERN_REPEATS = 2
SUFFIX_AFTER = 0.75

ASSEMBLER_SUFFIXES = frozenset({".s", ".asm"})
DEVICE_TREE_SUFFIXES = frozenset({".dts", ".dtsi", ".overlay"})

_MASKED = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_DEFINE = re.compile(r"\s*#\s*define\s+\w+")
_LABEL = re.compile(r"[A-Za-z_.$][\w.$]*:")
_AGGREGATE = re.compile(r"\b(?:struct|union|enum)\b[^;()]*\{\s*$")
_FUNCTION = re.compile(r"\)[^;={}]*\{\s*$|\)\s*$")
_WORDS = re.compile(r"0[xX][0-9a-fA-F]+[uUlL]*|\d[\w.]*|[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class CutPoint:
    """The reference is lines[line:end]; the context is what stands before it."""

    cut: Cut
    line: int
    end: int


def cut_points(lines: list[str], masked: list[str], path: str, snippet_bytes: int) -> Iterator[CutPoint]:
    """Yield the places where a text can be cut, in order. `masked` is the text of `mask`, line by line."""
    for start, end in _units(masked, path):
        yield CutPoint("next_unit", start, end)
    for line in range(MIN_CONTEXT_LINES, len(lines)):
        if is_code(masked[line]):
            yield CutPoint("next_line", line, line + 1)
    yield from _suffixes(lines, masked, snippet_bytes)


def mask(text: str) -> str:
    """Return the text with comments and the insides of strings blanked; line breaks and lengths stay."""
    return _MASKED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def is_code(masked_line: str) -> bool:
    """Return whether a line, its comments blanked, asks something: more than a brace or the end of a condition."""
    return len(re.sub(r"\s", "", masked_line)) >= MIN_CODE_CHARACTERS


def is_patterned(context: str, reference: str) -> bool:
    """Return whether each line of the reference has the shape of at least two of the lines just before it.

    A line's shape is its punctuation with every word and number replaced: generated tables and sequential registers
    have one shape, and reward memory.
    """
    before = [_shape(line) for line in context.splitlines() if line.strip()][-PATTERN_WINDOW:]
    asked = [_shape(line) for line in reference.splitlines() if line.strip()]
    return bool(asked) and all(before.count(shape) >= PATTERN_REPEATS for shape in asked)


def _shape(line: str) -> str:
    words = _WORDS.sub(lambda match: "0" if match[0][0].isdigit() else _word_shape(match[0]), line)
    return re.sub(r"\s+", " ", words).strip()


def _word_shape(word: str) -> str:
    """Keep the words that make a line what it is; any other name is a name."""
    return word if word in {"define", "include", "return", "if", "else", "for", "while", "switch", "case"} else "x"


def _units(masked: list[str], path: str) -> Iterator[tuple[int, int]]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in ASSEMBLER_SUFFIXES:
        yield from _assembler_blocks(masked)
        return
    yield from _define_groups(masked)
    yield from _braced(masked, any_header=suffix in DEVICE_TREE_SUFFIXES)


def _braced(masked: list[str], *, any_header: bool) -> Iterator[tuple[int, int]]:
    """Yield (line after the opening brace, line after the closing one) of bodies of functions, structs and nodes."""
    opened: list[int | None] = []
    for number, line in enumerate(masked):
        for character in line:
            if character == "{":
                opened.append(number + 1 if _opens_unit(masked, number, any_header) else None)
            elif character == "}" and opened:
                start = opened.pop()
                if start is not None and start < number and (any_header or not any(opened)):
                    yield start, number + 1


def _opens_unit(masked: list[str], number: int, any_header: bool) -> bool:
    line = masked[number].rstrip()
    if not line.endswith("{"):
        return False
    if any_header or _AGGREGATE.search(line):
        return True
    header = line if line.strip() != "{" else (masked[number - 1].rstrip() if number else "")
    return bool(_FUNCTION.search(header) or re.search(r"\b(?:struct|union|enum)\b", header))


def _define_groups(masked: list[str]) -> Iterator[tuple[int, int]]:
    start = None
    for number, line in enumerate([*masked, ""]):
        if _DEFINE.match(line):
            start = number if start is None else start
        elif start is not None:
            if number - start >= MIN_DEFINES:
                yield (start + number) // 2, number
            start = None


def _assembler_blocks(masked: list[str]) -> Iterator[tuple[int, int]]:
    start = None
    for number, line in enumerate([*masked, ""]):
        label = _LABEL.match(line) is not None
        if start is not None and (label or not line.strip()):
            if number - start >= 2:
                yield start, number
            start = None
        if label:
            start = number + 1


def _suffixes(lines: list[str], masked: list[str], snippet_bytes: int) -> Iterator[CutPoint]:
    """Yield one cut for each snippet of about this many bytes, at the line that begins past three quarters of it."""
    start = size = 0
    for number, line in enumerate(lines):
        size += len(line.encode())
        last = number == len(lines) - 1
        if size < snippet_bytes and not last:
            continue
        cut, passed = start, 0
        while cut < number and passed < SUFFIX_AFTER * size:
            passed += len(lines[cut].encode())
            cut += 1
        if cut - start >= MIN_CONTEXT_LINES and is_code(masked[cut]):
            yield CutPoint("suffix", cut, number + 1)
        start, size = number + 1, 0
