"""The vocabulary of the mapper: datasheet, section, register, bit field, source file, symbol, trace link.

All values are frozen and hashable; a mapping is a function of them alone. They hold only built-in types, so
pydantic's TypeAdapter turns each of them into JSON and back without code of its own.
"""

from dataclasses import dataclass
from typing import Literal

SymbolKind = Literal["function", "macro", "struct", "constant", "config", "register"]
"""struct: also union, enum, typedef and (by scope) their members; constant: enumerators and const objects;
config: Kconfig entries, CONFIG_ uses and #ifndef defaults; register: a definition that holds a register's address."""

AnchorKind = Literal["datasheet", "section", "register", "field", "table"]
Place = Literal["overview", "description", "procedure", "field", "table", "parameter", "command"]
Grade = Literal["full", "partial"]
LinkState = Literal["new", "kept", "moved", "stale", "broken", "retired"]
"""new, kept and moved are live; stale: both ends exist but the evidence no longer holds; broken: an end is gone;
retired: its source was removed, or another link took its place."""

LLM_ONLY_RULE = "llm_only"
"""Evidence that nothing but a language model speaks for a link."""
LIVE_STATES: frozenset[str] = frozenset({"new", "kept", "moved"})
ConflictKind = Literal["address", "width", "access", "reset", "value"]
Role = Literal["driver", "hal", "board", "application", "test", "example", "vendored", "generated", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle on a page, in points from the page's top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BitField:
    """A named range of bits of a register, high >= low, both counted from 0."""

    name: str
    high: int
    low: int
    access: str | None = None
    """One of r, w, rw, rc (cleared by reading), w1c (cleared by writing one); None when not printed."""
    reset: int | None = None
    description: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A register or a command (role) with where it is printed."""

    name: str
    address: int | None = None
    """Address or offset as printed; None when the datasheet names the register without one."""
    width: int | None = None
    """In bits."""
    access: str | None = None
    reset: int | None = None
    fields: tuple[BitField, ...] = ()
    description: str = ""
    page: int = 0
    """1-based page of the register's own description, else of its overview row."""
    overview_pages: tuple[int, ...] = ()
    """1-based pages where a table lists it among others."""
    section_path: tuple[str, ...] = ()
    box: Box | None = None
    reader: str = ""
    """ruled, columns, heading or camelot: which reader found it."""
    confidence: float = 1.0
    role: Literal["register", "command"] = "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A row of a table of electrical or timing parameters, values as printed."""

    name: str
    symbol: str = ""
    min: str | None = None
    typ: str | None = None
    max: str | None = None
    unit: str | None = None
    conditions: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and the text up to the next heading."""

    title: str
    number: str | None
    level: int
    path: tuple[str, ...]
    """Titles from the top down to and including this one, without section numbers."""
    page: int
    end_page: int
    text: str
    content_hash: str
    """sha256 of the lines without running headers, footers and white space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasheet:
    """One release of a datasheet as read from its PDF."""

    sha256: str
    file: str
    title: str
    parts: tuple[str, ...]
    """Part numbers it documents, most certain first, as printed; may hold family wildcards."""
    family: str
    """Stable over revisions: what makes two PDFs releases of one document."""
    revision: str | None
    num_pages: int
    sections: tuple[Section, ...]
    registers: tuple[Register, ...]
    copy_restricted: bool = False
    """The PDF forbids copying its text: read for facts, kept out of training samples."""
    partial: bool = False
    """Reading stopped at a limit; what is here is right but not all."""
    pages: tuple[str, ...] = ()
    """Plain text of each page, index 0 = page 1."""
    parameters: tuple[Parameter, ...] = ()
    """Electrical and timing parameters, in the order printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A named thing that source code defines."""

    path: str
    kind: SymbolKind
    name: str
    line: int
    end_line: int
    scope: str | None = None
    """Name of the struct, union, enum or class that holds it."""
    form: str = ""
    """The finer kind: macro, function, enumerator, const, struct, union, enum, typedef, member, kconfig, default..."""
    value: int | None = None
    """The integer it evaluates to, when it does."""
    offset: int | None = None
    """Of a member of a struct or union: its place in it in bytes, on a 32-bit target, when the file tells it."""
    declaration: str = ""
    comment: str = ""
    """The comment that belongs to it, without comment marks."""
    references: tuple[str, ...] = ()
    """Identifiers used in its body, in order of first use, each once."""
    guard: str | None = None
    """The innermost preprocessor condition it stands under, without include guards."""
    revision: str = ""
    """sha256 of its normalised text: comments and white space do not count."""

    @property
    def qualified_name(self) -> str:
        return f"{self.scope}.{self.name}" if self.scope else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolNow:
    """What a symbol is at the head, whether or not anything links to it."""

    revision: str
    value: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file of a repository as parsed; depends on path and content only."""

    path: str
    blob_id: str
    """Git's object id of the content (sha1), also outside git."""
    num_bytes: int
    language: str
    """c, cpp, asm, devicetree, kconfig, linker, text or other."""
    role: Role
    symbols: tuple[Symbol, ...] = ()
    identifiers: tuple[tuple[str, int], ...] = ()
    """Identifier words with their counts, comments included, sorted by word."""
    includes: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    """Short string literals (device ids, compatibles), each once."""
    header_comment: str = ""
    licence: str | None = None
    """SPDX identifier found in the file, if any."""
    bytes_under_error: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The datasheet end of a link."""

    kind: AnchorKind
    title: str
    path: tuple[str, ...]
    page: int
    place: Place = "description"
    address: int | None = None
    register: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a link was made: one rule, what it saw, how much it weighed."""

    rule: str
    detail: str
    weight: float
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLink:
    """A symbol implements or encodes what an anchor specifies."""

    link_id: str
    revision: str
    sheet_sha256: str
    sheet_file: str
    sheet_family: str
    part: str
    anchor: Anchor
    anchor_id: str
    symbol: Symbol
    symbol_id: str
    grade: Grade
    score: float
    """Calibrated probability that the link is right, 0 to 1."""
    method: str
    evidence: tuple[Evidence, ...]
    rank: int = 1
    """1 = the best anchor of this symbol in this datasheet."""

    @property
    def is_llm_only(self) -> bool:
        """Say whether a language model alone made it; nothing learns from such a link."""
        return any(each.rule == LLM_ONLY_RULE for each in self.evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRelevance:
    """How much a file is about a datasheet; rank 1 is the best. accepted: the file is in the answer set."""

    sheet_sha256: str
    sheet_file: str
    sheet_family: str
    part: str
    path: str
    rank: int
    score: float
    accepted: bool
    evidence: tuple[Evidence, ...] = ()
    anchor: Anchor | None = None
    """The page it is about; None: the datasheet as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Code and datasheet disagree; both sides as they write it."""

    conflict_id: str
    kind: ConflictKind
    sheet_sha256: str
    sheet_family: str
    part: str
    anchor: Anchor
    symbol: Symbol
    symbol_id: str
    code_value: str
    sheet_value: str
    detail: str
    sheet_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """All that linking one tree with some datasheets gives, in canonical order."""

    files: tuple[FileRelevance, ...]
    links: tuple[TraceLink, ...]
    conflicts: tuple[Conflict, ...]
    pages: tuple[FileRelevance, ...] = ()
    """Which of the accepted files each page with registers is about."""
