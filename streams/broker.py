"""Is a Kafka broker there, and does it let us in? Asked before a client is made, and again while one runs.

Clients report a failed connection badly: one of kafka-python 3.0 waits for its whole time limit and leaves its sockets
to the garbage collector, one of aiokafka tries for ever and only logs. A connection of our own
(streams/broker_greeting.py) knows at once what is wrong.
"""

import threading
import time
from collections.abc import Callable

from streams.broker_greeting import Access, greet, may_join, read_access
from streams.errors import BrokerAccessError, BrokerError, StreamsError
from streams.kafka_security import KafkaSecurity, addresses

RETRY_SECONDS = 0.5
ACCESS_SECONDS = 15.0
"""How often a running process asks whether it is still let in."""


def require_broker(settings: KafkaSecurity) -> None:
    """Return if one of the brokers in the setting kafka lets us in, and so does one that it names to clients.

    Takes some seconds for each address at most. Raises BrokerAccessError where waiting would not help, BrokerError
    where no broker answers, and ConfigError.
    """
    access = read_access(settings)
    found = _first(access, addresses(settings))
    named = [broker for broker in found if broker not in addresses(settings)]
    if found and len(named) == len(found):
        try:
            _first(access, named)
        except BrokerError as error:
            where = f"; it is what {settings.kafka} names to clients (advertised.listeners)"
            raise type(error)(f"{error}{where}") from error


def may_join_group(settings: KafkaSecurity, group: str) -> bool:
    """Return whether we may be a member of a consumer group. Raises BrokerError and ConfigError."""
    access = read_access(settings)
    errors: list[BrokerError] = []
    for address in addresses(settings):
        try:
            return may_join(access, address, group)
        except BrokerError as error:
            errors.append(error)
    raise errors[0]


def await_broker(settings: KafkaSecurity, stop: threading.Event, seconds: float) -> None:
    """Wait until a broker lets us in or stop is set. Raises BrokerError after so long, other errors at once."""
    deadline = time.monotonic() + seconds
    while not stop.is_set():
        try:
            return require_broker(settings)
        except BrokerAccessError:
            raise
        except BrokerError as error:
            if time.monotonic() > deadline:
                raise BrokerError(f"{error} (tried for {seconds:.0f} s)") from error
        stop.wait(RETRY_SECONDS)
    return None


class AccessWatch:
    """Looks every so often whether the brokers still let this process in and do what it asks.

    A client whose password was changed while it ran tries to connect for ever and says so only in its log.
    """

    def __init__(self, settings: KafkaSecurity, look: Callable[[], None], *, seconds: float | None = None) -> None:
        """`look` raises BrokerAccessError or ConfigError where something must be mended first."""
        self._settings = settings
        self._ask = look
        self._seconds = ACCESS_SECONDS if seconds is None else seconds
        self._stop = threading.Event()
        self._refusals: list[StreamsError] = []

    def __enter__(self) -> "AccessWatch":
        if self._settings.kafka_security_protocol != "PLAINTEXT":
            threading.Thread(target=self._look, daemon=True, name="kafka-access").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def check(self) -> None:
        """Raise the BrokerAccessError or ConfigError that the last two looks ended with, if they did."""
        if len(self._refusals) > 1:
            raise self._refusals[-1]

    def _look(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._ask()
                self._refusals.clear()
            except StreamsError as error:
                # A broker that is away is the clients' business; one that starts may refuse for a moment.
                if isinstance(error, BrokerAccessError) or not isinstance(error, BrokerError):
                    self._refusals.append(error)


def _first(access: Access, candidates: list[str]) -> list[str]:
    """Return what the first broker that lets us in says; the worst fault of all if none does."""
    errors: list[BrokerError] = []
    for address in candidates:
        try:
            return greet(access, address)
        except BrokerError as error:
            errors.append(error)
    for refusal in errors:
        if isinstance(refusal, BrokerAccessError):
            raise refusal
    reasons = "; ".join(str(fault).removeprefix("kafka: ") for fault in errors)
    raise BrokerError(f"kafka: no broker answers: {reasons}; is the system running, is SHEETSTREAM_KAFKA right?") from (
        errors[0] if errors else None
    )
