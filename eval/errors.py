"""What eval refuses, and why. Every message says what came, where, and what was expected."""


class EvalError(Exception):
    """Root of all errors of this package that input can cause."""


class ConfigError(EvalError):
    """A setting is unknown or out of range: names the setting and where it was read."""


class SuiteError(EvalError):
    """A suite cannot be built or read: no such folder, a digest that differs, a file that is not in its format."""


class ResultError(EvalError):
    """A stored result cannot be read, or two results cannot be compared: other suite, other items."""


class ScoringError(EvalError):
    """A model cannot be scored: a checkpoint that vanished, an adapter that does not fit its base model."""


class RegistryError(EvalError):
    """The registry cannot do this: unknown release, nothing to roll back to, a folder already taken."""


class NotFoundError(RegistryError):
    """No release of this name or alias."""


class VerificationError(EvalError):
    """Bytes differ from their digest, or a release holds what a release must not hold."""


class SourceUnreachableError(EvalError):
    """The place a release is pulled from gives no answer, or not the file that its registry promises."""
