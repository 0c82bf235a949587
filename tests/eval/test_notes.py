"""Release notes."""

from eval.notes import release_notes
from eval.registry import Registry
from trainer.manifest import checkpoint_digest, read_manifest


def test_notes_hold_scores_data_and_provenance(make_checkpoint, make_result, released_result, tmp_path) -> None:
    """Who reads only the notes knows what it is, how it scored, against what, and where it came from."""
    folder, registry = make_checkpoint(40), Registry(tmp_path / "releases")
    digest = checkpoint_digest(folder)
    manifest = read_manifest(folder)
    registry.publish(
        folder, digest, manifest, released_result, lambda r: release_notes(r, make_result("base"), released_result)
    )

    notes = (registry.path() / "notes.md").read_text()

    assert "base_model: tiny-olmo3" in notes
    assert "| perplexity | lower |" in notes
    assert "| crypto | held_out | 8 |" in notes
    assert "shards 1 to 1, 2 samples into the last one" in notes
    assert digest in notes
