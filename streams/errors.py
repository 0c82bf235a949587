"""What streams refuses, and why. Every message says what came, where, and what was expected."""


class StreamsError(Exception):
    """Root of this package's errors. `reason` is a closed word for counters and dead letters."""

    reason = "internal"


class ConfigError(StreamsError):
    """A setting is missing, unknown or out of range: names the setting."""

    reason = "config"


class RecordError(StreamsError):
    """The bytes of a message are not the record expected there, or of an unknown version."""

    def __init__(self, message: str, *, reason: str = "schema") -> None:
        super().__init__(message)
        self.reason = reason


class SourceStateError(StreamsError):
    """A repository or datasheet source is unknown, or in a state that forbids what was asked."""

    reason = "source"


class TopicError(StreamsError):
    """Topics are missing on the broker, or differ from the table in a way that can not be mended."""

    reason = "topics"


class BrokerError(StreamsError):
    """The Kafka broker can not be reached or refused: transient, retried with back-off."""

    reason = "broker"


class BrokerAccessError(BrokerError):
    """A Kafka broker answers, but not to these settings (certificate, password, protocol): waiting changes nothing."""


class LedgerError(StreamsError):
    """The ledger's database can not be reached, or its schema is not the one this version needs."""

    reason = "ledger"


class MovedError(StreamsError):
    """What a unit of work was prepared from changed before its transaction: prepare it again."""

    reason = "moved"


class AddressError(StreamsError):
    """A source's address is not one that may be read: scheme, host, credentials, or a path that is not there."""

    reason = "address"


class HostError(StreamsError):
    """A source of the network can not be read. host_fault: whatever is asked of that host would fail now."""

    def __init__(self, message: str, *, host_fault: bool = False, retry_seconds: float | None = None) -> None:
        super().__init__(message)
        self.host_fault = host_fault
        self.retry_seconds = retry_seconds
        """How long the server asks to be left alone, None when it does not say."""


class RepositoryError(HostError):
    """A git repository can not be read: not a repository, unreachable, empty, no such branch, damaged mirror."""

    reason = "repository"


class DownloadError(HostError):
    """A datasheet's bytes can not be had: missing, unreachable, refused by its server, or over the size limit."""

    reason = "download"


class HookError(StreamsError):
    """A webhook's delivery is refused: `status` is what the sender is answered, the message why, without secrets."""

    reason = "hook"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class BlobError(StreamsError):
    """Bytes are not in the blob store, or not what their digest says."""

    reason = "blob"


class PoolError(StreamsError):
    """Work in a process of its own came to nothing: a limit was exceeded, the process died, or the pool was stopped.

    `reason` is what was done (parse, map) and timeout, memory or crash; or "stopped".
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class SealError(StreamsError):
    """A shard on disk is not what the ledger says it is."""

    reason = "shard"


class LlmError(StreamsError):
    """The language model can not be used: a setting is missing or refused, its server answers nothing, no tokenizer."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
