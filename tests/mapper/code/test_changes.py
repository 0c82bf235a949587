"""Changes between two states of a tree."""

from mapper.code import parse_file
from mapper.code.changes import changed_symbols, renames


def names(symbols: tuple[object, ...]) -> list[str]:
    return [symbol.name for symbol in symbols]  # type: ignore[attr-defined]


def test_symbols_are_added_changed_and_removed() -> None:
    """An edit names exactly the symbols it touched; comments and places do not count."""
    old = parse_file("a.c", b"#define A 1\n#define B 2\nint f(void) { return A; }\nint g(void) { return 1; }\n")
    new = parse_file("a.c", b"/* moved */\n#define A 1 // one\n#define B 3\nint f(void) { return B; }\nint h(void);\n")

    changes = changed_symbols(old, new)

    assert (names(changes.added), names(changes.changed), names(changes.removed)) == (["h"], ["B", "f"], ["g"])


def test_value_change_is_a_change() -> None:
    """A definition whose text is the same changes with the definition it is built on."""
    old = parse_file("a.h", b"#define BASE 0x10\n#define REG (BASE + 4)\n")
    new = parse_file("a.h", b"#define BASE 0x20\n#define REG (BASE + 4)\n")

    assert names(changed_symbols(old, new).changed) == ["BASE", "REG"]


def test_missing_file_has_no_symbols() -> None:
    """A new file adds all its symbols, a removed one removes them, and an equal one changes nothing."""
    file = parse_file("a.h", b"#define A 1\n")

    assert names(changed_symbols(None, file).added) == ["A"]
    assert names(changed_symbols(file, None).removed) == ["A"]
    assert not changed_symbols(file, file)


def test_equal_content_moves_first() -> None:
    """A file with the same bytes is the moved one, the one with the same name before others."""
    text = b"int a;\nint b;\n"

    moved = renames({"x/a.c": text, "x/b.c": b"int q;\n" * 3}, {"y/b.c": text, "y/a.c": text})

    assert moved == {"x/a.c": "y/a.c"}


def test_similar_content_moves() -> None:
    """Files with six of ten lines in common are the same file, less alike ones are not; each path is used once."""
    lines = [b"line %d;" % n for n in range(10)]
    removed = {"old.c": b"\n".join(lines), "other.c": b"\n".join(b"other %d;" % n for n in range(10))}
    added = {"new.c": b"\n".join([*lines[:8], b"more;"]), "far.c": b"\n".join([*lines[:3], b"a;", b"b;", b"c;"])}

    assert renames(removed, added) == {"old.c": "new.c"}


def test_empty_files_do_not_move() -> None:
    """Two empty files say nothing about each other."""
    assert renames({"a.c": b""}, {"b.c": b""}) == {}
