"""/metrics and /healthz of a process, on loopback."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Gauge, make_wsgi_app

STALLED_SECONDS = 120.0


class Heartbeat:
    """Remembers when the process last made progress."""

    def __init__(self, gauge: Gauge | None = None) -> None:
        self._gauge = gauge
        self._last = time.monotonic()

    def __call__(self) -> None:
        self._last = time.monotonic()
        if self._gauge is not None:
            self._gauge.set_to_current_time()

    def is_fresh(self) -> bool:
        """Return whether the last beat is less than STALLED_SECONDS ago."""
        return time.monotonic() - self._last < STALLED_SECONDS


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape every few seconds is no news."""


def serve_health(host: str, port: int, registry: CollectorRegistry, heartbeat: Heartbeat) -> WSGIServer:
    """Serve /metrics and /healthz (200 "ok", 503 "stalled") in a daemon thread until shutdown() of the result."""
    metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def route(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        plain = [("Content-Type", "text/plain; charset=utf-8")]
        if environ["PATH_INFO"] != "/healthz":
            start_response("404 Not Found", plain)
            return [b"not found; there are /metrics and /healthz\n"]
        fresh = heartbeat.is_fresh()
        start_response("200 OK" if fresh else "503 Service Unavailable", plain)
        return [b"ok\n" if fresh else b"stalled\n"]

    server = make_server(host, port, route, handler_class=_QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server
