"""A release: an adapter, its notes, and `release.json`, which names every file's digest and where it all came from.

A release is made of safetensors, JSON and text; anything else (pickle above all) is refused when it is made, when it
is verified and when it is pulled. The digest of a release is the sha256 of its `release.json`.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from eval.errors import VerificationError
from eval.result import DomainRow
from trainer.manifest import AdapterRef, BaseModelRef, DataRef

FORMAT_VERSION = 1
RELEASE_NAME = "release.json"
NOTES_NAME = "notes.md"
ADAPTER_DIR = "adapter"
ALLOWED_SUFFIXES = frozenset({".safetensors", ".json", ".md", ".txt", ".jinja"})
MAX_RELEASE_JSON_BYTES = 4 * 1024 * 1024
REQUIRED = (f"{ADAPTER_DIR}/adapter_config.json", f"{ADAPTER_DIR}/adapter_model.safetensors", NOTES_NAME)
_CODE_KEYS = ("auto_map", "trust_remote_code", "custom_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of a release."""

    sha256: str
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The content of `release.json`."""

    version: int = FORMAT_VERSION
    release_id: str
    created_at: float
    checkpoint: str
    """Name of the checkpoint's folder."""
    checkpoint_digest: str
    step: int
    tokens_seen: int
    base_model: BaseModelRef
    adapter: AdapterRef
    data: DataRef
    code_commit: str | None
    config_sha256: str
    suite_version: str
    suite_sha256: str
    compared_with: str
    """Name of the model that the gate compared with."""
    rows: tuple[DomainRow, ...]
    files: dict[str, FileEntry]
    """Every file but release.json, by its path below the release."""


RELEASE_JSON = TypeAdapter(Release)


def parse_release(data: bytes, where: str) -> Release:
    """Return the release that these bytes describe. Raises VerificationError for what must not be in one."""
    try:
        release = RELEASE_JSON.validate_json(data)
    except ValidationError as error:
        raise VerificationError(f"{where}: not a release: {error.errors()[0]['msg']}") from None
    if release.version != FORMAT_VERSION:
        raise VerificationError(f"{where}: format version {FORMAT_VERSION} expected, got {release.version}")
    for name in release.files:
        check_name(name, where)
    missing = [name for name in REQUIRED if name not in release.files]
    if missing:
        raise VerificationError(f"{where}: it names no {', '.join(missing)}")
    return release


def check_name(name: str, where: str) -> None:
    """Raise VerificationError for a path that leaves the release, or a kind of file that a release does not hold."""
    path = PurePosixPath(name)
    plain = name == path.as_posix() and "\\" not in name and "\0" not in name
    if not plain or path.is_absolute() or any(part in ("..", ".", "") for part in path.parts) or name == RELEASE_NAME:
        raise VerificationError(f"{where}: a path below the release expected, got {name!r}")
    if path.suffix not in ALLOWED_SUFFIXES:
        raise VerificationError(f"{where}: {name}: only {', '.join(sorted(ALLOWED_SUFFIXES))} may be released")


def verify_release(folder: Path, expected_sha256: str | None = None) -> Release:
    """Return the release in a folder after comparing every file with its digest. Raises VerificationError."""
    file = folder / RELEASE_NAME
    data = _read(file)
    found = hashlib.sha256(data).hexdigest()
    if expected_sha256 is not None and found != expected_sha256:
        raise VerificationError(f"{file}: sha256 {expected_sha256} expected, got {found}")
    release = parse_release(data, str(file))
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(present - release.files.keys() - {RELEASE_NAME}):
        raise VerificationError(f"{folder / name}: not a file of this release")
    for name, entry in sorted(release.files.items()):
        check_file(folder / name, entry)
    check_adapter_config(folder / ADAPTER_DIR / "adapter_config.json", release)
    return release


def check_file(file: Path, entry: FileEntry) -> None:
    """Raise VerificationError where a file's bytes are not those of its entry."""
    if file.is_symlink() or not file.is_file():
        raise VerificationError(f"{file}: a file expected, found {'a link' if file.is_symlink() else 'none'}")
    found = digest_of(file)
    if found != entry.sha256:
        raise VerificationError(f"{file}: sha256 {entry.sha256} expected, got {found}")


def check_adapter_config(file: Path, release: Release) -> None:
    """Raise VerificationError where PEFT would load something else than the release says, or run code for it."""
    try:
        config = json.loads(_read(file))
    except ValueError as error:
        raise VerificationError(f"{file}: not JSON: {error}") from None
    expected = {
        "peft_type": "LORA",
        "r": release.adapter.rank,
        "lora_alpha": release.adapter.alpha,
        "use_rslora": release.adapter.use_rslora,
    }
    for key, value in expected.items():
        if config.get(key) != value:
            raise VerificationError(f"{file}: {key}: {value!r} expected, got {config.get(key)!r}")
    for key in _CODE_KEYS:
        if config.get(key):
            raise VerificationError(f"{file}: {key}: a release runs no code of its own, got {config[key]!r}")


def entries_of(folder: Path) -> dict[str, FileEntry]:
    """Return the entry of every file below a folder but release.json. Raises VerificationError for one not allowed."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name == RELEASE_NAME:
            continue
        check_name(name, str(folder))
        entries[name] = FileEntry(sha256=digest_of(path), num_bytes=path.stat().st_size)
    return entries


def digest_of(file: Path) -> str:
    """Return the sha256 of a file in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise VerificationError(f"{file}: {error.strerror or error}") from None
