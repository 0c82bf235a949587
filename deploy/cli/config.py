"""`sheetstream config show`: the settings in force, and where each comes from."""

import os
import re
import tomllib
from pathlib import Path

import typer

from deploy.cli.output import emit_json, fail, table

app = typer.Typer(no_args_is_help=True, help="The settings in force and where each comes from.", rich_markup_mode=None)

SECTIONS = {
    # table of sheetstream.toml: prefix of the environment variables
    "local": "SHEETSTREAM_",
    "streams": "SHEETSTREAM_",
    "trainer": "SHEETSTREAM_TRAIN_",
    "eval": "SHEETSTREAM_EVAL_",
}
SHARED = ("home", "cache", "kafka")  # one variable for all sections


@app.command("show")
def show(
    origin: bool = typer.Option(False, "--origin", help="Say where each value comes from."),
    json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """Show every setting.

    For example:

      sheetstream config show --origin

      sheetstream config show --json
    """
    values = _sections()
    file = Path(str(values["local"]["home"])) / "sheetstream.toml"
    written = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    rows = [
        {
            "table": section,
            "setting": name,
            "value": _without_password(value),
            "origin": _origin(section, name, written.get(section, {}), file),
        }
        for section, settings in values.items()
        for name, value in settings.items()
    ]
    if json:
        emit_json(rows)
        return
    columns = ("table", "setting", "value", "origin") if origin else ("table", "setting", "value")
    table("", columns, [[row[column] for column in columns] for row in rows])


def _sections() -> dict[str, dict[str, object]]:
    from deploy.local.config import load_settings as local
    from deploy.local.errors import LocalError
    from eval.config import EvalSettings
    from eval.errors import EvalError
    from streams.config import StreamsSettings
    from streams.errors import StreamsError
    from trainer.config import load_settings as trainer
    from trainer.errors import TrainerError

    try:
        return {
            "local": local().model_dump(mode="json"),
            "streams": StreamsSettings().model_dump(mode="json"),
            "trainer": trainer().model_dump(mode="json"),
            "eval": EvalSettings().model_dump(mode="json"),
        }
    except (LocalError, StreamsError, TrainerError, EvalError) as error:
        fail(str(error), 3)


def _without_password(value: object) -> object:
    """Return a setting as it may be shown: a URL's password is not."""
    if not isinstance(value, str):
        return value
    return re.sub(r"://([^:/?#]*):.*@", r"://\1:***@", re.sub(r"(password=)[^&]*", r"\1***", value))


def _origin(section: str, name: str, written: dict[str, object], file: Path) -> str:
    prefix = "SHEETSTREAM_" if name in SHARED else SECTIONS[section]
    variable = f"{prefix}{name.upper()}"
    if variable in os.environ:
        return variable
    if name in written:
        return f"{file} [{section}]"
    return "default"
