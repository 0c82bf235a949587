"""Check gold lines: their form, and, where the tree and the datasheets are at hand, that what they name exists."""

from collections.abc import Iterable, Mapping, Sequence

from mapper.gold.labels import GoldLabel, LabelKey, label_problems, read_label
from mapper.model import SourceFile, Symbol

ROLES = ("primary", "support", "absent")


def check_gold(
    rows: Iterable[tuple[int, Mapping[str, object]]],
    *,
    files: Sequence[SourceFile] | None = None,
    num_pages: Mapping[str, int] | None = None,
) -> tuple[tuple[int, str], ...]:
    """Return (line number, problem) for all that is wrong with numbered gold lines, in order; nothing if all is well.

    files: the parsed tree; then paths and symbols must exist in it. num_pages: pages of each datasheet by file name;
    then pages must exist. A datasheet that is not among them is a problem of the first line that names it.
    """
    tree = None if files is None else {file.path: file for file in files}
    seen: dict[LabelKey, int] = {}
    missing_sheets: set[str] = set()
    problems: list[tuple[int, str]] = []
    for number, row in rows:
        found = _check_row(row, tree)
        if (label := _label(row)) is not None:
            if label.key in seen:
                found.append(f"{label.name}: labelled already on line {seen[label.key]}")
            seen.setdefault(label.key, number)
        if num_pages is not None and isinstance(sheet := row.get("file"), str):
            if sheet in num_pages:
                found += _check_pages(row, label, num_pages[sheet])
            elif sheet not in missing_sheets:
                missing_sheets.add(sheet)
                found.append(f"file: one of the datasheets given expected ({', '.join(num_pages)}), got {sheet}")
        problems += [(number, problem) for problem in found]
    return tuple(problems)


def _label(row: Mapping[str, object]) -> GoldLabel | None:
    """Return the label of a line made by reading, None for other lines and for broken ones."""
    is_read = row.get("level") == "symbol" and row.get("source") == "read"
    return read_label(row) if is_read and not label_problems(row) else None


def _check_row(row: Mapping[str, object], tree: Mapping[str, SourceFile] | None) -> list[str]:
    level = row.get("level")
    if level == "file":
        return _check_file_row(row)
    if level != "symbol":
        return [f'level: "file" or "symbol" expected, got {level!r}']
    if row.get("source") == "read":
        if found := label_problems(row):
            return list(found)
        label = read_label(row)
        return _check_symbol(label.path, label.name, label.scope, label.line, tree)
    problems = [
        f"{key}: a text expected, got {row.get(key)!r}"
        for key in ("file", "path", "name", "kind")
        if not isinstance(row.get(key), str)
    ]
    page = row.get("page")
    if page is not None and (not isinstance(page, int) or page < 1):
        problems.append(f"page: a number from 1 on expected, got {page!r}")
    return problems or _check_symbol(str(row["path"]), str(row["name"]), None, None, tree)


def _check_file_row(row: Mapping[str, object]) -> list[str]:
    """Return problems of a file line; the file itself need not be source code, notes and tables may be about a part."""
    problems = []
    if not isinstance(row.get("file"), str):
        problems.append(f"file: a text expected, got {row.get('file')!r}")
    path, role = row.get("path"), row.get("role")
    if path is not None and not isinstance(path, str):
        problems.append(f"path: a text expected, or null for a datasheet that no file is about, got {path!r}")
    if role is not None and role not in ROLES:
        problems.append(f"role: one of {', '.join(ROLES)} expected, got {role!r}")
    if path is None and role in ("primary", "support"):
        problems.append(f"path: a text expected for a {role} file, got null")
    return problems


def _check_symbol(
    path: str, name: str, scope: str | None, line: int | None, tree: Mapping[str, SourceFile] | None
) -> list[str]:
    """Return what does not fit the tree. A right line is enough: tools name anonymous scopes each in their own way."""
    if tree is None:
        return []
    if path not in tree:
        return [f"path: a source file of the tree expected, got {path}"]
    named = [symbol for symbol in tree[path].symbols if name in (symbol.name, symbol.qualified_name)]
    if not named:
        return [f"name: a symbol of {path} expected, got {name}"]
    is_there = line is not None and any(symbol.line <= line <= symbol.end_line for symbol in named)
    if scope is not None and not is_there and not any(symbol.scope == scope for symbol in named):
        return [f"scope: {name} of {path} is not in {scope} but in {_scopes(named)}"]
    if line is not None and not is_there:
        return [f"line: {name} stands on line {', '.join(str(symbol.line) for symbol in named)} of {path}, not {line}"]
    return []


def _scopes(symbols: Iterable[Symbol]) -> str:
    return ", ".join(dict.fromkeys(symbol.scope or "no other symbol" for symbol in symbols))


def _check_pages(row: Mapping[str, object], label: GoldLabel | None, num_pages: int) -> list[str]:
    """Return the pages beyond a datasheet's last one, by the key that names them."""
    if label is not None:
        named = [(f"anchors[{index}].page", anchor.page) for index, anchor in enumerate(label.anchors)]
    else:
        page = row.get("page")
        named = [("page", page)] if isinstance(page, int) else []
    return [f"{key}: 1 to {num_pages} expected, got {page}" for key, page in named if page > num_pages]
