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
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.console import pages, stories
from deploy.console.render import render
from deploy.local.config import LocalSettings
from deploy.local.home import LOOPBACK, Home
from streams.config import StreamsSettings
from streams.errors import LedgerError
from streams.ledger.engine import open_ledger
from streams.ledger.failures import explain

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
    "/links/{link_id}": ("link.html", stories.link),
    "/repositories/{repo_id}": ("repository.html", pages.repository),
    "/sheets": ("sheets.html", pages.sheets),
    "/sheets/{family}/impact": ("sheet_impact.html", stories.sheet_impact),
    "/sheets/{family}": ("sheet.html", pages.sheet),
    "/commits/{commit_id}": ("commit.html", stories.commit),
    "/conflicts": ("conflicts.html", stories.conflicts),
    "/audits": ("audits.html", stories.audits),
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
    handlers: dict[Any, Any] = {HTTPException: _refused, SQLAlchemyError: _no_ledger, LedgerError: _no_ledger}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


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


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _sorry(request, error.status_code, error.detail)


def _no_ledger(request: Request, error: Exception) -> Response:
    """Say that the database does not answer: the console itself is well, and the next look may succeed."""
    detail = explain(error) if isinstance(error, SQLAlchemyError) else str(error)
    logger.warning("page failed path=%s error=%s", request.url.path, detail)
    return _sorry(request, 503, f"ledger: {detail}")


def _sorry(request: Request, status: int, detail: str) -> Response:
    path = request.url.path
    if path.endswith(".json"):
        return JSONResponse({"error": detail, "path": path}, status_code=status, headers=HEADERS)
    page = render("missing.html", {"what": path, "detail": detail, "status": status}, path=path)
    return HTMLResponse(page, status_code=status, headers=HEADERS)


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
