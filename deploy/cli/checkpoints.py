"""`sheetstream checkpoints`: what the trainer saved, what it has learnt from, and whether it is whole."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.output import EXIT_NOT_FOUND, EXIT_VERIFICATION, emit_json, fail, note, table
from deploy.cli.status import clock
from deploy.cli.trainer_errors import trainer_errors

if TYPE_CHECKING:
    from trainer.manifest import Manifest

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help="What the trainer saved.")

HOME = typer.Option(None, help="Folder that holds everything (SHEETSTREAM_HOME).")
JSON = typer.Option(False, "--json", help="Answer in JSON.")
NAME = typer.Argument("latest", help="latest, a step number, a name such as step-00000040, or a folder.")


@app.command("list")
def list_command(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """List the checkpoints, newest last.

    For example:

      sheetstream checkpoints list

      sheetstream checkpoints list --json
    """
    with trainer_errors():
        from trainer.manifest import checkpoint_digest, list_checkpoints, read_manifest

        root = _root(home)
        found = [(path, read_manifest(path), checkpoint_digest(path)) for path in list_checkpoints(root)]
    if as_json:
        emit_json([{"path": str(path), "digest": digest, **_as_json(manifest)} for path, manifest, digest in found])
        return
    table(
        "",
        ("checkpoint", "tokens", "loss", "shards", "saved at", "digest"),
        [
            (
                path.name,
                f"{manifest.tokens_seen:,}",
                "" if manifest.loss is None else f"{manifest.loss:.3f}",
                len(manifest.data.shards),
                clock(manifest.created_at),
                digest[:16],
            )
            for path, manifest, digest in found
        ],
    )
    if not found:
        note(f"no checkpoint in {root} yet; `sheetstream train` or `sheetstream up` makes them")


@app.command()
def show(name: str = NAME, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show what a checkpoint is and what it has learnt from.

    For example:

      sheetstream checkpoints show

      sheetstream checkpoints show step-00000040 --json
    """
    with trainer_errors():
        from trainer.manifest import checkpoint_digest, read_manifest

        path = _find(_root(home), name)
        manifest, digest = read_manifest(path), checkpoint_digest(path)
    if as_json:
        emit_json({"path": str(path), "digest": digest, **_as_json(manifest)})
        return
    position, event = manifest.data.position, manifest.data.newest_event_time
    table(
        path.name,
        ("what", "value"),
        [
            ("path", path),
            ("digest", digest),
            ("saved at", clock(manifest.created_at)),
            ("trained", f"{manifest.step} steps, {manifest.tokens_seen:,} tokens, {manifest.trained_seconds:.0f} s"),
            ("loss", "" if manifest.loss is None else f"{manifest.loss:.4f} (mean since the checkpoint before)"),
            ("base model", f"{manifest.base_model.name} ({manifest.base_model.sha256[:16]})"),
            ("adapter", f"rsLoRA rank {manifest.adapter.rank}, alpha {manifest.adapter.alpha:g}"),
            ("adapter layers", ", ".join(manifest.adapter.target_modules)),
            ("data", f"{len(manifest.data.shards)} shards, {position.sample_index} samples into {position.shard_seq}"),
            ("carried over", f"{position.carry_tokens} tokens"),
            ("newest change", "" if event is None else clock(event)),
            ("code", manifest.code_commit or ""),
        ],
    )


@app.command()
def verify(name: str = NAME, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Compare every file of a checkpoint with its digest; ends with 5 when one differs.

    For example:

      sheetstream checkpoints verify

      sheetstream checkpoints verify 40
    """
    from trainer.errors import CheckpointError

    with trainer_errors():
        from trainer.manifest import verify_checkpoint

        path = _find(_root(home), name)
        try:
            manifest = verify_checkpoint(path)
        except CheckpointError as error:
            if as_json:
                emit_json({"path": str(path), "is_whole": False, "error": str(error)})
                raise typer.Exit(EXIT_VERIFICATION) from error
            raise
    if as_json:
        emit_json({"path": str(path), "is_whole": True, "num_files": len(manifest.files)})
    else:
        note(f"{path}: {len(manifest.files)} files, all as the manifest says")


def _root(home: Path | None) -> Path:
    from trainer.config import load_settings

    return load_settings(home=home).checkpoints_dir


def _find(root: Path, name: str) -> Path:
    from trainer.manifest import MANIFEST_NAME, checkpoint_name, newest_checkpoint

    if name == "latest":
        found = newest_checkpoint(root)
        if found is None:
            fail(f"{root}: no checkpoint yet", EXIT_NOT_FOUND)
        return found
    candidates = [root / name, Path(name)]
    if name.isdecimal():
        candidates.insert(0, root / checkpoint_name(int(name)))
    path = next((path for path in candidates if (path / MANIFEST_NAME).is_file()), None)
    if path is None:
        fail(f"{name}: no such checkpoint in {root}; see `sheetstream checkpoints list`", EXIT_NOT_FOUND)
    return path


def _as_json(manifest: "Manifest") -> dict[str, object]:
    from pydantic import TypeAdapter

    from trainer.manifest import Manifest

    values: dict[str, object] = TypeAdapter(Manifest).dump_python(manifest, mode="json")
    return values
