"""What commands over the ledger and Kafka share: settings, an open ledger, and errors turned into exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.output import EXIT_CONFIG, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_USAGE, fail
from deploy.cli.status import clock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from streams.config import StreamsSettings

HOME_OPTION = typer.Option(None, "--home", metavar="FOLDER", help="Folder that holds everything (SHEETSTREAM_HOME).")
JSON_OPTION = typer.Option(False, "--json", help="As JSON.")


@contextmanager
def exit_codes() -> Iterator[None]:
    """End the command with one line and the fitting exit code when an expected error passes."""
    from sqlalchemy.exc import SQLAlchemyError

    from mapper.errors import MapperError
    from streams.errors import BrokerError, ConfigError, LedgerError, StreamsError
    from streams.ledger.failures import UNDEFINED_TABLE, explain, sqlstate

    try:
        yield
    except ConfigError as error:
        fail(str(error), EXIT_CONFIG)
    except (BrokerError, LedgerError) as error:
        fail(str(error), EXIT_UNREACHABLE)
    except SQLAlchemyError as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            fail("the ledger has no tables yet; start with `sheetstream repo add` or `up`", EXIT_NOT_FOUND)
        fail(f"ledger: {explain(error)}", EXIT_UNREACHABLE)
    except (StreamsError, MapperError) as error:
        fail(str(error), EXIT_USAGE)


def load_settings(home: Path | None = None) -> "StreamsSettings":
    """Return the settings, or end the command; Kafka's address is the embedded broker's if none is set."""
    from deploy.local.home import kafka_address
    from streams.config import StreamsSettings

    with exit_codes():
        settings = StreamsSettings(**({} if home is None else {"home": home}))
    embedded = kafka_address(settings.home)
    if "kafka" not in settings.model_fields_set and embedded is not None:
        return settings.model_copy(update={"kafka": embedded})
    return settings


@contextmanager
def reading_ledger(home: Path | None) -> "Iterator[Connection]":
    """Give a connection whose reads see one snapshot; the system may run meanwhile."""
    from streams.ledger.engine import open_ledger, reading

    settings = load_settings(home)
    with exit_codes():
        _expect_ledger(settings)
        engine = open_ledger(settings.database_url)
        try:
            with reading(engine) as conn:
                yield conn
        finally:
            engine.dispose()


@contextmanager
def writing_ledger(settings: "StreamsSettings", *, create: bool = False) -> "Iterator[Connection]":
    """Give a connection in one transaction; create: make a ledger that is not there yet."""
    from streams.ledger.engine import open_ledger, writing
    from streams.ledger.migrate import upgrade

    with exit_codes():
        if not create:
            _expect_ledger(settings)
        engine = open_ledger(settings.database_url)
        try:
            upgrade(engine)
            with writing(engine) as conn:
                yield conn
        finally:
            engine.dispose()


def when(moment: float | None) -> str:
    """Return a moment as local date and time, "" for None."""
    return "" if moment is None else clock(moment)


def _expect_ledger(settings: "StreamsSettings") -> None:
    """End the command where there is no ledger: most likely it is the wrong home."""
    from sqlalchemy import make_url

    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        fail(f"{settings.home}: nothing here yet; start with `sheetstream repo add` or `demo`", EXIT_NOT_FOUND)


def unless_running(home: Path) -> str:
    """Return a hint for people whose system does not run here; "" when it does."""
    from deploy.local.home import Home

    return "" if Home(home).holder() else "; start the system with `sheetstream up`"
