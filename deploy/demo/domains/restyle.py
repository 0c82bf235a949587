"""Give C text the indentation and brace placement of a house."""

import re

_OPENING = re.compile(r"^(\s*)(.*(?:\)|\belse|\bdo|\bstruct \w+|\benum \w+|\btypedef (?:struct|enum))) \{$")
_ELSE = re.compile(r"^(\s*)\} (else.*) \{$")
_LEVEL = "    "


def restyle(text: str, *, indent: str, allman: bool) -> str:
    """Return text written with four spaces and attached braces in another layout; macros keep theirs."""
    out: list[str] = []
    in_macro = False
    for line in text.split("\n"):
        macro = in_macro or line.startswith("#")
        in_macro = macro and line.endswith("\\")
        out += [line] if macro or not allman else _open_below(line)
    return "\n".join(_indent(line, indent) for line in out)


def _open_below(line: str) -> list[str]:
    if match := _ELSE.match(line):
        return [f"{match[1]}}}", f"{match[1]}{match[2]}", f"{match[1]}{{"]
    if match := _OPENING.match(line):
        return [f"{match[1]}{match[2]}", f"{match[1]}{{"]
    return [line]


def _indent(line: str, indent: str) -> str:
    levels = 0
    while line.startswith(_LEVEL, levels * len(_LEVEL)):
        levels += 1
    return indent * levels + line[levels * len(_LEVEL) :]
