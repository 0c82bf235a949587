"""Metrics that every process has, whatever it does."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics


class ProcessMetrics:
    """Build information and the heartbeat of one process, beside the client's CPU and memory figures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # else each counter comes with a second series
        ProcessCollector(registry=registry)
        build = Gauge("sheetstream_build_info", "Always 1; the labels say what runs", ["version"], registry=registry)
        build.labels(version=version("sheetstream")).set(1)
        self.heartbeat = Gauge(
            "sheetstream_process_heartbeat_timestamp_seconds", "When the process last made progress", registry=registry
        )
