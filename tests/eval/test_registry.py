"""The registry of releases."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.errors import NotFoundError, RegistryError, VerificationError
from eval.registry import Registry
from eval.release import Release
from trainer.manifest import checkpoint_digest, read_manifest


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "releases")


@pytest.fixture
def publish(registry: Registry, make_checkpoint, released_result) -> Callable[..., str]:
    """Publish a checkpoint of this step and return the release's id."""

    def published(step: int, **given) -> str:
        checkpoint = make_checkpoint(step, **given)
        manifest = read_manifest(checkpoint)
        return registry.publish(checkpoint, checkpoint_digest(checkpoint), manifest, released_result, notes).release_id

    return published


def notes(release: Release) -> str:
    return f"# {release.release_id}\n"


def test_published_release_is_whole_and_latest(registry: Registry, publish) -> None:
    """Every file verifies, and latest names it."""
    release_id = publish(40)

    release = registry.verify("latest")

    assert release.release_id == release_id
    assert release.step == 40
    assert sorted(release.files) == ["adapter/adapter_config.json", "adapter/adapter_model.safetensors", "notes.md"]
    assert registry.state().aliases == {"latest": release_id}


def test_same_checkpoint_is_released_once(registry: Registry, make_checkpoint, released_result) -> None:
    """Publishing again after a crash changes nothing."""
    checkpoint = make_checkpoint(40)
    values = (checkpoint, checkpoint_digest(checkpoint), read_manifest(checkpoint), released_result, notes)

    assert registry.publish(*values) == registry.publish(*values)
    assert len(registry.state().history) == 1


def test_rollback_goes_back_and_never_forward(registry: Registry, publish) -> None:
    """Each rollback names the release before; the first has none before it."""
    first, second, third = publish(1), publish(2), publish(3)
    assert registry.state().aliases == {"latest": third, "previous": second}

    assert registry.rollback().release_id == second
    assert registry.rollback().release_id == first
    with pytest.raises(RegistryError, match="nothing to roll back to"):
        registry.rollback()
    assert [event.action for event in registry.state().history] == ["publish"] * 3 + ["rollback"] * 2


def test_a_folder_without_releases_is_left_as_it_is(tmp_path: Path) -> None:
    """A command in the wrong home says that nothing is there, and makes nothing."""
    nowhere = Registry(tmp_path / "wrong" / "releases")

    with pytest.raises(RegistryError, match="nothing to roll back to"):
        nowhere.rollback()
    with pytest.raises(NotFoundError):
        nowhere.promote("step-00000040-01234567")
    assert not list(tmp_path.iterdir())


def test_promote_verifies_first(registry: Registry, publish) -> None:
    """A release whose bytes changed does not become latest again."""
    first, second = publish(1), publish(2)
    assert registry.promote(first).release_id == first
    assert registry.state().aliases == {"latest": first, "previous": second}
    (registry.folder / second / "notes.md").write_text("other")

    with pytest.raises(VerificationError, match=r"notes\.md: sha256"):
        registry.promote(second)


def test_unknown_release_lists_the_known(registry: Registry, publish) -> None:
    """The error names what there is."""
    release_id = publish(1)

    with pytest.raises(NotFoundError, match=f"known: latest, {release_id}"):
        registry.path("nightly")


def test_what_the_gate_refused_is_not_released(registry: Registry, make_checkpoint, better) -> None:
    """A result without a decision that releases publishes nothing."""
    checkpoint = make_checkpoint(1)

    with pytest.raises(RegistryError, match="the gate has not let it pass"):
        registry.publish(checkpoint, "0" * 64, read_manifest(checkpoint), better, notes)


def test_adapter_that_lost_its_scale_is_not_released(registry: Registry, publish) -> None:
    """What PEFT would load has to be what the manifest says; nothing is left behind."""
    with pytest.raises(VerificationError, match="use_rslora: True expected, got False"):
        publish(1, config={"use_rslora": False})

    assert registry.state().releases == ()
    assert [path.name for path in registry.folder.iterdir()] == [".lock"]


def test_pickle_is_not_released(registry: Registry, make_checkpoint, released_result) -> None:
    """A file that could hold code stops the release."""
    checkpoint = make_checkpoint(1)
    (checkpoint / "adapter/extra.bin").write_bytes(b"\x80\x04.")

    with pytest.raises(VerificationError, match=r"extra\.bin: only"):
        registry.publish(checkpoint, "0" * 64, read_manifest(checkpoint), released_result, notes)


def test_damaged_registry_is_named(registry: Registry, publish) -> None:
    """A registry that is no registry is an error, not an empty one."""
    publish(1)
    (registry.folder / "registry.json").write_text(json.dumps({"releases": 3}))

    with pytest.raises(RegistryError, match="not a registry of releases"):
        registry.state()
