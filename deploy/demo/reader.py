"""Read a device file (parts/*.device) to a Part and the changes between its two datasheet revisions.

A device file is sections that start with "== name arguments". Tables are lines of cells separated by "|"; prose is
paragraphs separated by blank lines; registers, fields and values are told apart by their indentation. Device files
are part of the program: what is wrong in one fails an assertion.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

from deploy.demo.model import (
    Access,
    Block,
    Command,
    Field,
    Limit,
    Operation,
    Part,
    Pin,
    Procedure,
    Register,
    Step,
    Topic,
    Value,
    Verb,
)
from deploy.demo.revisions import Change, What

_VERBS = get_args(Verb)


def read_device(path: Path) -> tuple[Part, tuple[Change, ...]]:
    """Return the device in its newest revision, and what revision A of its datasheet has not yet."""
    values: dict[str, Any] = {"blocks": (), "procedures": ()}
    changes: tuple[Change, ...] = ()
    for head, lines in _sections(path.read_text(encoding="utf-8")):
        kind, *arguments = head.split()
        match kind:
            case "part":
                values |= _attributes(lines)
            case "summary":
                values[kind] = _paragraphs(lines)
            case "features" | "applications":
                values[kind] = tuple(line.removeprefix("- ") for line in lines if line)
            case "pins":
                values[kind] = tuple(Pin(*row) for row in _rows(lines))
            case "ratings" | "characteristics" | "timing":
                values[kind] = tuple(Limit(*row) for row in _rows(lines))
            case "topics" | "application":
                values[kind] = _topics(lines, 1)
            case "block":
                values["blocks"] += (_block(arguments, lines),)
            case "commands":
                values[kind] = tuple(
                    Command(name=n, opcode=int(c, 16), operands=o, text=t) for n, c, o, t in _rows(lines)
                )
            case "procedures":
                values[kind] += _procedures(lines, arguments[0] if arguments else "")
            case "ordering":
                values[kind] = tuple(_rows(lines))
            case "changes":
                changes = tuple(_change(row) for row in _rows(lines))
            case _:
                raise AssertionError(f"{path.name}: no such section: {head}")
    return Part(**values), changes


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        head, *lines = part.rstrip().split("\n")
        yield head, [line.rstrip() for line in lines]


def _attributes(lines: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = dict(line.split(" ", 1) for line in lines if line)
    if "bus_address" in found:
        found["bus_address"] = int(found["bus_address"], 16)
    return found


def _rows(lines: list[str]) -> Iterator[tuple[str, ...]]:
    for line in lines:
        if line.strip():
            yield tuple(cell.strip() for cell in line.split("|"))


def _paragraphs(lines: list[str]) -> tuple[str, ...]:
    return tuple(" ".join(block.split()) for block in "\n".join(lines).split("\n\n") if block.strip())


def _topics(lines: list[str], level: int) -> tuple[Topic, ...]:
    """Read headings of one level ("#" times level); deeper ones become children."""
    mark = "#" * level + " "
    starts = [index for index, line in enumerate(lines) if line.startswith(mark)]
    topics = []
    for start, end in itertools.pairwise([*starts, len(lines)]):
        body = lines[start + 1 : end]
        first = next((i for i, line in enumerate(body) if line.startswith("#")), len(body))
        topics.append(
            Topic(lines[start].removeprefix(mark), _paragraphs(body[:first]), _topics(body[first:], level + 1))
        )
    return tuple(topics)


def _block(arguments: list[str], lines: list[str]) -> Block:
    """Read a block: its prose above a line of "--", its registers below."""
    name, *rest = arguments
    instances = tuple((n, int(a, 16)) for n, a in (word.split("=") for word in rest if "=" in word))
    title = " ".join(word for word in rest if "=" not in word)
    cut = lines.index("--")
    return Block(
        name=name,
        title=title,
        text=_paragraphs(lines[:cut]),
        registers=_registers(lines[cut + 1 :]),
        instances=instances,
    )


def _registers(lines: list[str]) -> tuple[Register, ...]:
    registers: list[Register] = []
    for group in _groups(lines, 0):
        head, title, text = (cell.strip() for cell in group[0].split("|"))
        name, address, width, access, reset = head.split()
        registers.append(
            Register(
                name=name,
                address=int(address, 16),
                title=title,
                text=text,
                reset=int(reset, 16),
                access=_access(access),
                width=int(width),
                fields=tuple(_field(lines, _access(access)) for lines in _groups(group[1:], 2)),
            )
        )
    return tuple(registers)


def _groups(lines: list[str], indent: int) -> Iterator[list[str]]:
    """Yield each line of an indentation with the deeper ones below it."""
    group: list[str] = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) == indent and group:
            yield group
            group = []
        if line.strip():
            group.append(line)
    if group:
        yield group


def _field(lines: list[str], default: Access) -> Field:
    head, _, text = lines[0].partition("|")
    name, bits, *access = head.split()
    high, _, low = bits.partition(":")
    values = []
    for line in lines[1:]:
        encoding, _, words = line.partition("|")
        code, label = encoding.split()
        values.append(Value(int(code, 0), label, words.strip()))
    return Field(
        name=name,
        high=int(high),
        low=int(low or high),
        text=text.strip(),
        access=_access(access[0]) if access else default,
        values=tuple(values),
    )


def _access(word: str) -> Access:
    assert word in get_args(Access), word
    return cast(Access, word)


def _procedures(lines: list[str], block: str) -> tuple[Procedure, ...]:
    procedures = []
    for part in "\n".join(lines).split("\n@ ")[0 if lines[0].startswith("@ ") else 1 :]:
        head, *body = part.removeprefix("@ ").split("\n")
        name, title = (cell.strip() for cell in head.split("|"))
        first = next(i for i, line in enumerate(body) if line.startswith("- "))
        steps = tuple(_step(line.removeprefix("- ")) for line in body[first:] if line)
        procedures.append(Procedure(name=name, title=title, intro=_paragraphs(body[:first]), steps=steps, block=block))
    return tuple(procedures)


def _step(line: str) -> Step:
    text, _, actions = line.partition("::")
    operations = []
    for action in actions.split(";"):
        if words := action.split():
            verb, target, *value = words
            assert verb in _VERBS, line
            if verb == "delay":
                operations.append(Operation("delay", "", None, int(target)))
                continue
            name, _, field = target.partition(".")
            operations.append(Operation(cast(Verb, verb), name, field or None, int(value[0], 0) if value else 0))
    return Step(text.strip(), tuple(operations))


def _change(row: tuple[str, ...]) -> Change:
    what, target, old, new, note = row
    block, _, target = target.rpartition("/")
    register, _, field = target.partition(".")
    assert what in get_args(What), what
    return Change(
        what=cast(What, what),
        register=register or None,
        field=field or None,
        old=old or None,
        new=new or None,
        note=note,
        block=block,
    )
