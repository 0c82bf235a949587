"""What can keep the system from running here; each message says what to do about it."""


class LocalError(Exception):
    """Root of the one-machine mode's errors. exit_code is what the command ends with."""

    exit_code = 4


class ConfigError(LocalError):
    """A setting does not hold: names the setting, what came and what was expected."""

    exit_code = 3


class BrokerError(LocalError):
    """Kafka cannot be had or does not start: no jars, no Java, a port in use, no disk space."""


class SupervisorError(LocalError):
    """The processes cannot be started or asked."""


class AlreadyRunningError(LocalError):
    """Another `up` or `demo` uses this home."""

    exit_code = 2
