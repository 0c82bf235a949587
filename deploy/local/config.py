"""Settings of the one-machine mode: SHEETSTREAM_* variables and the [local] table of sheetstream.toml."""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from deploy.local.errors import ConfigError

DEFAULT_HOME = Path("~/.local/share/sheetstream")
DEFAULT_CACHE = Path("~/.cache/sheetstream")


class LocalSettings(BaseSettings):
    """What the launcher needs to know."""

    model_config = SettingsConfigDict(env_prefix="SHEETSTREAM_", extra="ignore")

    home: Path = DEFAULT_HOME
    """Everything the system keeps."""
    cache: Path = DEFAULT_CACHE
    """What can be had again: Kafka's jars, the converted base model."""
    kafka: str | None = None
    """host:port of a broker that is already there; None: the embedded one."""
    kafka_heap_mb: int = Field(default=256, ge=128)
    """Memory for the embedded broker's heap, in MiB."""
    console_port: int = Field(default=0, ge=0, le=65535)
    """Port of the console on loopback; 0: any free one, then kept."""
    min_free_disk_mb: int = Field(default=1024, ge=0)
    """Refuse to start with less free disk than this, in MiB."""
    process_failures: int = Field(default=5, ge=0)
    """Quick deaths of a process in a row after which it counts as failed."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _TomlTable(settings_cls)


def load_settings(**overrides: Any) -> LocalSettings:
    """Return the settings; overrides win over the environment, which wins over the file. Raises ConfigError."""
    try:
        settings = LocalSettings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"SHEETSTREAM_{str(first['loc'][0]).upper()}: {first['msg']}, got {first['input']!r}"
        ) from error
    return settings.model_copy(
        update={"home": settings.home.expanduser().absolute(), "cache": settings.cache.expanduser().absolute()}
    )


def config_file() -> Path:
    """Return where sheetstream.toml is looked for."""
    return Path(os.environ.get("SHEETSTREAM_HOME", str(DEFAULT_HOME))).expanduser() / "sheetstream.toml"


class _TomlTable(PydanticBaseSettingsSource):
    """The [local] table of sheetstream.toml; an unknown key is an error that names the nearest known one."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = config_file()
        if not path.is_file():
            return {}
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8")).get("local", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from error
        known = list(self.settings_cls.model_fields)
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError(f"{path}: [local] has no setting {key!r}{hint}")
        return dict(values)
