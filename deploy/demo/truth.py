"""What the vendor's code is about and where it contradicts the datasheets, known because both were written here."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.demo.code.writing import Claim, ClaimKind, Written
from deploy.demo.model import Part, Register
from deploy.demo.revisions import Change
from deploy.demo.sheets.layout import Key, Placement

Tree = Mapping[str, Written]
_PLACES = {"description": "description", "overview": "overview", "field": "field", "procedure": "procedure"}
_PLACES |= {"command": "command", "section": "description"}
_TABLES = {"Command set": "table", "Peripheral instances": "table", "Electrical characteristics": "parameter"}
"""Sections that are a table, with the kind of place that its rows are."""


@dataclass(frozen=True, slots=True)
class PlantedConflict:
    """A disagreement of a symbol with a datasheet revision, both sides as text."""

    kind: ClaimKind
    path: str
    symbol: str
    part: str
    register: str
    field: str | None
    code_value: str
    sheet_value: str


@dataclass(frozen=True, slots=True)
class SheetTruth:
    """A device in both revisions of its datasheet, and where everything stands in the newest one."""

    part: Part
    older: Part
    changes: tuple[Change, ...]
    file: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class Truth:
    """The answers."""

    sheets: Mapping[str, SheetTruth]
    """By part number."""
    trees: Mapping[str, Mapping[str, Tree]]
    """By repository name, then commit id in order."""

    def gold_lines(self, repo: str, commit: str | None = None) -> list[dict[str, Any]]:
        """Return gold lines of a repository's tree, the last one by default, against the newest datasheets.

        File lines first, then symbols, each in order of path. A datasheet that no file is about has one file line
        without a path; a symbol nothing specifies has "nil": true; one that contradicts the datasheet has "conflict".
        Symbols of files copied from another repository have no line.
        """
        tree = self._tree(repo, commit)
        files: list[dict[str, Any]] = [
            {"level": "file", "file": self.sheets[part].file, "part": part, "path": path, "role": role}
            for path, file in sorted(tree.items())
            for part, role in file.roles
        ]
        present = {line["part"] for line in files}
        files += [
            {"level": "file", "file": sheet.file, "part": part, "path": None, "role": "absent"}
            for part, sheet in self.sheets.items()
            if part not in present
        ]
        conflicts = _by_symbol(self.conflicts_at(repo, commit))
        return files + [
            line
            for path, file in sorted(tree.items())
            if not file.copied
            for line in self._symbol_lines(file, repo, conflicts)
        ]

    @property
    def conflicts(self) -> tuple[PlantedConflict, ...]:
        """Disagreements of the last commits with the newest datasheets."""
        return tuple(c for repo in self.trees for c in self.conflicts_at(repo))

    @property
    def copied_conflicts(self) -> tuple[PlantedConflict, ...]:
        """Disagreements that stand in files copied from another repository; they are not among the others."""
        return tuple(c for repo in self.trees for c in self.conflicts_at(repo, copies=True))

    @property
    def fixed_by_commit(self) -> tuple[PlantedConflict, ...]:
        """Disagreements with the newest datasheets that some commit had and the last one has not, as first seen."""
        fixed: dict[tuple[object, ...], PlantedConflict] = {}
        for repo, commits in self.trees.items():
            still_open = {_identity(c) for c in self.conflicts_at(repo)}
            for commit in commits:
                for conflict in self.conflicts_at(repo, commit):
                    if _identity(conflict) not in still_open:
                        fixed.setdefault((repo, _identity(conflict)), conflict)
        return tuple(fixed.values())

    @property
    def fixed_by_revision(self) -> tuple[PlantedConflict, ...]:
        """Disagreements of the last commits with revision A that revision B removed."""
        found = []
        for repo in self.trees:
            still_open = {_identity(c) for c in self.conflicts_at(repo)}
            found += [c for c in self.conflicts_at(repo, older=True) if _identity(c) not in still_open]
        return tuple(found)

    def conflicts_at(
        self, repo: str, commit: str | None = None, *, older: bool = False, copies: bool = False
    ) -> tuple[PlantedConflict, ...]:
        """Return the disagreements of a tree with the newest datasheets, or with their older revisions."""
        found: dict[PlantedConflict, None] = {}
        for _, file in sorted(self._tree(repo, commit).items()):
            for claim in file.claims if file.copied == copies else ():
                sheet = self.sheets[claim.part]
                conflict = _disagreement(claim, sheet.older if older else sheet.part)
                if conflict is not None:
                    found[conflict] = None
        return tuple(found)

    def sheet_changes(self, part: str) -> tuple[Change, ...]:
        """Return what revision B of a part's datasheet changed against revision A."""
        return self.sheets[part].changes

    def _tree(self, repo: str, commit: str | None) -> Tree:
        commits = self.trees[repo]
        return commits[commit] if commit is not None else list(commits.values())[-1]

    def _symbol_lines(
        self, file: Written, repo: str, conflicts: Mapping[tuple[str, str], Sequence[PlantedConflict]]
    ) -> Iterator[dict[str, Any]]:
        lines = file.data.decode("utf-8", errors="replace").split("\n")
        seen = Counter[tuple[str, str]]()
        for mention in file.mentions:
            sheet = self.sheets[mention.part]
            anchors = [
                anchor for index, key in enumerate(mention.keys) if (anchor := _anchor(sheet, key, index)) is not None
            ]
            nth = seen[mention.kind, mention.name]
            seen[mention.kind, mention.name] += 1
            line = {
                "level": "symbol",
                "source": "read",
                "readers": 1,
                "file": sheet.file,
                "set": repo,
                "part": mention.part,
                "path": file.path,
                "line": definition_line(lines, mention.kind, mention.name, nth),
                "kind": mention.kind,
                "name": mention.name,
                "scope": mention.scope,
                "nil": not anchors,
                "anchors": anchors,
            }
            disagreements = conflicts.get((file.path, mention.name), ())
            yield line | (_conflict_keys(disagreements) if disagreements else {})


