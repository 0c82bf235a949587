"""`python -m trainer` or `torchrun -m trainer`: train on what is sealed now, save, and end."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry

from trainer.config import load_settings
from trainer.errors import ConfigError, TrainerError
from trainer.follow import train

logger = logging.getLogger("trainer")


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 0 trained or nothing to do, 3 for settings that cannot be used, 1 for other errors."""
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    parser.add_argument("--config", type=Path, help="TOML file with a [trainer] table; default HOME/sheetstream.toml")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        newest = train(load_settings(options.config), registry=CollectorRegistry(), stop=stop)
    except TrainerError as error:
        logger.error("%s", error)
        return 3 if isinstance(error, ConfigError) else 1
    logger.info("newest checkpoint: %s", newest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
