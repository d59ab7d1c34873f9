"""Metrics of the service; names and meanings are in `app/metrics.py`."""

from app.metrics import SERVICE_METRICS, MetricSet
from app.service.incoming.event_batch import ValidatedEvents


class ServiceMetrics(MetricSet):
    """Those of one process."""

    def __init__(self) -> None:
        super().__init__(SERVICE_METRICS)

    def requested(self, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the path with its parameters by name, never what was asked for."""
        self._by_name["shoal_http_requests"].labels(route, str(status)).inc()
        self._by_name["shoal_http_seconds"].labels(route).observe(seconds)

    def collected(self, key: str, outcome: str, events: int) -> None:
        """Events of a key were accepted, accepted but late, refused, or not acknowledged (`unavailable`)."""
        self._by_name["shoal_collected_events"].labels(key, outcome).inc(events)

    def validated(self, key: str, found: ValidatedEvents) -> None:
        """The events of a request of a key were looked at, and those that can be used are in Kafka."""
        outcomes = {"accepted": len(found.rows) - len(found.late), "late": len(found.late)}
        outcomes["refused"] = len(found.refused)
        for outcome, events in outcomes.items():
            if events:
                self.collected(key, outcome, events)
        for each in found.refused:
            self._by_name["shoal_collected_refused"].labels(key, each.reason).inc()
        for part, events in found.minimised.items():
            self._by_name["shoal_collected_minimised"].labels(key, part).inc(events)
        for purpose, events in found.denied.items():
            self._by_name["shoal_collected_denied"].labels(key, purpose).inc(events)
        for counted, events in found.against_plan.items():
            labels = [each.encode(errors="replace").decode() for each in counted]
            self._by_name["shoal_collected_against_plan"].labels(key, *labels).inc(events)
        for part, events in found.repairs.items():
            self._by_name["shoal_collected_repairs"].labels(key, part).inc(events)

    def connections(self, count: int) -> None:
        """So many connections are open."""
        self._by_name["shoal_open_connections"].set(count)

    def connection_cut_off(self, state: str) -> None:
        """A connection was closed to make room: `idle`, or its request was `arriving`; or `refused`."""
        self._by_name["shoal_cut_off_connections"].labels(state).inc()

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
