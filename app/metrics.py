"""Every metric of Shoal, with its meaning, in one list for each kind of process.

Names and labels are a contract: dashboards and alert rules use only this list. A help text stands alone, since
Prometheus shows it without the others.
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
    Metric("shoal_events", "counter", "Records read from the clickstream, by outcome", ("outcome",)),
    Metric("shoal_accepted_events", "counter", "Accepted events, by message type", ("type",)),
    Metric("shoal_fast_path_events", "counter", "Accepted events processed by the fast path (the C extension)"),
    Metric(
        "shoal_occurrences",
        "counter",
        "Limits reached and unusable values while events are processed, by name",
        ("what",),
    ),
    Metric(
        "shoal_cleaned_values",
        "counter",
        "Values of events that a rule of cleaning.yaml has changed before they were read, by event and property",
        ("rule",),
    ),
    Metric(
        "shoal_exposures",
        "counter",
        "Users who entered a segment of an experiment for the first time, by experiment and group",
        ("experiment", "group"),
    ),
    Metric(
        "shoal_experiment_share",
        "gauge",
        "Share of all users that a group of an experiment takes by the definitions, from 0 to 1",
        ("experiment", "group"),
    ),
    Metric("shoal_changes", "counter", "Segment changes written, by segment and kind", ("segment", "change")),
    Metric("shoal_links", "counter", "Claims of users on anonymous ids, by result", ("result",)),
    Metric(
        "shoal_claim_to_merge_seconds",
        "histogram",
        "Seconds from the event of a login to the commit of the merge of the anonymous id into the user",
        buckets=DELAY_SECONDS,
    ),
    Metric("shoal_dead_letters", "counter", "Records written to the dead-letter topic, by reason", ("reason",)),
    Metric("shoal_late_events", "counter", "Records written to the late topic"),
    Metric(
        "shoal_lost_records",
        "counter",
        "Clickstream records that retention removed before a worker read them",
        ("partition",),
    ),
    Metric(
        "shoal_event_to_change_seconds",
        "histogram",
        "Seconds from an event's instant to the commit of its change",
        buckets=DELAY_SECONDS,
    ),
    Metric(
        "shoal_due_to_fired_seconds",
        "histogram",
        "Seconds from the instant at which a timer was due to the commit of its change",
        buckets=DELAY_SECONDS,
    ),
    Metric("shoal_batch_records", "histogram", "Records per micro-batch", buckets=RECORDS),
    Metric(
        "shoal_process_seconds", "histogram", "Seconds that an agent took to process a micro-batch", buckets=SECONDS
    ),
    Metric("shoal_commit_seconds", "histogram", "Seconds that the commit of a micro-batch took", buckets=SECONDS),
    Metric(
        "shoal_held_back_seconds",
        "gauge",
        "Seconds for which an open transaction has kept a worker from reading a partition of the clickstream",
        ("partition",),
    ),
    Metric("shoal_lag_records", "gauge", "Clickstream records that are not read yet, by partition", ("partition",)),
    Metric(
        "shoal_clock_lag_seconds",
        "gauge",
        "Seconds that the event-time clock of a partition is behind the wall clock",
        ("partition",),
    ),
    Metric("shoal_partition_state", "gauge", "1 for the present state of a partition, else 0", ("partition", "state")),
    Metric("shoal_profiles", "gauge", "Profiles that a partition holds", ("partition",)),
    Metric("shoal_moved_keys", "gauge", "Anonymous ids of a partition that have moved to a user", ("partition",)),
    Metric(
        "shoal_profile_bytes", "gauge", "Approximate bytes of profiles in memory, sampled every 30 s", ("partition",)
    ),
    Metric("shoal_timers", "gauge", "Approximate number of users with a timer, sampled every 30 s", ("partition",)),
    Metric(
        "shoal_profile_bytes_limit",
        "gauge",
        "Bytes of profiles above which the worker warns (setting profiles_bytes_max); 0: no limit",
    ),
    Metric("shoal_segment_members", "gauge", "Users in a segment now, in the partitions of this worker", ("segment",)),
    Metric(
        "shoal_misplaced_keys",
        "counter",
        "Sampled record keys that belong to another partition than the one they were read from",
        ("partition",),
    ),
    Metric("shoal_restored_records", "counter", "Changelog records read while restoring partitions"),
    Metric("shoal_restore_seconds", "histogram", "Seconds that the restore of a partition took", buckets=DELAY_SECONDS),
    Metric(
        "shoal_reopened",
        "counter",
        "Times that a partition was closed after an error, to be opened again",
        ("partition",),
    ),
    Metric(
        "shoal_restore_progress",
        "gauge",
        "Share of its changelog that a partition has restored, from 0 to 1",
        ("partition",),
    ),
    Metric(
        "shoal_transactions_aborted",
        "counter",
        "Micro-batches whose commit failed or has an unknown result",
        ("partition",),
    ),
    Metric("shoal_rebalances", "counter", "Rebalances: times that partitions were assigned to this worker"),
)
"""The list of a worker."""

SERVICE_METRICS = (
    Metric(
        "shoal_http_requests", "counter", "HTTP requests to `shoal serve`, by route and status", ("route", "status")
    ),
    Metric(
        "shoal_http_seconds",
        "histogram",
        "Seconds until `shoal serve` answered a request, by route",
        ("route",),
        buckets=SECONDS,
    ),
    Metric(
        "shoal_collected_events", "counter", "Events received by `shoal serve`, by key and outcome", ("key", "outcome")
    ),
    Metric("shoal_collected_refused", "counter", "Events that `shoal serve` refused, by reason", ("key", "reason")),
    Metric(
        "shoal_collected_repairs",
        "counter",
        "Events accepted by `shoal serve` without an unreadable part, by that part",
        ("key", "part"),
    ),
    Metric(
        "shoal_collected_minimised",
        "counter",
        "Events of which `shoal serve` left out a part that no definition reads, by that part",
        ("key", "part"),
    ),
    Metric(
        "shoal_collected_denied",
        "counter",
        "Events of which `shoal serve` took only the answer about consent, by the purpose that they deny",
        ("key", "purpose"),
    ),
    Metric(
        "shoal_collected_against_plan",
        "counter",
        "Deviations of events that `shoal serve` took from the tracking plan; names that are not in it are empty",
        ("key", "event", "property", "problem"),
    ),
    Metric("shoal_open_connections", "gauge", "Open connections of `shoal serve`"),
    Metric(
        "shoal_cut_off_connections",
        "counter",
        "Connections that `shoal serve` closed to make room for others, by their state",
        ("state",),
    ),
    Metric("shoal_streams", "gauge", "Open live streams of `shoal serve`"),
    Metric("shoal_streams_ended", "counter", "Live streams that `shoal serve` ended itself, by reason", ("reason",)),
    Metric("shoal_streamed_changes", "counter", "Changes that `shoal serve` sent to live streams"),
)
"""The list of `shoal serve`."""


READER_METRICS = (
    Metric(
        "shoal_reader_lag_records",
        "gauge",
        "Records that a reader (memberships, destinations, intake, warehouse) has not processed yet",
        ("reader", "partition"),
    ),
    Metric(
        "shoal_reader_lag_seconds",
        "gauge",
        "Age in seconds of the record that a reader processed last; 0 at the end of the topic",
        ("reader", "partition"),
    ),
    Metric(
        "shoal_reader_held_back_seconds",
        "gauge",
        "Seconds for which an open transaction has kept a reader from reading a partition",
        ("reader", "partition"),
    ),
    Metric("shoal_reader_rebalances", "counter", "Rebalances: times that partitions were assigned to this reader"),
    Metric(
        "shoal_membership_changes", "counter", "Changes applied to the memberships in Redis, by outcome", ("outcome",)
    ),
    Metric(
        "shoal_membership_begins", "counter", "Times that a partition of the memberships began, by its source", ("how",)
    ),
    Metric(
        "shoal_destination_changes",
        "counter",
        "Changes that a destination has finished, by outcome",
        ("destination", "outcome"),
    ),
    Metric(
        "shoal_destination_requests",
        "counter",
        "HTTP requests to a destination, by answer",
        ("destination", "status"),
    ),
    Metric(
        "shoal_destination_seconds",
        "histogram",
        "Seconds until a destination answered",
        ("destination",),
        buckets=DELAY_SECONDS,
    ),
    Metric(
        "shoal_destination_waiting", "gauge", "Changes read for a destination and not delivered yet", ("destination",)
    ),
    Metric(
        "shoal_destination_waiting_for_members",
        "gauge",
        "Users who are not added to the list of a destination until its segment has enough members",
        ("destination",),
    ),
    Metric(
        "shoal_destination_away",
        "gauge",
        "1 while the circuit breaker of a destination is open, else 0",
        ("destination",),
    ),
    Metric(
        "shoal_destination_paused",
        "gauge",
        "1 while a destination is paused after too many refusals in a row, else 0",
        ("destination",),
    ),
    Metric("shoal_intake_records", "counter", "Records of source topics, by source and outcome", ("source", "outcome")),
    Metric(
        "shoal_intake_repairs",
        "counter",
        "Events of source topics accepted without an unreadable part, by that part",
        ("source", "part"),
    ),
    Metric(
        "shoal_intake_enrichments",
        "counter",
        "Events that enrichers were asked about, by enricher and outcome: added, nothing, invalid, failed, too-large",
        ("enricher", "outcome"),
    ),
    Metric(
        "shoal_intake_failures",
        "counter",
        "Times that the service of a stream did not do what intake asked, by cause",
        ("source", "cause"),
    ),
    Metric("shoal_warehouse_rows", "counter", "Records for the warehouse, by table and outcome", ("table", "outcome")),
    Metric("shoal_warehouse_files", "counter", "Parquet files written to the warehouse, by table", ("table",)),
    Metric("shoal_warehouse_bytes", "counter", "Bytes of Parquet files written to the warehouse, by table", ("table",)),
    Metric(
        "shoal_warehouse_failures",
        "counter",
        "Times that the export of a partition to the warehouse failed and began again, by table",
        ("table",),
    ),
)
"""The list of `shoal memberships`, `shoal destinations`, `shoal intake` and `shoal warehouse`."""


CENSUS_METRICS = (
    Metric("shoal_censuses", "counter", "Censuses whose result this process has published"),
    Metric(
        "shoal_census_age_seconds",
        "gauge",
        "Seconds since the census began whose numbers segments compare with; 0 before the first",
    ),
    Metric(
        "shoal_census_open_seconds",
        "gauge",
        "Seconds since a census began that has no result yet; 0 while none is open",
    ),
    Metric(
        "shoal_census_missing_partitions",
        "gauge",
        "Partitions that have not counted their users yet in the census that is open",
    ),
)
"""The list of `shoal census`."""


def make_metric(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    """One metric, to be counted in a registry."""
    if metric.kind == "counter":
        return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
    return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)


class MetricSet:
    """The metrics of one process, in a registry of its own. Subclasses have a method for each occurrence."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.registry = CollectorRegistry()
        self._by_name: dict[str, Any] = {metric.name: make_metric(metric, self.registry) for metric in metrics}

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """The present value of one; 0 if it was never counted."""
        return self.registry.get_sample_value(name, labels) or 0.0
