"""Settings of the trainer: environment, then `[trainer]` of sheetstream.toml, then the recipe's values.

What decides the numbers a run computes is left open here (None) and taken from a recipe (recipes.py), because the
right rank or batch depends on the base model and the machine; every such setting can be given and then wins.
"""

import difflib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trainer.errors import ConfigError

DEFAULT_HOME = Path("~/.local/share/sheetstream")
DEFAULT_CACHE = Path("~/.cache/sheetstream")
CONFIG_NAME = "sheetstream.toml"
TABLE = "trainer"


class TrainSettings(BaseSettings):
    """One trainer on one data home."""

    model_config = SettingsConfigDict(env_prefix="SHEETSTREAM_TRAIN_", extra="forbid", populate_by_name=True)

    home: Path = Field(DEFAULT_HOME, validation_alias="SHEETSTREAM_HOME")
    """Data home; shards and checkpoints lie below it."""
    cache: Path = Field(DEFAULT_CACHE, validation_alias="SHEETSTREAM_CACHE")
    """Converted base models are kept in CACHE/models."""
    shards: Path | None = None
    """Folder of the shards; HOME/shards when not given."""
    checkpoints: Path | None = None
    """Folder of the checkpoints; HOME/checkpoints when not given."""

    recipe: Literal["auto", "embedded", "olmo3-7b"] = "auto"
    """Where values not given come from; auto is olmo3-7b where CUDA works, else embedded."""
    base_model: str | None = None
    """Name of a prepared model (see model.py), a folder in Hugging Face's format, or a name on the Hugging Face hub."""
    rank: int | None = Field(None, ge=1)
    """LoRA rank r: W + alpha / sqrt(r) * B @ A (rsLoRA, Kalajdzievski 2023)."""
    alpha: float | None = Field(None, gt=0)
    dropout: float | None = Field(None, ge=0, lt=1)
    """Of the adapter's input."""
    seq_len: int | None = Field(None, ge=8)
    """Tokens in one row."""
    batch_rows: int | None = Field(None, ge=1)
    """Rows in one step over all processes; must be a multiple of their number."""
    micro_batch: int | None = Field(None, ge=1)
    """Rows in one forward pass of one process."""
    learning_rate: float | None = Field(None, gt=0)
    warmup_steps: int | None = Field(None, ge=0)
    decay_fraction: float | None = Field(None, ge=0, le=1)
    """Share of a bounded run's end in which the learning rate falls linearly to zero."""
    weight_decay: float | None = Field(None, ge=0)
    max_grad_norm: float | None = Field(None, gt=0)
    gradient_checkpointing: bool | None = None
    """Recompute activations in the backward pass: less memory, a third more time."""
    dtype: Literal["float32", "bfloat16"] | None = None
    """Of the frozen base model; adapters are always float32."""
    seed: int | None = None
    """Of the order of samples, the adapter's first values and dropout."""

    max_steps: int | None = Field(None, ge=1)
    """A run with this bound is finished at this step; None follows the shards for ever."""
    max_seconds: float | None = Field(None, gt=0)
    """Bound in seconds spent training, over all restarts. Where decay starts depends on the clock."""
    checkpoint_every_steps: int = Field(20, ge=1)
    checkpoint_when_idle_seconds: float = Field(5.0, ge=0)
    """Steps not yet saved are saved when no new shard came for this long."""
    idle_release_seconds: float = Field(60.0, ge=0)
    """After this long without work the process starts afresh, without the model in memory."""
    poll_seconds: float = Field(2.0, gt=0)
    keep_checkpoints: int = Field(5, ge=1)
    threads: int = Field(0, ge=0)
    """Threads of one process; 0 shares the cores it may use among the processes of this machine."""

    @property
    def shards_dir(self) -> Path:
        return self.shards or self.home / "shards"

    @property
    def checkpoints_dir(self) -> Path:
        return self.checkpoints or self.home / "checkpoints"

    def model_post_init(self, _context: Any, /) -> None:
        self.home = self.home.expanduser().absolute()
        self.cache = self.cache.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings


def load_settings(config: Path | None = None, **given: Any) -> TrainSettings:
    """Return the settings: `given`, then the environment, then the file, then the defaults.

    `config` is the file; without it HOME/sheetstream.toml is read where it exists. Raises ConfigError naming the
    setting.
    """
    given = {name: value for name, value in given.items() if value is not None}
    file = config or _home_of(given) / CONFIG_NAME
    if config is not None and not config.is_file():
        raise ConfigError(f"{config}: no such file; expected a TOML file with a [{TABLE}] table")
    table = read_table(file) if file.is_file() else {}
    try:
        return TrainSettings(**{name: value for name, value in table.items() if not _in_environment(name)} | given)
    except ValidationError as error:
        raise ConfigError(_describe(error, file)) from error


def read_table(file: Path) -> dict[str, Any]:
    """Return the [trainer] table of a TOML file; ConfigError for a key that is no setting, naming the nearest one."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get(TABLE, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as TOML: {error}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: [{TABLE}] should be a table")
    for key in table:
        if key not in TrainSettings.model_fields:
            near = difflib.get_close_matches(key, TrainSettings.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{file}: [{TABLE}] {key}: no such setting{hint}")
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedAs:
    """The place of one process among those that torchrun started; alone without torchrun."""

    rank: int = 0
    local_rank: int = 0
    size: int = 1
    local_size: int = 1
    """Processes on this machine."""


def launched_as() -> LaunchedAs:
    """Return the place torchrun gave this process through its environment variables."""
    read = os.environ.get
    return LaunchedAs(
        rank=int(read("RANK", "0")),
        local_rank=int(read("LOCAL_RANK", "0")),
        size=int(read("WORLD_SIZE", "1")),
        local_size=int(read("LOCAL_WORLD_SIZE", "1")),
    )


def _home_of(given: dict[str, Any]) -> Path:
    return Path(given.get("home") or os.environ.get("SHEETSTREAM_HOME") or DEFAULT_HOME).expanduser()


def _in_environment(name: str) -> bool:
    variable = {"home": "SHEETSTREAM_HOME", "cache": "SHEETSTREAM_CACHE"}.get(name, f"SHEETSTREAM_TRAIN_{name.upper()}")
    return variable in os.environ


def _describe(error: ValidationError, file: Path) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{name}: {problem['msg']}, got {problem.get('input')!r}")
    source = f" (environment SHEETSTREAM_TRAIN_*, or [{TABLE}] of {file})"
    return "; ".join(lines) + source
