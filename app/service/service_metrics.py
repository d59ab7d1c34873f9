"""What the service counts; names and meanings stand in `app/metrics.py`."""

from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from app.metrics import SERVICE_METRICS, make_metric


class ServiceMetrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._by_name: dict[str, Any] = {metric.name: make_metric(metric, self.registry) for metric in SERVICE_METRICS}

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """The present value of one; 0 if it was never counted."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def requested(self, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the path with its parameters by name, never what was asked for."""
        self._by_name["shoal_http_requests"].labels(route, str(status)).inc()
        self._by_name["shoal_http_seconds"].labels(route).observe(seconds)

    def collected(self, key: str, outcome: str, events: int) -> None:
        """Events of a key were accepted, refused, or not acknowledged (`unavailable`)."""
        self._by_name["shoal_collected_events"].labels(key, outcome).inc(events)

    def stream_opened(self) -> None:
        """A live stream began."""
        self._by_name["shoal_streams"].inc()

    def stream_closed(self) -> None:
        """A live stream ended."""
        self._by_name["shoal_streams"].dec()

    def stream_ended(self, reason: str) -> None:
        """The service ended a live stream."""
        self._by_name["shoal_streams_ended"].labels(reason).inc()

    def streamed(self, changes: int) -> None:
        """Changes were given to live streams."""
        self._by_name["shoal_streamed_changes"].inc(changes)
