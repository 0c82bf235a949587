"""Which agents a worker runs."""

from typing import Any

from sqlalchemy import Engine

from streams.agents.delivery import Handler
from streams.agents.links import LinksAgent
from streams.agents.samples import SamplesAgent
from streams.agents.sheets import SheetsAgent
from streams.agents.symbols import SymbolsAgent, open_mirrors
from streams.config import StreamsSettings
from streams.metrics import StreamsMetrics
from streams.pool import Pool
from streams.sandbox import read_sheet


def create_handlers(
    settings: StreamsSettings, engine: Engine, metrics: StreamsMetrics, pool: Pool
) -> list[Handler[Any, Any]]:
    """Return the four agents in the order of the flow."""
    open_mirror = open_mirrors(settings.home)
    return [
        SymbolsAgent(settings, engine, metrics, pool, open_mirror),
        SheetsAgent(settings, engine, metrics, read_sheet),
        LinksAgent(engine, metrics, pool, open_mirror, settings=settings),
        SamplesAgent(settings, engine, metrics, pool, open_mirror),
    ]
