"""`sheetstream sheet show` and `sheet diff`: a datasheet as read, and what changed to another. Both offline."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.output import emit_json, fail, table

if TYPE_CHECKING:
    from mapper.model import Datasheet, Parameter, Register

FileArgument = Annotated[Path, typer.Argument(help="A datasheet's PDF file.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def show(file: FileArgument, json: JsonOption = False) -> None:
    """Show a datasheet's identity, sections, register map, commands and parameters as read from its PDF.

    For example:

      sheetstream sheet show AB1234.pdf

      sheetstream sheet show AB1234.pdf --json
    """
    sheet = _read(file)
    if json:
        emit_json({key: value for key, value in asdict(sheet).items() if key != "pages"})
        return
    notes = [note for note, holds in (("partial", sheet.partial), ("copy-restricted", sheet.copy_restricted)) if holds]
    table(
        sheet.title,
        ("what", "value"),
        (
            ("parts", ", ".join(sheet.parts) or "-"),
            ("family", sheet.family),
            ("revision", sheet.revision or "-"),
            ("pages", sheet.num_pages),
            ("sha256", sheet.sha256),
            ("notes", ", ".join(notes) or "-"),
        ),
    )
    table(
        "Sections",
        ("page", "section"),
        ((s.page, f"{'  ' * (s.level - 1)}{s.number + ' ' if s.number else ''}{s.title}") for s in sheet.sections),
    )
    table(
        "Registers",
        ("address", "name", "access", "reset", "width", "page", "listed on", "fields"),
        (_register_row(register) for register in sheet.registers if register.role == "register"),
    )
    commands = [register for register in sheet.registers if register.role == "command"]
    if commands:
        table("Commands", ("code", "name", "page", "listed on", "fields"), map(_command_row, commands))
    if sheet.parameters:
        columns = ("page", "parameter", "symbol", "min", "typ", "max", "unit", "conditions")
        table("Parameters", columns, map(_parameter_row, sheet.parameters))


def diff(old: FileArgument, new: FileArgument, json: JsonOption = False) -> None:
    """Show what changed from one revision of a datasheet to another: sections, registers, bit fields, parameters.

    For example:

      sheetstream sheet diff AB1234-rev1.pdf AB1234-rev2.pdf

      sheetstream sheet diff old.pdf new.pdf --json
    """
    from mapper.datasheet import diff_datasheets

    changes = diff_datasheets(_read(old), _read(new))
    if json:
        emit_json([asdict(change) for change in changes])
        return
    table(
        f"{old.name} -> {new.name}: {len(changes)} changes",
        ("where", "what", "old", "new"),
        ((change.anchor, change.what, change.old or "-", change.new or "-") for change in changes),
    )


def _read(path: Path) -> Datasheet:
    from mapper.datasheet import read_datasheet
    from mapper.errors import DatasheetError

    try:
        return read_datasheet(path.read_bytes(), file=path.name)
    except OSError as error:
        fail(f"{path}: cannot be read: {error.strerror or error}", 6 if isinstance(error, FileNotFoundError) else 2)
    except DatasheetError as error:
        fail(f"{error} (reason: {error.reason})", 2)


def _command_row(command: Register) -> tuple[object, ...]:
    code, name, _, _, _, page, listed, fields = _register_row(command)
    return code, name, page, listed, fields


def _parameter_row(parameter: Parameter) -> tuple[object, ...]:
    limits = (parameter.min or "-", parameter.typ or "-", parameter.max or "-")
    return parameter.page, parameter.name, parameter.symbol, *limits, parameter.unit or "-", parameter.conditions


def _register_row(register: Register) -> tuple[object, ...]:
    return (
        "-" if register.address is None else f"0x{register.address:02X}",
        register.name,
        register.access or "-",
        "-" if register.reset is None else f"0x{register.reset:X}",
        register.width or "-",
        register.page,
        ", ".join(map(str, register.overview_pages)) or "-",
        " ".join(
            f"{field.name}[{field.high}:{field.low}]" if field.high != field.low else f"{field.name}[{field.high}]"
            for field in register.fields
        ),
    )
