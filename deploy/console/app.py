"""The console's server: Starlette on loopback, plain HTML that works without JavaScript, the same pages as JSON.

Reads the ledger and the folders, writes nothing. Each page's address with `.json` behind it gives its data.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.console import pages
from deploy.console.render import render
from deploy.local.config import LocalSettings
from deploy.local.home import LOOPBACK, Home
from streams.config import StreamsSettings
from streams.ledger.engine import open_ledger

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
STOP_SECONDS = 10.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Page = Callable[[pages.Source, Request], dict[str, Any]]

PAGES: dict[str, tuple[str, Page]] = {
    "/": ("state.html", pages.state),
    "/links": ("links.html", pages.links),
    "/links/{link_id}": ("link.html", pages.link),
    "/repositories/{repo_id}": ("repository.html", pages.repository),
    "/sheets": ("sheets.html", pages.sheets),
    "/sheets/{family}": ("sheet.html", pages.sheet),
    "/conflicts": ("conflicts.html", pages.conflicts),
    "/checkpoints": ("checkpoints.html", pages.checkpoints),
}


def run(
    settings: LocalSettings, *, registry: CollectorRegistry, stop: threading.Event, beat: Callable[[], None]
) -> None:
    """Serve the console on the port written down for this home until stop is set."""
    port = Home(settings.home).ports()["console_page"]
    engine = open_ledger(StreamsSettings(home=settings.home).database_url)
    with _serving(create_app(settings.home, engine), port) as thread:
        logger.info("console on http://%s:%d/", LOOPBACK, port)
        while not stop.wait(BEAT_SECONDS):
            if not thread.is_alive():
                raise RuntimeError("the console's server ended by itself")
            beat()
    engine.dispose()


def create_app(home: Path, engine: Engine) -> Starlette:
    """Return the application over one home and its ledger."""
    source = pages.Source(home=home, engine=engine)
    routes: list[BaseRoute] = []
    for path, (template, page) in PAGES.items():
        routes.append(Route(_json_path(path), _json(source, page)))
        routes.append(Route(path, _html(source, template, page)))
    static = Path(__file__).with_name("static")
    routes.append(Mount("/static", StaticFiles(directory=static), name="static"))
    # A page of another site must not read this one by a name that resolves to loopback.
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost", "testserver"])
    return Starlette(routes=routes, middleware=[guard], exception_handlers={404: _not_found})


def _json_path(path: str) -> str:
    return "/state.json" if path == "/" else f"{path}.json"


def _html(source: pages.Source, template: str, page: Page) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return HTMLResponse(render(template, page(source, request), path=request.url.path), headers=HEADERS)

    return answer


def _json(source: pages.Source, page: Page) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        data = TypeAdapter(dict[str, Any]).dump_json(page(source, request), indent=2)
        return Response(data, media_type="application/json", headers=HEADERS)

    return answer


def _not_found(request: Request, error: Exception) -> Response:
    detail = getattr(error, "detail", "") or "Not Found"
    page = render("missing.html", {"what": request.url.path, "detail": detail}, path=request.url.path)
    return HTMLResponse(page, status_code=404, headers=HEADERS)


@contextmanager
def _serving(app: Starlette, port: int) -> Iterator[threading.Thread]:
    """Run the server in a thread: in the main thread uvicorn would take the signals for itself."""
    config = uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
