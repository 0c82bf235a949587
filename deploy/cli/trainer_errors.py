"""The trainer's errors as the command's one line and exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.cli.output import EXIT_CONFIG, EXIT_FINDINGS, EXIT_NOT_FOUND, EXIT_VERIFICATION, fail


@contextmanager
def trainer_errors() -> Iterator[None]:
    """End the command with one line and the fitting exit code when the trainer refuses."""
    from trainer.errors import CheckpointError, ConfigError, ModelError, ShardError, TrainerError

    codes = {ConfigError: EXIT_CONFIG, ModelError: EXIT_NOT_FOUND, ShardError: EXIT_VERIFICATION}
    codes[CheckpointError] = EXIT_VERIFICATION
    try:
        yield
    except TrainerError as error:
        fail(str(error), codes.get(type(error), EXIT_FINDINGS))
