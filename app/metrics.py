"""Every metric of Shoal, with its meaning, in one list; and the object through which the worker counts.

Counting happens once a micro-batch, never once an event. Names and labels are a contract: dashboards and alert rules
use only what stands here.
"""

from collections import Counter as Counted
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.runtime.lifecycle import State
from app.segments.partition import Batch

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
DELAY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
DELAYS_A_BATCH = 100  # a sample: in a backlog, or a replay, the delay of each is of no interest
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
    Metric("shoal_streams", "gauge", "Live streams that are open"),
    Metric("shoal_streams_ended", "counter", "Live streams that the service ended itself", ("reason",)),
    Metric("shoal_streamed_changes", "counter", "Changes sent to live streams"),
)
"""The list of `shoal serve`."""


def make_metric(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    """One metric, to be counted in a registry."""
    if metric.kind == "counter":
        return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
    return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)


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
    Metric("shoal_intake_records", "counter", "Records of source topics by what became of them", ("source", "outcome")),
)
"""The list of `shoal memberships`, `shoal destinations` and `shoal intake`."""


GONE_WITH_A_PARTITION: Final = (
    "shoal_lag_records",
    "shoal_clock_lag_seconds",
    "shoal_profiles",
    "shoal_profile_bytes",
    "shoal_timers",
    "shoal_restore_progress",
)


class Metrics:
    """The metrics of one worker, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._by_name: dict[str, Any] = {metric.name: make_metric(metric, self.registry) for metric in METRICS}
        self._states: dict[int, State] = {}

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """The present value of one; 0 if it was never counted."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def committed(
        self, partition: int, outcome: Batch, *, records: int, processed_s: float, committed_s: float, wall_ms: int
    ) -> None:
        """A micro-batch, or a move of the clock, was written."""
        self._by_name["shoal_process_seconds"].observe(processed_s)
        self._by_name["shoal_commit_seconds"].observe(committed_s)
        if records:
            self._by_name["shoal_batch_records"].observe(records)
            events = self._by_name["shoal_events"].labels
            rejected = len(outcome.dead) + len(outcome.late)
            passed_over = records - outcome.accepted - outcome.duplicates - rejected
            by_outcome = {
                "accepted": outcome.accepted,
                "duplicate": outcome.duplicates,
                "dead": len(outcome.dead),
                "late": len(outcome.late),
                "passed-over": max(0, passed_over),
            }
            for name, count in by_outcome.items():
                if count:
                    events(name).inc(count)
            for kind, count in outcome.kinds.items():
                if count:
                    self._by_name["shoal_accepted_events"].labels(kind).inc(count)
        for letter in outcome.dead:
            self.dead_letter(letter.reason)
        if outcome.late:
            self._by_name["shoal_late_events"].inc(len(outcome.late))
        for what, count in outcome.counted.items():
            self._by_name["shoal_occurrences"].labels(what).inc(count)
        changes = Counted((change.segment, change.change) for change in outcome.changes)
        for (segment, kind), count in changes.items():
            self._by_name["shoal_changes"].labels(segment, kind).inc(count)
        for change in outcome.changes[:DELAYS_A_BATCH]:
            name = "shoal_event_to_change_seconds" if change.cause.kind == "event" else "shoal_due_to_fired_seconds"
            delay_s = wall_ms / 1000 - datetime.fromisoformat(change.at).timestamp()
            self._by_name[name].observe(max(0.0, delay_s))

    def dead_letter(self, reason: str) -> None:
        """One record went to the dead letters."""
        self._by_name["shoal_dead_letters"].labels(reason).inc()

    def lost(self, partition: int, records: int) -> None:
        """Records were gone before they were read."""
        self._by_name["shoal_lost_records"].labels(str(partition)).inc(records)

    def lag(self, partition: int, records: int) -> None:
        """How many records are still to be read."""
        self._by_name["shoal_lag_records"].labels(str(partition)).set(records)

    def clock(self, partition: int, clock_ms: int, *, wall_ms: int) -> None:
        """Where a partition's clock stands."""
        self._by_name["shoal_clock_lag_seconds"].labels(str(partition)).set((wall_ms - clock_ms) / 1000)

    def restored(self, partition: int, records: int, seconds: float) -> None:
        """A partition was read back."""
        self._by_name["shoal_restored_records"].inc(records)
        self._by_name["shoal_restore_seconds"].observe(seconds)

    def misplaced(self, partition: int) -> None:
        """A key of the sample belongs to another partition."""
        self._by_name["shoal_misplaced_keys"].labels(str(partition)).inc()

    def reopened(self, partition: int) -> None:
        """A partition was thrown away and is opened again."""
        self._by_name["shoal_reopened"].labels(str(partition)).inc()

    def restoring(self, partition: int, share: float) -> None:
        """How far a partition is read back, from 0 to 1."""
        self._by_name["shoal_restore_progress"].labels(str(partition)).set(share)

    def aborted(self, partition: int) -> None:
        """What was being written was not, or nobody knows."""
        self._by_name["shoal_transactions_aborted"].labels(str(partition)).inc()

    def rebalanced(self) -> None:
        """Partitions were assigned."""
        self._by_name["shoal_rebalances"].inc()

    def state(self, partition: int, state: State) -> None:
        """A partition is in another state; a revoked one has no gauges any more."""
        gauge = self._by_name["shoal_partition_state"]
        before = self._states.pop(partition, None)
        if before is not None:
            gauge.remove(str(partition), before.value)
        if state is State.REVOKED:
            for name in GONE_WITH_A_PARTITION:
                self._by_name[name].remove(str(partition))
            return
        self._states[partition] = state
        gauge.labels(str(partition), state.value).set(1)

    def profiles(self, partition: int, count: int) -> None:
        """How many profiles a partition holds."""
        self._by_name["shoal_profiles"].labels(str(partition)).set(count)

    def profile_bytes(self, partition: int, count: int) -> None:
        """What the profiles of a partition take in memory."""
        self._by_name["shoal_profile_bytes"].labels(str(partition)).set(count)

    def timers(self, partition: int, count: int) -> None:
        """How many users of a partition have a timer."""
        self._by_name["shoal_timers"].labels(str(partition)).set(count)

    def profile_bytes_limit(self, count: int) -> None:
        """What all of them should take at most."""
        self._by_name["shoal_profile_bytes_limit"].set(count)

    def members(self, counts: Iterable[tuple[str, int]]) -> None:
        """How many users are in each segment."""
        gauge = self._by_name["shoal_segment_members"]
        for segment, count in counts:
            gauge.labels(segment).set(count)
