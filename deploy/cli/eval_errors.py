"""How the commands of benchmark and releases end: each kind of error with its exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.cli.output import (
    EXIT_CONFIG,
    EXIT_NOT_FOUND,
    EXIT_UNREACHABLE,
    EXIT_USAGE,
    EXIT_VERIFICATION,
    fail,
)


@contextmanager
def eval_errors() -> Iterator[None]:
    """End the command with one line and the error's exit code where eval refuses something."""
    from eval.errors import ConfigError, EvalError, NotFoundError, SourceUnreachableError, VerificationError

    codes = {
        ConfigError: EXIT_CONFIG,
        NotFoundError: EXIT_NOT_FOUND,
        SourceUnreachableError: EXIT_UNREACHABLE,
        VerificationError: EXIT_VERIFICATION,
    }
    try:
        yield
    except EvalError as error:
        fail(str(error), next((code for kind, code in codes.items() if isinstance(error, kind)), EXIT_USAGE))
    except OSError as error:
        fail(f"{error.filename or 'files'}: {error.strerror or error}", EXIT_USAGE)
