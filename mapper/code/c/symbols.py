"""Declarations of a C or C++ file, from a walk over tree-sitter's tree.

The walk keeps its own stack and does not enter function bodies or initialisers, so deep nesting costs nothing. Where
the parser is lost, what is whole inside the ERROR node is still taken; macros are the line scan's work (defines.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import tree_sitter_c
import tree_sitter_cpp
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from mapper.code.wordlist import word_set

_LANGUAGES = {"c": Language(tree_sitter_c.language()), "cpp": Language(tree_sitter_cpp.language())}

_LOST = {name: Query(language, "[(ERROR) (MISSING)] @lost") for name, language in _LANGUAGES.items()}

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
_STATEMENT_WORDS = word_set("if else while for do switch return sizeof defined")
"""What stands before a parenthesis and names no function, where the parser is lost."""
_TEMPLATE_ARGUMENTS = re.compile(rb"<[^<>]*>")


class Declaration(NamedTuple):
    """A named thing as the tree shows it; offsets are bytes."""

    form: str
    """function, prototype, struct, union, class, enum, typedef, member, enumerator or const."""
    name: str
    scope: str | None
    name_at: int
    """Offset of the name."""
    start: int
    end: int
    head_end: int
    """Where the body begins, or the end."""
    value: tuple[int, int] | None = None
    """Span of the initialiser or of the enumerator's expression."""
    group: int = 0
    """Offset of the enum that holds an enumerator, or of the struct that holds a member."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A struct or union with a body, named or not; offsets are bytes."""

    form: str
    tag: str | None
    start: int
    end: int
    body: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one parse gives: declarations and aggregates in order of the text, and where the parser was lost."""

    declarations: tuple[Declaration, ...]
    aggregates: tuple[Aggregate, ...]
    errors: tuple[tuple[int, int], ...]
    """Spans of the outermost ERROR nodes; where a token is missing, an empty one."""

    @property
    def bytes_under_error(self) -> int:
        return sum(end - start for start, end in self.errors)

    @property
    def damage(self) -> int:
        """How lost the parser was: bytes under ERROR nodes, and one for each token that is missing."""
        return sum(max(end - start, 1) for start, end in self.errors)


class _Frame(NamedTuple):
    node: Node
    scope: str | None
    group: int
    lost: bool
    """Inside an ERROR node: a declaration there may be a local variable."""


def find_declarations(data: bytes, language: str) -> Parsed:
    """Return the declarations in data, which should have been blanked (blank.py)."""
    tree = Parser(_LANGUAGES[language]).parse(data)
    walk = _Walk(data)
    walk.run(tree.root_node)
    errors = _errors(tree.root_node, language) if tree.root_node.has_error else ()
    return Parsed(tuple(walk.declarations), tuple(walk.aggregates), errors)


def _errors(root: Node, language: str) -> tuple[tuple[int, int], ...]:
    """Return where the parser was lost, spans within others left out."""
    found = QueryCursor(_LOST[language]).captures(root).get("lost", [])
    spans: list[tuple[int, int]] = []
    for start, end in sorted(
        {(node.start_byte, node.end_byte) for node in found}, key=lambda span: (span[0], -span[1])
    ):
        if not spans or start >= spans[-1][1]:
            spans.append((start, end))
    return tuple(spans)


class _Walk:
    """One walk over a tree, and what it has found."""

    def __init__(self, data: bytes) -> None:
        self.declarations: list[Declaration] = []
        self.aggregates: list[Aggregate] = []
        self._data = data
        self._stack: list[_Frame] = []

    def run(self, root: Node) -> None:
        """Visit the nodes that hold declarations, in order of the text."""
        self._stack.append(_Frame(root, None, 0, False))
        while self._stack:
            self._visit(self._stack.pop())

    def _visit(self, frame: _Frame) -> None:
        node, kind = frame.node, frame.node.type
        if kind in _CONTAINERS:
            lost = frame.lost or kind == "ERROR"
            scope, group = frame.scope, frame.group
            self._stack += [_Frame(child, scope, group, lost) for child in reversed(node.named_children)]
        elif kind in ("declaration", "field_declaration"):
            self._declaration(frame)
        elif kind == "function_definition":
            self._function(frame)
        elif kind == "type_definition":
            self._typedef(frame)
        elif kind == "enumerator":
            self._enumerator(frame)
        elif kind in _TYPE_FORMS:
            self._type(frame, node, owner=None)
        elif kind == "namespace_definition":
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            scope = _joined(frame.scope, _text(self._data, name)) if name is not None else frame.scope
            if body is not None:
                self._stack.append(_Frame(body, scope, frame.group, frame.lost))
        elif kind == "alias_declaration":
            name = node.child_by_field_name("name")
            if name is not None:
                self._add("typedef", name, frame, node)

    def _function(self, frame: _Frame) -> None:
        node = frame.node
        declarator = node.child_by_field_name("declarator")
        found = _declared_name(declarator) if declarator is not None else None
        if found is None or not found.is_function:
            type_node = node.child_by_field_name("type")
            if type_node is not None:
                self._type(frame, type_node, owner=None)
            return
        body = node.child_by_field_name("body")
        form = "function" if body is not None else "prototype"  # "= default" and "= delete" have no body
        self._add(form, found.node, frame, node, head_end=body.start_byte if body else None)

    def _declaration(self, frame: _Frame) -> None:
        node, data = frame.node, self._data
        is_field = node.type == "field_declaration"
        declarators = node.children_by_field_name("declarator")
        type_node = node.child_by_field_name("type")
        named = list(map(_declared_name, declarators))
        first = next((found for found in named if found is not None), None)
        owner = _text(data, first.node) if first is not None and is_field else None
        if type_node is not None:
            self._type(frame, type_node, owner=owner)
        head = data[node.start_byte : declarators[0].start_byte if declarators else node.end_byte].split()
        is_const = (b"const" in head or b"constexpr" in head) and b"extern" not in head
        for declarator, found in zip(declarators, named, strict=True):
            if found is None:
                continue
            if found.is_function:
                if b"typedef" not in head and not frame.lost:
                    self._add("prototype", found.node, frame, node)
                continue
            initial = declarator.child_by_field_name("value") or node.child_by_field_name("default_value")
            if is_field and not (is_const and initial is not None):
                self._add("member", found.node, frame, node)
            elif is_const and not frame.lost:
                self._add("const", found.node, frame, node, initial=initial)
            elif found.node.type == "qualified_identifier":
                self._add("member", found.node, frame, node)  # a static member's definition outside its class

    def _typedef(self, frame: _Frame) -> None:
        node = frame.node
        names = [found.node for found in map(_declared_name, node.children_by_field_name("declarator")) if found]
        type_node = node.child_by_field_name("type")
        head_end = None
        if type_node is not None:
            self._type(frame, type_node, owner=_text(self._data, names[0]) if names else None)
            body = type_node.child_by_field_name("body")
            head_end = body.start_byte if body else None
        for name in names:
            self._add("typedef", name, frame, node, head_end=head_end)

    def _type(self, frame: _Frame, node: Node, *, owner: str | None) -> None:
        """Add a struct, union, class or enum that has a body; what it holds gets its name, or its owner's, as scope."""
        form = _TYPE_FORMS.get(node.type)
        body = node.child_by_field_name("body") if form else None
        if form is None or body is None:
            return
        name = node.child_by_field_name("name")
        if name is not None:
            self._add(form, name, frame, node, head_end=body.start_byte)
            owner = _text(self._data, name)
        if form != "enum":
            tag = _text(self._data, name) if name is not None else None
            self.aggregates.append(Aggregate(form, tag, node.start_byte, node.end_byte, body.start_byte))
        scope = frame.scope if owner is None else _joined(frame.scope, owner)
        self._stack.append(_Frame(body, scope, node.start_byte, frame.lost))

    def _enumerator(self, frame: _Frame) -> None:
        name = frame.node.child_by_field_name("name")
        if name is not None:
            self._add("enumerator", name, frame, frame.node, initial=frame.node.child_by_field_name("value"))

    def _add(
        self,
        form: str,
        name: Node,
        frame: _Frame,
        node: Node,
        *,
        head_end: int | None = None,
        initial: Node | None = None,
    ) -> None:
        text = _text(self._data, name)
        if text in _STATEMENT_WORDS:
            return
        scope, word = _split_name(text.partition("(")[0].rstrip() if _is_cast_operator(name) else text)
        parent = node.parent
        if parent is not None and parent.type == "template_declaration":
            node = parent
        self.declarations.append(
            Declaration(
                form=form,
                name=word,
                scope=_joined(frame.scope, scope) if scope else frame.scope,
                name_at=name.start_byte,
                start=node.start_byte,
                end=node.end_byte,
                head_end=head_end if head_end is not None else node.end_byte,
                value=(initial.start_byte, initial.end_byte) if initial is not None else None,
                group=frame.group,
            )
        )


class _Name(NamedTuple):
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
