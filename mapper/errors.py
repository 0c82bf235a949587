"""What the mapper refuses, and why. Every message says what came, where, and what was expected."""


class MapperError(Exception):
    """Root of all errors that input can cause here. `reason` is a closed word for counters and dead letters."""

    reason = "internal"


class DatasheetError(MapperError):
    """The PDF cannot be read as a datasheet: not a PDF, truncated, encrypted, no text layer, or over a limit."""

    def __init__(self, message: str, *, reason: str = "pdf") -> None:
        super().__init__(message)
        self.reason = reason


class SourceError(MapperError):
    """A source file cannot be taken: too large, or binary. Parse errors are no reason: they are counted instead."""

    def __init__(self, message: str, *, reason: str = "source") -> None:
        super().__init__(message)
        self.reason = reason


class FormatError(MapperError):
    """A links or gold file does not follow the format: says the file, the line and the field."""

    reason = "format"


class StateError(MapperError):
    """A kept state cannot be used: something else is in the file (foreign), or it is torn or damaged (damaged)."""

    def __init__(self, message: str, *, reason: str = "damaged") -> None:
        super().__init__(message)
        self.reason = reason
