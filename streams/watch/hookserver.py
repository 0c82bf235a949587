"""The process that receives webhooks: verified, told in Kafka as hints, and only then answered 202.

    POST /hooks            any repository, signed with the secret for all
    POST /hooks/REPO_ID    that repository, signed with its own secret, or with the one for all if it has none

It answers 202 to whoever knows the secret, whether the repository is watched or not, and 401 to anybody else: nobody
learns what is watched. 503 asks the sender to come again: the broker or the ledger is away.
"""

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streams import topics
from streams.config import StreamsSettings
from streams.errors import BrokerError, ConfigError, HookError, LedgerError
from streams.events import HintEvent
from streams.ledger import deliveries, sources
from streams.ledger.engine import open_ledger, reading, writing
from streams.ledger.migrate import upgrade
from streams.ledger.outbox import Outgoing
from streams.metrics import StreamsMetrics
from streams.producer import RecordProducer
from streams.records import HintRecord
from streams.watch.hooks import Delivery, forge_of, read_delivery
from streams.watch.hooksecrets import check_secrets, webhook_secrets
from streams.watch.place import place_of

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
STOP_SECONDS = 10.0
BODY_SECONDS = 10.0
ANSWER_SECONDS = 9.0
"""GitHub gives up after 10 s."""
CONNECTIONS = 64
PRUNE_SECONDS = 3600.0
COMPLAIN_SECONDS = 10.0
"""A refusal is logged so often at most; all are counted."""
RETRY_AFTER = {"Retry-After": "10"}


def run(
    settings: StreamsSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Receive webhooks until stop is set. Raises ConfigError: no secret, no port."""
    if not settings.has_webhooks:
        raise ConfigError("webhook_secret_file: a file with a secret expected (SHEETSTREAM_WEBHOOK_SECRET_FILE)")
    if not settings.webhook_port:
        raise ConfigError("webhook_port: a port expected (SHEETSTREAM_WEBHOOK_PORT)")
    check_secrets(settings)
    engine = open_ledger(settings.database_url)
    upgrade(engine)
    producer = RecordProducer(settings, client_id="sheetstream-hooks")
    receiver = Receiver(settings, engine, producer, StreamsMetrics(registry))
    pruned = 0.0
    with _serving(create_app(receiver), settings) as thread:
        logger.info("webhooks on http://%s:%d/hooks", settings.webhook_host, settings.webhook_port)
        while not stop.wait(BEAT_SECONDS):
            if not thread.is_alive():
                raise RuntimeError("the server of webhooks ended by itself")
            if time.monotonic() - pruned > PRUNE_SECONDS or not pruned:
                pruned = receiver.prune()
            beat()
    producer.close()
    engine.dispose()


def create_app(receiver: "Receiver") -> Starlette:
    """Return the application."""
    routes = [
        Route("/hooks", receiver.answer, methods=["POST"]),
        Route("/hooks/{repo_id}", receiver.answer, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: _plain, 405: _plain})


class Receiver:
    """Takes deliveries."""

    def __init__(
        self, settings: StreamsSettings, engine: Engine, producer: RecordProducer, metrics: StreamsMetrics
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._producer = producer
        self._metrics = metrics
        self._nobodys_secret = secrets.token_hex()  # what is checked where there is none: it takes as long
        self._complained = 0.0

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await asyncio.wait_for(self._body(request), BODY_SECONDS)
            said = await asyncio.wait_for(
                asyncio.to_thread(self.take, headers, body, request.path_params.get("repo_id")), ANSWER_SECONDS
            )
            response: Response = PlainTextResponse(f"{said}\n", 202)
        except HookError as error:
            response = self._refuse(error.status, str(error))
        except TimeoutError:
            response = self._refuse(503, "not done in time; send it again")
        except (BrokerError, LedgerError, SQLAlchemyError, ConfigError) as error:
            logger.warning("webhook not taken, the sender is asked to come again: %s", type(error).__name__)
            response = self._refuse(503, "not taken now; send it again")
        except ClientDisconnect:
            response = self._refuse(400, "the sender went away")
        self._metrics.webhooks.labels(forge_of(headers), str(response.status_code)).inc()
        return response

    def take(self, headers: dict[str, str], body: bytes, repo_id: str | None) -> str:
        """Return what is answered once everything a delivery asks for is durable. Raises HookError, BrokerError."""
        now = time.time()
        known = webhook_secrets(self._settings, repo_id) or (self._nobodys_secret,)
        delivery = read_delivery(
            headers, body, secrets=known, now=now, window_seconds=self._settings.webhook_window_seconds
        )
        with reading(self._engine) as conn:
            if deliveries.is_known(conn, delivery.keys):
                return "already accepted"
            watched = sources.list_repositories(conn)
        places = _watched(watched, delivery.places, repo_id)
        if places:
            self._producer.send([_hint(delivery, place, now) for place in places])
        with writing(self._engine) as conn:
            deliveries.record(conn, delivery.keys, now)
        return "accepted"

    def prune(self) -> float:
        """Forget old deliveries; return when."""
        try:
            with writing(self._engine) as conn:
                deliveries.prune(conn, time.time())
        except (LedgerError, SQLAlchemyError) as error:
            logger.warning("old deliveries not forgotten, again later: %s", type(error).__name__)
        return time.monotonic()

    async def _body(self, request: Request) -> bytes:
        limit = self._settings.webhook_max_bytes
        declared = request.headers.get("content-length", "0")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            raise HookError(f"larger than the limit of {limit} bytes", status=413)
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > limit:
                raise HookError(f"larger than the limit of {limit} bytes", status=413)
        return bytes(data)

    def _refuse(self, status: int, reason: str) -> Response:
        if time.monotonic() - self._complained > COMPLAIN_SECONDS:
            self._complained = time.monotonic()
            logger.warning("webhook refused status=%d reason=%s", status, reason)
        return PlainTextResponse(f"{reason}\n", status, headers=RETRY_AFTER if status == 503 else None)


def _watched(watched: Sequence[sources.Repository], named: Sequence[str], repo_id: str | None) -> list[str]:
    """Return the places of watched repositories that a delivery is about: that of its address, or those it names."""
    found: dict[str, None] = {}
    for repository in watched:
        place = place_of(repository.url) or repository.repo_id
        if repository.repo_id == repo_id or (repo_id is None and place in named):
            found[place] = None
    return list(found)


def _hint(delivery: Delivery, place: str, now: float) -> Outgoing:
    event = HintEvent(delivery_id=delivery.keys[0], place=place, forge=delivery.forge, received_at=now)
    return Outgoing(topic=topics.HINTS.name, key=place, value=HintRecord.from_domain(event).encode())


def _plain(_request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    text = "not found; webhooks are sent by POST to /hooks or /hooks/REPO_ID\n"
    return PlainTextResponse(text, status, headers=getattr(error, "headers", None))


@contextmanager
def _serving(app: Starlette, settings: StreamsSettings) -> Iterator[threading.Thread]:
    """Run the server in a thread: in the main thread uvicorn would take the signals for itself."""
    config = uvicorn.Config(
        app,
        host=settings.webhook_host,
        port=settings.webhook_port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="hooks", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
