"""The secrets of webhooks, read from the files that the settings name, each time: a new one needs no restart."""

import logging
import stat
from pathlib import Path

from mapper.ids import repository_id
from streams.config import StreamsSettings
from streams.errors import ConfigError

logger = logging.getLogger(__name__)

MIN_SECRET_CHARACTERS = 16
MAX_SECRETS = 8
"""In one file: an old and a new one while they are exchanged, hardly more."""
_ID_PREFIX = "repo1_"


def webhook_secrets(settings: StreamsSettings, repo_id: str | None = None) -> tuple[str, ...]:
    """Return the secrets that a delivery for a repository (None: for any) may be signed with; none may be there.

    A repository with secrets of its own takes no others. Raises ConfigError about a file, never with what is in it.
    """
    own = {_repo_id(key): (f"webhook_secret_files.{key}", path) for key, path in settings.webhook_secret_files.items()}
    if repo_id in own:
        return read_secrets(*own[repo_id])
    if settings.webhook_secret_file is None:
        return ()
    return read_secrets("webhook_secret_file", settings.webhook_secret_file)


def check_secrets(settings: StreamsSettings) -> None:
    """Raise ConfigError about the first file that will not do; warn of those that everybody can read."""
    files = {f"webhook_secret_files.{key}": path for key, path in settings.webhook_secret_files.items()}
    if settings.webhook_secret_file is not None:
        files["webhook_secret_file"] = settings.webhook_secret_file
    for setting, path in files.items():
        read_secrets(setting, path)
        if path.expanduser().stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            logger.warning("%s: %s can be read by others; chmod 600 it", setting, path)


def read_secrets(setting: str, path: Path) -> tuple[str, ...]:
    """Return the secrets of a file, one a line. Raises ConfigError."""
    try:
        lines = path.expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise ConfigError(f"{setting}: {path}: a file with a secret expected: {said}") from None
    found = tuple(line.strip() for line in lines if line.strip())
    if not 0 < len(found) <= MAX_SECRETS or min(map(len, found)) < MIN_SECRET_CHARACTERS:
        raise ConfigError(
            f"{setting}: {path}: 1 to {MAX_SECRETS} lines of at least {MIN_SECRET_CHARACTERS} characters expected"
        )
    return found


def _repo_id(key: str) -> str:
    return key if key.startswith(_ID_PREFIX) else repository_id(key)
