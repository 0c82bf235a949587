"""The registry of releases: a folder for each, and `registry.json` with the aliases and the history.

Every change is made under a lock and appears by rename; a release's folder is whole before the registry names it.
Aliases move between releases (latest, previous), releases themselves never change.
"""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from eval.errors import NotFoundError, RegistryError
from eval.release import (
    ADAPTER_DIR,
    NOTES_NAME,
    RELEASE_JSON,
    RELEASE_NAME,
    Release,
    check_adapter_config,
    entries_of,
    verify_release,
)
from eval.result import Result
from trainer.manifest import Manifest

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
REGISTRY_NAME = "registry.json"
LATEST = "latest"
PREVIOUS = "previous"
STAGING_PREFIX = ".staging-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One move of the alias latest."""

    at: float
    action: Literal["publish", "promote", "rollback"]
    release_id: str
    was: str | None
    """The release that latest named before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A release as the registry names it; sha256 is that of its release.json."""

    release_id: str
    sha256: str
    created_at: float
    checkpoint_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The content of `registry.json`."""

    version: int = FORMAT_VERSION
    aliases: dict[str, str] = field(default_factory=dict)
    releases: tuple[Listed, ...] = ()
    history: tuple[Event, ...] = ()

    def find(self, name: str) -> Listed:
        """Return the release with this id, or that this alias names. Raises NotFoundError."""
        release_id = self.aliases.get(name, name)
        for listed in self.releases:
            if listed.release_id == release_id:
                return listed
        known = ", ".join([*self.aliases, *(listed.release_id for listed in self.releases)]) or "none yet"
        raise NotFoundError(f"{name}: no such release; known: {known}")


STATE_JSON = TypeAdapter(State)


class Registry:
    """The releases below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def state(self) -> State:
        """Return what the registry says now. Raises RegistryError where the file is damaged."""
        file = self.folder / REGISTRY_NAME
        try:
            return parse_state(file.read_bytes(), str(file))
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise RegistryError(f"{file}: {error.strerror or error}") from None

    def path(self, name: str = LATEST) -> Path:
        """Return the folder of a release by id or alias. Raises NotFoundError."""
        return self.folder / self.state().find(name).release_id

    def verify(self, name: str = LATEST) -> Release:
        """Return a release after comparing every file with its digest. Raises NotFoundError, VerificationError."""
        listed = self.state().find(name)
        return verify_release(self.folder / listed.release_id, listed.sha256)

    def publish(
        self, checkpoint: Path, digest: str, manifest: Manifest, result: Result, notes: Callable[[Release], str]
    ) -> Listed:
        """Copy a checkpoint's adapter into a new release and let `latest` name it; the same checkpoint twice is one.

        Raises RegistryError where the result holds no decision to release it, VerificationError where the adapter is
        not what its manifest says.
        """
        if result.decision is None or not result.decision.released:
            raise RegistryError(f"{checkpoint.name}: the gate has not let it pass; only what it lets pass is released")
        with self._locked():
            state = self.state()
            for listed in state.releases:
                if listed.checkpoint_digest == digest:
                    return listed
            listed = self._write(checkpoint, digest, manifest, result, notes)
            self._save(_moved(replace(state, releases=(*state.releases, listed)), "publish", listed.release_id))
        logger.info("released release_id=%s checkpoint=%s", listed.release_id, checkpoint.name)
        return listed

    def promote(self, name: str) -> Listed:
        """Let `latest` name another release, once its files are verified. Raises NotFoundError, VerificationError."""
        self.state().find(name)
        with self._locked():
            state = self.state()
            listed = state.find(name)
            verify_release(self.folder / listed.release_id, listed.sha256)
            if state.aliases.get(LATEST) != listed.release_id:
                self._save(_moved(state, "promote", listed.release_id))
        return listed

    def rollback(self) -> Listed:
        """Let `latest` name the release before it; raises RegistryError where there is none."""
        _require_previous(self.state())
        with self._locked():
            state = self.state()
            listed = _require_previous(state)
            verify_release(self.folder / listed.release_id, listed.sha256)
            self._save(_moved(state, "rollback", listed.release_id))
        return listed

    def _write(
        self, checkpoint: Path, digest: str, manifest: Manifest, result: Result, notes: Callable[[Release], str]
    ) -> Listed:
        assert result.decision is not None
        release_id = f"{checkpoint.name}-{digest[:8]}"
        staging = self.folder / f"{STAGING_PREFIX}{release_id}"
        shutil.rmtree(staging, ignore_errors=True)
        try:
            shutil.copytree(checkpoint / manifest.adapter.path, staging / ADAPTER_DIR)
            release = Release(
                release_id=release_id,
                created_at=time.time(),
                checkpoint=checkpoint.name,
                checkpoint_digest=digest,
                step=manifest.step,
                tokens_seen=manifest.tokens_seen,
                base_model=manifest.base_model,
                adapter=replace(manifest.adapter, path=ADAPTER_DIR),
                data=manifest.data,
                code_commit=manifest.code_commit,
                config_sha256=hashlib.sha256(json.dumps(manifest.config, sort_keys=True).encode()).hexdigest(),
                suite_version=result.suite_version,
                suite_sha256=result.suite_sha256,
                compared_with=result.decision.reference.name,
                rows=result.decision.rows,
                files={},
            )
            check_adapter_config(staging / ADAPTER_DIR / "adapter_config.json", release)
            (staging / NOTES_NAME).write_text(notes(release), encoding="utf-8")
            release = replace(release, files=entries_of(staging))
            data = RELEASE_JSON.dump_json(release, indent=1)
            (staging / RELEASE_NAME).write_bytes(data)
            sha256 = hashlib.sha256(data).hexdigest()
            verify_release(staging, sha256)
            _flush(staging)
            final = self.folder / release_id
            shutil.rmtree(final, ignore_errors=True)  # left by a crash: no registry ever named it
            staging.rename(final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return Listed(release_id=release_id, sha256=sha256, created_at=release.created_at, checkpoint_digest=digest)

    def _save(self, state: State) -> None:
        file = self.folder / REGISTRY_NAME
        fresh = file.with_name(f".{REGISTRY_NAME}.{os.getpid()}")
        fresh.write_bytes(STATE_JSON.dump_json(state, indent=1))
        _flush_file(fresh)
        fresh.replace(file)
        _flush_file(self.folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            yield


def _require_previous(state: State) -> Listed:
    if PREVIOUS not in state.aliases:
        raise RegistryError("nothing to roll back to: no release came before the latest")
    return state.find(PREVIOUS)


def parse_state(data: bytes, where: str) -> State:
    """Return the registry that these bytes describe. Raises RegistryError."""
    try:
        state = STATE_JSON.validate_json(data)
    except ValidationError as error:
        raise RegistryError(f"{where}: not a registry of releases: {error.errors()[0]['msg']}") from None
    if state.version != FORMAT_VERSION:
        raise RegistryError(f"{where}: format version {FORMAT_VERSION} expected, got {state.version}")
    return state


def _moved(state: State, action: Literal["publish", "promote", "rollback"], release_id: str) -> State:
    was = state.aliases.get(LATEST)
    event = Event(at=time.time(), action=action, release_id=release_id, was=was)
    previous = {} if was is None else {PREVIOUS: was}
    if action == "rollback":
        previous = _before(state, release_id)
    return replace(state, aliases={LATEST: release_id, **previous}, history=(*state.history, event))


def _before(state: State, release_id: str) -> dict[str, str]:
    """Return the alias previous after rolling back to a release: what was published before it, if anything was.

    A second rollback so goes one further back, never forward to the release that was just withdrawn.
    """
    order = [listed.release_id for listed in state.releases]
    place = order.index(release_id)
    return {PREVIOUS: order[place - 1]} if place > 0 else {}


def _flush(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _flush_file(path)


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
