"""`sheetstream release`: what was released, and how it gets to those who use it."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.eval_errors import eval_errors
from deploy.cli.output import emit_json, emit_line, note, table
from deploy.cli.progress import progress

if TYPE_CHECKING:
    from eval.registry import Registry

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Released checkpoints: pull, verify, promote, roll back.",
)

HOME = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME).")
JSON = typer.Option(False, "--json", help="Answer in JSON.")
NAME = typer.Argument("latest", help="latest, previous, or a release id.")


@app.command("list")
def list_releases(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """List the releases, newest last, and which of them are latest and previous.

    For example:

      sheetstream release list

      sheetstream release list --json
    """
    with eval_errors():
        from eval.registry import STATE_JSON

        state = _registry(home).state()
    if as_json:
        emit_json(STATE_JSON.dump_python(state, mode="json"))
        return
    names = {release_id: alias for alias, release_id in state.aliases.items()}
    table(
        "",
        ("release", "alias", "released at", "digest"),
        [
            (one.release_id, names.get(one.release_id, ""), _moment(one.created_at), one.sha256[:16])
            for one in state.releases
        ],
    )
    if not state.releases:
        note("nothing is released yet; `sheetstream eval compare` shows what the gate said")


@app.command()
def show(name: str = NAME, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show what a release is made of, how it scored and where it lies.

    For example:

      sheetstream release show

      sheetstream release show previous --json
    """
    with eval_errors():
        from eval.release import RELEASE_JSON, RELEASE_NAME, parse_release

        folder = _registry(home).path(name)
        release = parse_release((folder / RELEASE_NAME).read_bytes(), str(folder / RELEASE_NAME))
    if as_json:
        emit_json({"path": str(folder), **RELEASE_JSON.dump_python(release, mode="json")})
        return
    position = release.data.position
    facts = [
        ("path", folder),
        ("released at", _moment(release.created_at)),
        ("base model", f"{release.base_model.name} ({release.base_model.sha256[:16]})"),
        ("adapter", f"rank {release.adapter.rank}, alpha {release.adapter.alpha:g}"),
        ("trained", f"{release.step} steps, {release.tokens_seen:,} tokens"),
        ("data", f"shards 1 to {position.shard_seq}, {position.sample_index} samples into the last"),
        ("checkpoint", f"{release.checkpoint} ({release.checkpoint_digest[:16]})"),
        ("compared with", f"{release.compared_with} on suite {release.suite_version}"),
    ]
    table(release.release_id, ("what", "value"), facts)
    table(
        "bits per byte by domain (lower is better)",
        ("domain", "slice", "before", "after", "verdict"),
        [(row.domain, row.slice, f"{row.reference:.3f}", f"{row.candidate:.3f}", row.verdict) for row in release.rows],
    )


@app.command()
def pull(
    to: Path = typer.Option(..., "--to", help="Folder that gets the release."),
    channel: str = typer.Option("latest", help="latest, previous, or a release id."),
    source: str | None = typer.Option(
        None, "--from", help="Folder of releases, or the http(s) address that serves one; HOME/releases when not given."
    ),
    home: Path | None = HOME,
) -> None:
    """Copy a release, every digest checked, and print its path and nothing else.

    Interrupted, the next pull goes on where it was. DIR/latest always names a whole release.

    For example:

      sheetstream release pull --to ./adapter

      sheetstream release pull --from https://models.example/releases --to ./adapter
    """
    with eval_errors():
        from eval.config import load_settings
        from eval.pull import pull as pull_release

        if source is None:
            _registry(home).path(channel)  # says what there is where the channel has no release
        place = source or str(load_settings(home=home).releases_dir)
        with progress("pulling", None) as advance:
            path = pull_release(place, to.expanduser().absolute(), channel=channel, advance=advance)
    emit_line(str(path))


@app.command()
def verify(
    name: str = typer.Argument("latest", help="latest, previous, a release id, or a folder that was pulled."),
    home: Path | None = HOME,
) -> None:
    """Compare every file of a release with its digest; ends with 5 where one differs.

    For example:

      sheetstream release verify

      sheetstream release verify ./adapter/latest
    """
    with eval_errors():
        from eval.release import RELEASE_NAME, verify_release

        folder = Path(name)
        pulled = (folder / RELEASE_NAME).is_file()
        release = verify_release(folder) if pulled else _registry(home).verify(name)
    note(f"{release.release_id}: {len(release.files)} files are as released")


@app.command()
def promote(name: str = typer.Argument(help="A release id."), home: Path | None = HOME) -> None:
    """Let latest name another release.

    For example:

      sheetstream release list

      sheetstream release promote RELEASE
    """
    with eval_errors():
        listed = _registry(home).promote(name)
    note(f"latest is now {listed.release_id}")


@app.command()
def rollback(home: Path | None = HOME) -> None:
    """Let latest name the release before it.

    For example:

      sheetstream release rollback

      sheetstream release rollback --home ~/vendors
    """
    with eval_errors():
        listed = _registry(home).rollback()
    note(f"latest is now {listed.release_id}")


@app.command()
def notes(name: str = NAME, home: Path | None = HOME) -> None:
    """Print a release's notes in Markdown.

    For example:

      sheetstream release notes

      sheetstream release notes previous > notes.md
    """
    with eval_errors():
        from eval.release import NOTES_NAME

        emit_line((_registry(home).path(name) / NOTES_NAME).read_text(encoding="utf-8").rstrip("\n"))


def _registry(home: Path | None) -> "Registry":
    from eval.config import load_settings
    from eval.registry import Registry

    return Registry(load_settings(home=home).releases_dir)


def _moment(seconds: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
