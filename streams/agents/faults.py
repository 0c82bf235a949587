"""Which failures pass by themselves, which never will, and which deserve a few tries."""

import errno
from enum import Enum, auto

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faust.exceptions import ProducerSendError
from sqlalchemy.exc import SQLAlchemyError

from mapper.errors import MapperError
from streams.errors import BlobError, BrokerError, LedgerError, MovedError, PoolError, RepositoryError, StreamsError
from streams.ledger.failures import is_transient

TRANSIENT_ERRNOS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}  # the disk: full, or given up by the kernel
    | {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)


class Fault(Enum):
    """What to do about a failure."""

    TRANSIENT = auto()
    """Broker, database or disk: the same again later."""
    MOVED = auto()
    """Prepared from what is no longer so: prepare again at once."""
    POISON = auto()
    """The record says what can not be done: never again."""
    DOUBTFUL = auto()
    """A mirror or blob that is not there yet, a crashed helper process, or our own bug: a few times, then poison."""


def classify(error: BaseException) -> Fault:
    """Return what to do about an error."""
    if isinstance(error, MovedError):
        return Fault.MOVED
    if isinstance(error, SQLAlchemyError):
        return Fault.TRANSIENT if is_transient(error) else Fault.DOUBTFUL
    if isinstance(error, (BrokerError, LedgerError)):
        return Fault.TRANSIENT
    if isinstance(error, (KafkaError, ProducerSendError, ConnectionError, TimeoutError)):
        return Fault.TRANSIENT
    if isinstance(error, PoolError) and error.reason == "stopped":
        return Fault.TRANSIENT
    if isinstance(error, (RepositoryError, BlobError, PoolError)):
        return Fault.DOUBTFUL
    if isinstance(error, (MapperError, StreamsError)):
        return Fault.POISON
    if isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS:
        return Fault.TRANSIENT
    return Fault.DOUBTFUL
