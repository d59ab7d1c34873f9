"""Every metric of Shoal, with its meaning, in one list for each kind of process.

Names and labels are a contract: dashboards and alert rules use only what stands here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
DELAY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
RECORDS = (1.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0, 50000.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's name is shown with `_total` behind it."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS = (
    Metric("shoal_events", "counter", "Input records by what became of them", ("outcome",)),
    Metric("shoal_accepted_events", "counter", "Accepted events by the type of the message", ("type",)),
    Metric("shoal_fast_path_events", "counter", "Accepted events that the fast path took"),
    Metric(
        "shoal_occurrences", "counter", "What the core counts while it works: limits reached, odd values", ("what",)
    ),
    Metric("shoal_changes", "counter", "Changes written", ("segment", "change")),
    Metric("shoal_dead_letters", "counter", "Records that went to the dead-letter topic", ("reason",)),
    Metric("shoal_late_events", "counter", "Records that went to the late topic"),
    Metric("shoal_lost_records", "counter", "Records that retention removed before they were read", ("partition",)),
    Metric(
        "shoal_event_to_change_seconds",
        "histogram",
        "From an event's instant to its change being committed",
        buckets=DELAY_SECONDS,
    ),
    Metric(
        "shoal_due_to_fired_seconds",
        "histogram",
        "From the instant at which time alone changed something to the change being committed",
        buckets=DELAY_SECONDS,
    ),
    Metric("shoal_batch_records", "histogram", "Records of a micro-batch", buckets=RECORDS),
    Metric("shoal_process_seconds", "histogram", "Time in which an agent processed a micro-batch", buckets=SECONDS),
    Metric("shoal_commit_seconds", "histogram", "Time in which a micro-batch was written", buckets=SECONDS),
    Metric("shoal_lag_records", "gauge", "Records that are still to be read", ("partition",)),
    Metric("shoal_clock_lag_seconds", "gauge", "How far a partition's clock is behind the wall clock", ("partition",)),
    Metric("shoal_partition_state", "gauge", "1 for the state that a partition is in", ("partition", "state")),
    Metric("shoal_profiles", "gauge", "Profiles in memory", ("partition",)),
    Metric("shoal_profile_bytes", "gauge", "What they take there, about, counted every half minute", ("partition",)),
    Metric("shoal_timers", "gauge", "Users whom time alone may change, about, every half minute", ("partition",)),
    Metric("shoal_profile_bytes_limit", "gauge", "The setting profiles_bytes_max; 0: none"),
    Metric("shoal_segment_members", "gauge", "Users in a segment now, on this worker", ("segment",)),
    Metric("shoal_misplaced_keys", "counter", "Keys of a sample that belong to another partition", ("partition",)),
    Metric("shoal_restored_records", "counter", "Changelog records read in restores"),
    Metric("shoal_restore_seconds", "histogram", "Time in which a partition was restored", buckets=DELAY_SECONDS),
    Metric("shoal_reopened", "counter", "Times a partition was thrown away after an error", ("partition",)),
    Metric("shoal_restore_progress", "gauge", "How much of its changelog a partition has read back", ("partition",)),
    Metric(
        "shoal_transactions_aborted", "counter", "Micro-batches whose writing failed or is in doubt", ("partition",)
    ),
    Metric("shoal_rebalances", "counter", "Times partitions were assigned to this worker"),
)
"""The list of a worker."""

SERVICE_METRICS = (
    Metric("shoal_http_requests", "counter", "Requests to `shoal serve`", ("route", "status")),
    Metric(
        "shoal_http_seconds",
        "histogram",
        "Time until a request to `shoal serve` was answered",
        ("route",),
        buckets=SECONDS,
    ),
    Metric("shoal_collected_events", "counter", "Events that were sent, by what became of them", ("key", "outcome")),
    Metric("shoal_collected_refused", "counter", "Events that `shoal serve` refused, by reason", ("key", "reason")),
    Metric(
        "shoal_collected_repairs",
        "counter",
        "Events that `shoal serve` took without a part that cannot be read, by that part",
        ("key", "part"),
    ),
    Metric("shoal_open_connections", "gauge", "Connections to `shoal serve` that are open"),
    Metric(
        "shoal_cut_off_connections",
        "counter",
        "Connections that `shoal serve` closed to make room for others, by what they waited for",
        ("state",),
    ),
    Metric("shoal_streams", "gauge", "Live streams that are open"),
    Metric("shoal_streams_ended", "counter", "Live streams that the service ended itself", ("reason",)),
    Metric("shoal_streamed_changes", "counter", "Changes sent to live streams"),
)
"""The list of `shoal serve`."""


READER_METRICS = (
    Metric("shoal_reader_lag_records", "gauge", "Records that a reader still has to do", ("reader", "partition")),
    Metric("shoal_reader_lag_seconds", "gauge", "Age of the record that a reader did last", ("reader", "partition")),
    Metric("shoal_reader_rebalances", "counter", "Times partitions were assigned to this process"),
    Metric("shoal_membership_changes", "counter", "Changes brought to Redis, by what became of them", ("outcome",)),
    Metric("shoal_membership_begins", "counter", "Times a partition's memberships were taken up", ("how",)),
    Metric(
        "shoal_destination_changes",
        "counter",
        "Changes for a destination that are done with",
        ("destination", "outcome"),
    ),
    Metric(
        "shoal_destination_requests",
        "counter",
        "Requests to a destination, by what came back",
        ("destination", "status"),
    ),
    Metric(
        "shoal_destination_seconds",
        "histogram",
        "Time until a destination answered",
        ("destination",),
        buckets=DELAY_SECONDS,
    ),
    Metric("shoal_destination_waiting", "gauge", "Changes in hand that were not delivered yet", ("destination",)),
    Metric("shoal_destination_away", "gauge", "1 while a destination is taken for dead", ("destination",)),
    Metric(
        "shoal_destination_paused",
        "gauge",
        "1 while a destination is paused, as it refused too many changes in a row",
        ("destination",),
    ),
    Metric("shoal_intake_records", "counter", "Records of source topics by what became of them", ("source", "outcome")),
    Metric(
        "shoal_intake_repairs",
        "counter",
        "Events of source topics taken without a part that cannot be read, by that part",
        ("source", "part"),
    ),
)
"""The list of `shoal memberships`, `shoal destinations` and `shoal intake`."""


def make_metric(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    """One metric, to be counted in a registry."""
    if metric.kind == "counter":
        return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
    return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)


class MetricSet:
    """The metrics of one process, in a registry of its own. Who inherits says what happened, in words of its own."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.registry = CollectorRegistry()
        self._by_name: dict[str, Any] = {metric.name: make_metric(metric, self.registry) for metric in metrics}

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """The present value of one; 0 if it was never counted."""
        return self.registry.get_sample_value(name, labels) or 0.0
