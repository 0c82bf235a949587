"""Device tree text -> nodes and macros. Plain rules: a node is `[label:] name[@unit] {`, its end the matching brace.

A node `&label {` or `&{/path} {` adds to one that stands elsewhere; its declaration keeps the "&".
"""

import re
from dataclasses import dataclass, field

from mapper.code.c.defines import Preprocessor
from mapper.code.c.environment import Environment
from mapper.code.normal import code_tokens, references_in, revision_of, shortened
from mapper.code.text import SourceText
from mapper.code.values import evaluate
from mapper.model import Symbol

_TOKEN = re.compile(
    r""""(?:[^"\\\n]|\\.)*"
    |(?P<open>(?<![\w,.+\-/&:])(?:(?P<label>[A-Za-z_]\w*+)[ \t]*:\s*+){0,3}
        (?P<name>/|&\{[^{}\n]*\}|&?[A-Za-z0-9_][\w,.+\-/]*+)(?:@(?P<unit>[\w,.]+))?\s*\{)
    |(?P<close>\}\s*;?)""",
    re.DOTALL | re.VERBOSE,
)
_COMPATIBLE = re.compile(r"\bcompatible\s*=\s*([^;{}]+);")
_ONE_CELL_REG = re.compile(r"\breg\s*=\s*<\s*([\w()]+)\s*>\s*;")
_QUOTED = re.compile(r"\"([^\"\n]+)\"")


@dataclass(slots=True)
class _Node:
    name: str
    label: str | None
    unit: str | None
    start: int
    scope: str | None
    body: int
    children: list[tuple[int, int]] = field(default_factory=list)

    @property
    def symbol_name(self) -> str:
        return self.label or self.name.lstrip("&").strip("{}")


def devicetree_symbols(path: str, source: SourceText, preprocessor: Preprocessor) -> list[Symbol]:
    """Return a symbol for every node and every macro, in order of their lines.

    A node's name is its label if it has one, its scope the node around it, its value the unit address, or the address
    in a `reg` of one number.
    """
    environment = Environment(preprocessor.macros)
    symbols: list[Symbol] = []
    stack: list[_Node] = []
    for match in _TOKEN.finditer(source.code):
        if match["open"]:
            scope = stack[-1].symbol_name if stack else None
            stack.append(_Node(match["name"], match["label"], match["unit"], match.start(), scope, match.end()))
        elif match["close"] and stack:
            node = stack.pop()
            symbols.append(_node_symbol(path, source, preprocessor, environment, node, match.end()))
            if stack:
                stack[-1].children.append((node.start, match.end()))
    for macro in preprocessor.macros:
        tokens = code_tokens(source.text[macro.start : macro.end])
        symbols.append(
            Symbol(
                path=path,
                kind="macro",
                name=macro.name,
                line=macro.line,
                end_line=macro.end_line,
                form=macro.role,
                value=environment.value_of(macro.body) if macro.parameters is None else None,
                declaration=shortened(source.plain(f"#define {macro.name} {macro.body}")),
                comment=source.comment_of(macro.line, macro.end_line, trailing_first=True),
                guard=source.plain(macro.guard) if macro.guard else None,
                revision=revision_of(tokens),
            )
        )
    return sorted(symbols, key=lambda symbol: (symbol.line, symbol.end_line, symbol.name))


def _node_symbol(
    path: str, source: SourceText, preprocessor: Preprocessor, environment: Environment, node: _Node, end: int
) -> Symbol:
    line, end_line = source.line_of(node.start), source.line_of(end - 1)
    own = _own_text(source.code, node, end)
    address = evaluate(f"0x{node.unit}") if node.unit else None
    if address is None and (reg := _ONE_CELL_REG.search(own)):
        address = environment.value_of(reg[1])
    compatible = [string for match in _COMPATIBLE.findall(own) for string in _QUOTED.findall(match)]
    unit = f"@{node.unit}" if node.unit else ""
    listed = f" {{ compatible = {', '.join(compatible)} }}" if compatible else ""
    return Symbol(
        path=path,
        kind="struct",
        name=node.symbol_name,
        line=line,
        end_line=end_line,
        scope=node.scope,
        form="node",
        value=address,
        declaration=shortened(source.plain(f"{node.name}{unit}{listed}")),
        comment=source.comment_of(line, end_line, trailing_first=False),
        references=references_in(code_tokens(own)),
        guard=preprocessor.guard_at(line),
        revision=revision_of(code_tokens(f"{node.name}{unit} {own}")),
    )


def _own_text(text: str, node: _Node, end: int) -> str:
    """Return a node's properties without the nodes inside it."""
    pieces, at = [], node.body
    for start, stop in node.children:
        pieces.append(text[at:start])
        at = stop
    return "".join([*pieces, text[at : end - 1]])
