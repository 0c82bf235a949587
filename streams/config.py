"""The settings of watchers, worker and sealer: environment, then sheetstream.toml, then defaults.

The only place of this package that reads the environment.
"""

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from streams.errors import ConfigError
from streams.kafka_security import KafkaSecurity

MIB = 1024 * 1024
GIB = 1024 * MIB
DEFAULT_HOME = Path("~/.local/share/sheetstream")
DEFAULT_CACHE = Path("~/.cache/sheetstream")
CONFIG_FILE = "sheetstream.toml"
TABLE = "streams"
SECRETS = frozenset({"llm_api_key", "kafka_sasl_password_file"})
"""Settings that no message repeats, as any value that may hold a password (USER:PASSWORD@HOST)."""
OPENAI_HOST = "api.openai.com"
"""The one server that the key in OPENAI_API_KEY was given for."""


class StreamsSettings(KafkaSecurity):
    """What streams needs to know; each field is SHEETSTREAM_<NAME> in the environment and a key of [streams].

    How Kafka is reached is inherited: streams/kafka_security.py.
    """

    model_config = SettingsConfigDict(env_prefix="SHEETSTREAM_", extra="forbid", frozen=True)

    home: Path = DEFAULT_HOME
    cache: Path = DEFAULT_CACHE
    """Where prepared models lie; the language model's prompts are counted with the small one's tokenizer."""
    database_url: str = ""
    """SQLAlchemy URL; empty: sqlite:///HOME/ledger.db."""
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]*$")
    partitions: int = Field(default=4, ge=1)
    replication_factor: int = Field(default=1, ge=1)

    poll_seconds: float = Field(default=5.0, gt=0)
    """How often a local source is looked at."""
    remote_poll_seconds: float = Field(default=30.0, gt=0)
    """How often a source of the network is looked at."""
    allow_local_sources: bool = True
    """Whether local paths, file:// and plain http may be sources besides https."""
    allow_private_addresses: bool = False
    """Whether http(s) sources may lie inside private networks (loopback too)."""
    polls_per_host: int = Field(default=2, ge=1)
    """Looks at sources of one host of the network at once."""
    host_distance_seconds: float = Field(default=1.0, ge=0)
    """Between the starts of two looks at one host."""
    backfill_commits: int = Field(default=200, ge=1)
    """More new commits of a repository than this are recorded, and only the last of them is mapped."""
    max_repository_bytes: int = Field(default=8 * 1024 * MIB, gt=0)
    """Of a repository's mirror, and of each pack that is received."""
    max_tree_files: int = Field(default=500_000, gt=0)
    """Files of a commit, those outside a repository's path globs not counted."""
    max_path_depth: int = Field(default=64, gt=0)
    """Folders above a file."""
    max_commits: int = Field(default=2_000_000, gt=0)
    """New commits that one look at a repository may bring."""
    fetch_timeout_seconds: float = Field(default=1800.0, gt=0)
    """How long one fetch may take."""
    max_folder_files: int = Field(default=2000, gt=0)
    """PDF files of a folder that is a source."""
    webhook_host: str = "127.0.0.1"
    """Address that webhooks are received on; loopback, unless a proxy on another machine passes them on."""
    webhook_port: int = Field(default=0, ge=0, le=65535)
    """Port of it; 0: any free one, then kept."""
    webhook_secret_file: Path | None = None
    """File with the secret of all repositories' webhooks, one a line; several lines: any of them."""
    webhook_secret_files: dict[str, Path] = Field(default_factory=dict)
    """The same for single repositories: id or URL -> file."""
    webhook_max_bytes: int = Field(default=5 * MIB, gt=0)
    """Of a delivery's body."""
    webhook_window_seconds: float = Field(default=300.0, gt=0)
    """How far the time in a signed delivery may be from ours."""
    max_pdf_bytes: int = Field(default=64 * MIB, gt=0)
    max_file_bytes: int = Field(default=16 * 1000 * 1000, gt=0)
    """Of a source file; the mapper takes that much of C and C++ alone, and 2 MB of other languages."""
    pdf_timeout_seconds: float = Field(default=120.0, gt=0)
    parse_memory_bytes: int = Field(default=2 * GIB, ge=64 * MIB)
    """What parsing one file may take; a file that needs more is left out with the reason parse_memory."""
    parse_cpu_seconds: int = Field(default=120, ge=1)
    """CPU time of parsing one file; beyond it the file is left out with the reason parse_timeout."""
    parse_timeout_seconds: float = Field(default=600.0, gt=0)
    """The same by the clock, for a parser that waits, or a machine that has no time for it."""
    map_memory_bytes: int = Field(default=8 * GIB, ge=64 * MIB)
    """What mapping one repository, or making samples of some files, may take."""
    map_cpu_seconds: int = Field(default=1500, ge=1)
    """CPU time of one mapping."""
    map_timeout_seconds: float = Field(default=1700.0, gt=0)
    """The same by the clock; Kafka gives a worker 1800 seconds for a record."""

    shard_max_samples: int = Field(default=256, ge=1)
    shard_max_bytes: int = Field(default=16 * MIB, ge=1)
    shard_max_age_seconds: float = Field(default=20.0, gt=0)
    default_licence: str | None = None
    """SPDX identifier of files that name none; None: such files give no samples."""
    holdout_families: tuple[str, ...] = ()
    """Origin families whose files are kept out of every shard, with all copies of them."""

    llm_base_url: str = ""
    """Where a language model answers the OpenAI-compatible API, up to and including /v1; empty: none is asked."""
    llm_model: str = ""
    """The model's name there."""
    llm_api_key: SecretStr | None = None
    """Key for that server; None: OPENAI_API_KEY, for OpenAI's own server alone."""
    llm_max_tokens_per_run: int = Field(default=1_000_000, ge=0)
    """Prompt and completion tokens of one run, after which nothing more is asked."""
    llm_max_tokens_per_day: int = Field(default=5_000_000, ge=0)
    """The same for all runs of a day (UTC) that share the data home."""
    llm_thinking_tokens: int = Field(default=0, ge=0)
    """Tokens that a model may think before its answer; added to what each answer may have."""
    llm_concurrency: int = Field(default=4, ge=1, le=64)
    """Requests under way at once."""
    llm_timeout_seconds: float = Field(default=60.0, gt=0)
    """How long one answer may take."""
    llm_send_restricted: bool = False
    """Whether text of datasheets that forbid copying may go to a server on another machine."""

    audit: bool = True
    """Whether the auditor compares the ledger with what it should follow from."""
    audit_seconds: float = Field(default=30.0, gt=0)
    """How often the auditor looks for a repository whose links are of a snapshot that was not audited."""
    audit_again_seconds: float = Field(default=6 * 3600.0, gt=0)
    """After which a repository is audited again though nothing changed; a tenth of it where something differed."""
    audit_outbox_seconds: float = Field(default=300.0, gt=0)
    """How long a record may wait in the outbox before it counts as one that does not get out."""

    retry_seconds: float = Field(default=300.0, ge=0)
    """How long a transient fault is retried before the worker exits to be started afresh."""
    session_seconds: float = Field(default=15.0, ge=6)
    """A worker that Kafka has not heard of for so long gives its partitions to others; brokers take from 6 on."""
    stall_seconds: float = Field(default=180.0, gt=0)
    """A worker in which input waits and nothing moves for so long counts as stalled, and is started afresh."""
    failpoint: str = ""
    """For tests: NAME[@HIT][=exit|sleep:SECONDS] of streams.failpoints; empty: none."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_explain(error)) from None
        except SettingsError as error:  # a list or table in a variable is written as JSON
            named = re.search(r'field "(\w+)"', str(error))
            name = named[1] if named else TABLE
            raise ConfigError(f"{name}: JSON expected (environment: SHEETSTREAM_{name.upper()})") from None

    @property
    def has_webhooks(self) -> bool:
        """Whether a secret is set, and so webhooks are received."""
        return self.webhook_secret_file is not None or bool(self.webhook_secret_files)

    @field_validator("home", "cache")
    @classmethod
    def _expand(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("llm_base_url")
    @classmethod
    def _check_base_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None):
            raise ValueError("http(s)://HOST[:PORT]/PATH without user and password expected")
        return url.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, values: Any) -> Any:
        for name in values:
            if name not in cls.model_fields:
                near = difflib.get_close_matches(name, cls.model_fields, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError(f"{TABLE}.{name}: unknown setting{hint}")
        return values

    @model_validator(mode="after")
    def _fill_database_url(self) -> "StreamsSettings":
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.home / 'ledger.db'}")
        return self

    @model_validator(mode="after")
    def _fill_api_key(self) -> "StreamsSettings":
        openai_key = os.environ.get("OPENAI_API_KEY")
        if self.llm_api_key is None and openai_key and urlsplit(self.llm_base_url).hostname == OPENAI_HOST:
            object.__setattr__(self, "llm_api_key", SecretStr(openai_key))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, strongest first: arguments, environment, the file in the data home."""
        home = init_settings().get("home") or env_settings().get("home") or DEFAULT_HOME
        table = _read_table(Path(home).expanduser() / CONFIG_FILE)
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=table)


def _read_table(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: a readable TOML file expected: {error}") from None
    table = document.get(TABLE, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: a table [{TABLE}] expected, got {type(table).__name__}")
    return table


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or TABLE
    got = "" if name in SECRETS or "@" in str(first["input"]) else f", got {first['input']!r}"
    return f"{name}: {first['msg']}{got} (environment: SHEETSTREAM_{name.upper()})"


CHILD_VARIABLES = (
    *("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)


def child_environment() -> dict[str, str]:
    """Return the environment for programs that handle untrusted input: search path, locale, proxies, no secrets."""
    return {name: os.environ[name] for name in CHILD_VARIABLES if name in os.environ}
