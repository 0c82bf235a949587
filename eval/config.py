"""Settings of the benchmark, from SHEETSTREAM_EVAL_* and the table [eval] of HOME/sheetstream.toml.

The environment wins over the file. The only place of this package that reads the environment.
"""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from eval.errors import ConfigError

DEFAULT_HOME = Path("~/.local/share/sheetstream")
DEFAULT_CACHE = Path("~/.cache/sheetstream")
ENV_PREFIX = "SHEETSTREAM_EVAL_"


class EvalSettings(BaseSettings):
    """How models are scored and when a checkpoint is released."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, populate_by_name=True)

    home: Path = Field(default=DEFAULT_HOME, validation_alias="SHEETSTREAM_HOME")
    cache: Path = Field(default=DEFAULT_CACHE, validation_alias="SHEETSTREAM_CACHE")
    """Prepared base models lie in CACHE/models."""
    suite: Path | None = None
    """Folder of the suite; HOME/suite when not given."""

    items_per_domain: int = Field(default=6, ge=1)
    """Items that `eval build` cuts for a domain, over both slices. 200 for figures to publish."""
    max_items_per_file: int = Field(default=5, ge=1)
    context_bytes: int = Field(default=400, ge=64)
    """Longest context of an item, in bytes: about 170 tokens of a small vocabulary."""
    reference_bytes: int = Field(default=160, ge=16)
    """Longest reference of an item, in bytes: about 65 tokens of a small vocabulary."""

    max_context_tokens: int = Field(default=192, ge=8)
    """The oldest tokens of a longer context are not shown to the model."""
    max_reference_tokens: int = Field(default=96, ge=1)
    """Tokens of a longer reference are not scored."""
    generation_items_per_domain: int = Field(default=2, ge=0)
    """Items of a domain that the model also completes itself; generation costs ten times the scoring."""
    max_new_tokens: int = Field(default=64, ge=1)
    batch_size: int = Field(default=8, ge=1)
    threads: int = Field(default=2, ge=1)
    device: str = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"

    resamples: int = Field(default=10_000, ge=100)
    seed: int = 0
    domain_margin: float = Field(default=0.0, ge=0)
    """Share of bits per byte by which a domain may get worse even where that is certain."""
    general_margin: float = Field(default=0.05, ge=0)
    """Share of bits per byte by which general code may get worse: what is paid for learning the rest."""
    require_improvement: bool = True
    """Release only where the mean over the domains is better beyond its interval."""

    every_checkpoint: bool = False
    """Score all checkpoints in order. False: the newest only, so a trainer that is faster is never waited for."""
    poll_seconds: float = Field(default=2.0, gt=0)
    idle_release_seconds: float = Field(default=60.0, gt=0)
    """After a scoring and this much idling the process starts afresh, which gives torch's memory back."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError("; ".join(_explain(one) for one in error.errors())) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"sheetstream.toml: not TOML: {error}") from None

    @property
    def home_dir(self) -> Path:
        return self.home.expanduser()

    @property
    def cache_dir(self) -> Path:
        return self.cache.expanduser()

    @property
    def suite_dir(self) -> Path:
        return (self.suite or self.home_dir / "suite").expanduser()

    @property
    def checkpoints_dir(self) -> Path:
        return self.home_dir / "checkpoints"

    @property
    def results_dir(self) -> Path:
        return self.home_dir / "results"

    @property
    def releases_dir(self) -> Path:
        return self.home_dir / "releases"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = init_settings()
        home = given.get("home") or given.get("SHEETSTREAM_HOME") or os.environ.get("SHEETSTREAM_HOME") or DEFAULT_HOME
        table = _read_table(Path(home).expanduser() / "sheetstream.toml")
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=table)


def load_settings(**given: Any) -> EvalSettings:
    """Return the settings: `given` where not None, then the environment, then the file, then the defaults."""
    return EvalSettings(**{name: value for name, value in given.items() if value is not None})


def _read_table(file: Path) -> dict[str, Any]:
    """Return the table [eval] of the file; empty where file or table is not there."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("eval", {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: a readable TOML file expected: {error}") from None
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: a table [eval] expected, got {type(table).__name__}")
    return table


def _explain(error: Any) -> str:
    """Return one line about a failed setting; an unknown one comes with its nearest known name."""
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{name} (or {ENV_PREFIX}{name.upper()}): {error['msg']}, got {error['input']!r}"
    near = difflib.get_close_matches(name, EvalSettings.model_fields, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{name}: no such setting in [eval]{hint}"
