"""Declarations of a C or C++ file, from a walk over tree-sitter's tree.

The walk keeps its own stack and does not enter function bodies or initialisers, so deep nesting costs nothing. Where
the parser is lost, what is whole inside the ERROR node is still taken; macros are the line scan's work (defines.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_c
import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from mapper.code.wordlist import word_set

_LANGUAGES = {"c": Language(tree_sitter_c.language()), "cpp": Language(tree_sitter_cpp.language())}

_CONTAINERS = word_set(
    "translation_unit preproc_if preproc_ifdef preproc_else preproc_elif preproc_elifdef linkage_specification "
    "declaration_list template_declaration ERROR field_declaration_list enumerator_list"
)
_TYPE_FORMS = {
    "struct_specifier": "struct",
    "union_specifier": "union",
    "class_specifier": "class",
    "enum_specifier": "enum",
}
_WRAPPERS = word_set(
    "pointer_declarator array_declarator parenthesized_declarator init_declarator reference_declarator "
    "attributed_declarator function_declarator"
)
_NAMES = word_set(
    "identifier field_identifier type_identifier qualified_identifier destructor_name operator_name operator_cast "
    "template_function"
)
_TEMPLATE_ARGUMENTS = re.compile(rb"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A named thing as the tree shows it; offsets are bytes, lines 1-based."""

    form: str
    """function, prototype, struct, union, class, enum, typedef, member, enumerator or const."""
    name: str
    scope: str | None
    start: int
    end: int
    start_line: int
    line: int
    """Line of the name."""
    end_line: int
    head_end: int
    """Where the body begins, or the end."""
    value: tuple[int, int] | None = None
    """Span of the initialiser or of the enumerator's expression."""
    group: int = 0
    """Offset of the enum that holds an enumerator, or of the struct that holds a member."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one parse gives: declarations in order of the text, and how many bytes lie under ERROR nodes."""

    declarations: tuple[Declaration, ...]
    bytes_under_error: int


@dataclass(frozen=True, slots=True)
class _Frame:
    node: Node
    scope: str | None
    group: int
    lost: bool
    """Inside an ERROR node: a declaration there may be a local variable."""


def find_declarations(data: bytes, language: str) -> Parsed:
    """Return the declarations in data, which should have been blanked (blank.py)."""
    tree = Parser(_LANGUAGES[language]).parse(data)
    declarations: list[Declaration] = []
    error_bytes = 0
    stack = [_Frame(tree.root_node, None, 0, False)]
    while stack:
        frame = stack.pop()
        if frame.node.type == "ERROR" and not frame.lost:
            error_bytes += frame.node.end_byte - frame.node.start_byte
        stack.extend(reversed(_visit(data, frame, declarations)))
    return Parsed(tuple(declarations), error_bytes)


def _visit(data: bytes, frame: _Frame, out: list[Declaration]) -> list[_Frame]:
    """Add the declarations of one node to out and return the nodes to visit inside it."""
    node, kind = frame.node, frame.node.type
    if kind in _CONTAINERS:
        lost = frame.lost or kind == "ERROR"
        return [_Frame(child, frame.scope, frame.group, lost) for child in node.named_children]
    if kind == "namespace_definition":
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        scope = _joined(frame.scope, _text(data, name)) if name is not None else frame.scope
        return [] if body is None else [_Frame(body, scope, frame.group, frame.lost)]
    if kind == "function_definition":
        return _function(data, frame, out)
    if kind in ("declaration", "field_declaration"):
        return _declaration(data, frame, out)
    if kind == "type_definition":
        return _typedef(data, frame, out)
    if kind in _TYPE_FORMS:
        return _type(data, frame, node, out, owner=None)
    if kind == "enumerator":
        _enumerator(data, frame, out)
    elif kind == "alias_declaration":
        name = node.child_by_field_name("name")
        if name is not None:
            out.append(_declared(data, "typedef", name, frame, node))
    return []


def _function(data: bytes, frame: _Frame, out: list[Declaration]) -> list[_Frame]:
    node = frame.node
    declarator = node.child_by_field_name("declarator")
    found = _declared_name(declarator) if declarator is not None else None
    type_node = node.child_by_field_name("type")
    if found is None or not found.is_function:
        return [] if type_node is None else _type(data, frame, type_node, out, owner=None)
    body = node.child_by_field_name("body")
    form = "function" if body is not None else "prototype"  # "= default" and "= delete" have no body
    out.append(_declared(data, form, found.node, frame, node, head_end=body.start_byte if body else None))
    return []


