"""What the trainer refuses, and why. Every message says what came, where, and what was expected."""


class TrainerError(Exception):
    """Root of all errors that input, settings or the machine can cause here."""


class ConfigError(TrainerError):
    """A setting cannot be used: names the setting, its value and what is allowed."""


class ModelError(TrainerError):
    """The base model cannot be loaded: unknown name, missing files, or not in the local cache while offline."""


class ShardError(TrainerError):
    """A shard or its sidecar is missing, damaged or of an unknown version. Training stops before it."""


class CheckpointError(TrainerError):
    """A checkpoint is damaged or incomplete, or belongs to other settings."""


class NonFiniteError(TrainerError):
    """Loss or gradient was not a number for many steps in a row: the run has diverged."""


class OutOfMemoryError(TrainerError):
    """A step did not fit into memory."""