def _by_symbol(conflicts: Iterable[PlantedConflict]) -> dict[tuple[str, str], list[PlantedConflict]]:
    """Return conflicts by the path and the name of the symbol that has them."""
    found: dict[tuple[str, str], list[PlantedConflict]] = {}
    for conflict in conflicts:
        found.setdefault((conflict.path, conflict.symbol), []).append(conflict)
    return found


def _conflict_keys(conflicts: Iterable[PlantedConflict]) -> dict[str, Any]:
    """Return what a gold line says of disagreements: that there are some, and both sides of each."""
    sides = [
        {"kind": c.kind, "register": c.register, "field": c.field, "code": c.code_value, "sheet": c.sheet_value}
        for c in conflicts
    ]
    return {"conflict": True, "conflicts": sides}


def _identity(conflict: PlantedConflict) -> tuple[object, ...]:
    """Return what stays the same when a file moves or a symbol is renamed."""
    return conflict.kind, conflict.part, conflict.register, conflict.field, conflict.code_value


def _anchor(sheet: SheetTruth, key: Key, index: int) -> dict[str, Any] | None:
    page = sheet.placement.pages.get(key)
    if page is None:
        return None  # this revision's datasheet does not have it
    kind, *rest = key
    register: Register | None = None
    if kind in ("description", "overview", "field"):
        register = sheet.part.register(rest[1], rest[0])
    return {
        "page": page,
        "kind": _TABLES.get(rest[0], _PLACES[kind]),
        "title": sheet.placement.paths[key][-1],
        "register": register.name if register else (rest[0] if kind == "command" else None),
        "field": rest[2] if kind == "field" else None,
        "address": f"0x{register.address:02X}" if register else None,
        "grade": "full" if index == 0 or kind in ("overview", "field") else "partial",
    }


def _disagreement(claim: Claim, part: Part) -> PlantedConflict | None:
    """Return the conflict of a claim with a part, if it has the register and the field at all."""
    try:
        register = part.register(claim.register, claim.block)
        field = register.field(claim.field) if claim.field else None
    except KeyError:
        return None
    code, sheet = f"0x{claim.value:02X}", ""
    match claim.kind:
        case "address":
            sheet = f"0x{register.address:02X}"
        case "reset":
            sheet = f"0x{register.reset:02X}"
        case "width":
            assert field is not None
            sheet = f"0x{field.mask:02X}"
        case "value":
            assert field is not None
            codes = [value.code for value in field.values if value.name == claim.encoding]
            sheet = f"0x{codes[0]:02X}" if codes else code
        case "access":
            access = field.access if field else register.access
            code, sheet = ("write", access) if access in ("r", "rc") else ("", "")
    if code == sheet:
        return None
    return PlantedConflict(claim.kind, claim.path, claim.symbol, claim.part, claim.register, claim.field, code, sheet)


def definition_line(lines: Sequence[str], kind: str, name: str, nth: int = 0) -> int:
    """Return the 1-based line of the nth definition of a name (from 0), or else the first that names it.

    The name must be printed; members of several structs may share one.
    """
    word = re.compile(rf"\b{re.escape(name)}\b")
    named = [(number, line) for number, line in enumerate(lines, start=1) if word.search(line)]
    assert named, f"{kind} {name} was noted but not printed"
    escaped = re.escape(name)
    head = re.compile(
        rf"[A-Za-z_].*\b{escaped}\s*\("
        if kind == "function"
        else rf"\s*#\s*define\s+{escaped}\b|(?:menu)?config {escaped}$"
    )
    body = re.compile(rf"\s*[^*/#\s].*|{escaped}")
    defining = [number for number, line in named if head.match(line) and not line.rstrip().endswith(";")]
    if kind == "struct_member":
        member = re.compile(rf"\s.*\b{escaped}(?:\[\w+\])?;")
        defining = [number for number, line in named if member.match(line)]
    if defining:
        return defining[min(nth, len(defining) - 1)]
    return next((number for number, line in named if body.match(line)), named[0][0])