def _declaration(data: bytes, frame: _Frame, out: list[Declaration]) -> list[_Frame]:
    node = frame.node
    declarators = node.children_by_field_name("declarator")
    type_node = node.child_by_field_name("type")
    names = [found for found in map(_declared_name, declarators) if found is not None]
    owner = _text(data, names[0].node) if names and node.type == "field_declaration" else None
    inside = _type(data, frame, type_node, out, owner=owner) if type_node is not None else []
    head = data[node.start_byte : declarators[0].start_byte if declarators else node.end_byte].split()
    is_const = (b"const" in head or b"constexpr" in head) and b"extern" not in head
    for declarator, found in zip(declarators, map(_declared_name, declarators), strict=True):
        if found is None:
            continue
        if found.is_function:
            if b"typedef" not in head and not frame.lost:
                out.append(_declared(data, "prototype", found.node, frame, node))
            continue
        initial = declarator.child_by_field_name("value") or node.child_by_field_name("default_value")
        if node.type == "field_declaration" and not (is_const and initial is not None):
            out.append(_declared(data, "member", found.node, frame, node))
        elif is_const and not frame.lost:
            out.append(_declared(data, "const", found.node, frame, node, initial=initial))
    return inside


def _typedef(data: bytes, frame: _Frame, out: list[Declaration]) -> list[_Frame]:
    node = frame.node
    names = [found.node for found in map(_declared_name, node.children_by_field_name("declarator")) if found]
    type_node = node.child_by_field_name("type")
    owner = _text(data, names[0]) if names else None
    inside = _type(data, frame, type_node, out, owner=owner) if type_node is not None else []
    body = type_node.child_by_field_name("body") if type_node is not None else None
    for name in names:
        out.append(_declared(data, "typedef", name, frame, node, head_end=body.start_byte if body else None))
    return inside


def _type(data: bytes, frame: _Frame, node: Node, out: list[Declaration], *, owner: str | None) -> list[_Frame]:
    """Add a struct, union, class or enum that has a body; what it holds gets its name, or its owner's, as scope."""
    form = _TYPE_FORMS.get(node.type)
    body = node.child_by_field_name("body") if form else None
    if form is None or body is None:
        return []
    name = node.child_by_field_name("name")
    if name is not None:
        out.append(_declared(data, form, name, frame, node, head_end=body.start_byte))
        owner = _text(data, name)
    scope = frame.scope if owner is None else _joined(frame.scope, owner)
    return [_Frame(body, scope, node.start_byte, frame.lost)]


def _enumerator(data: bytes, frame: _Frame, out: list[Declaration]) -> None:
    name = frame.node.child_by_field_name("name")
    if name is not None:
        initial = frame.node.child_by_field_name("value")
        out.append(_declared(data, "enumerator", name, frame, frame.node, initial=initial))


def _declared(
    data: bytes,
    form: str,
    name: Node,
    frame: _Frame,
    node: Node,
    *,
    head_end: int | None = None,
    initial: Node | None = None,
) -> Declaration:
    text = _text(data, name)
    scope, word = _split_name(text.partition("(")[0].rstrip() if _is_cast_operator(name) else text)
    parent = node.parent
    if parent is not None and parent.type == "template_declaration":
        node = parent
    return Declaration(
        form=form,
        name=word,
        scope=_joined(frame.scope, scope) if scope else frame.scope,
        start=node.start_byte,
        end=node.end_byte,
        start_line=node.start_point[0] + 1,
        line=name.start_point[0] + 1,
        end_line=node.end_point[0] + 1,
        head_end=head_end if head_end is not None else node.end_byte,
        value=(initial.start_byte, initial.end_byte) if initial is not None else None,
        group=frame.group,
    )


@dataclass(frozen=True, slots=True)
class _Name:
    node: Node
    is_function: bool


def _declared_name(declarator: Node) -> _Name | None:
    """Return the name inside a declarator; a pointer to a function is no function."""
    if _is_cast_operator(declarator):
        return _Name(declarator, True)
    node, is_function = declarator, False
    while node.type in _WRAPPERS:
        if node.type == "function_declarator":
            is_function = True
        elif node.type in ("pointer_declarator", "array_declarator"):
            is_function = False
        inner = node.child_by_field_name("declarator") or next(_candidates(node), None)
        if inner is None:
            return None
        node = inner
    return _Name(node, is_function) if node.type in _NAMES and node.end_byte > node.start_byte else None


def _is_cast_operator(declarator: Node) -> bool:
    """Return whether a declarator is `operator T()`, which holds its parameters itself."""
    node: Node | None = declarator
    while node is not None and node.type == "qualified_identifier":
        node = node.child_by_field_name("name")
    return node is not None and node.type == "operator_cast"


def _candidates(node: Node) -> Iterator[Node]:
    return (child for child in node.named_children if child.type in _WRAPPERS or child.type in _NAMES)


def _split_name(text: str) -> tuple[str | None, str]:
    scope, _, name = text.rpartition("::")
    return (scope or None), name


def _joined(scope: str | None, name: str) -> str:
    return f"{scope}::{name}" if scope else name


def _text(data: bytes, node: Node) -> str:
    raw = data[node.start_byte : node.end_byte]
    if b"<" in raw and not raw.startswith(b"operator"):
        raw = _TEMPLATE_ARGUMENTS.sub(b"", raw)
    return b" ".join(raw.split()).decode("utf-8", "replace")
