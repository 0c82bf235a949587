"""Whether the language model that the settings want asked can be asked, as far as this machine knows: said at start."""

from streams.config import StreamsSettings
from streams.errors import ConfigError, LlmError


def require_model(settings: StreamsSettings) -> None:
    """Raise ConfigError when the settings want a language model asked that can not be: before anything starts."""
    if settings.llm_policy == "none":
        return
    from streams.llm import open_model  # the client is large, and of use to few

    try:
        open_model(settings).close()
    except LlmError as error:
        raise ConfigError(f"llm_policy: {settings.llm_policy}: {error}") from error
