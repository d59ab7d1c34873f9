"""The metrics of a worker. Counting happens once a micro-batch, never once an event."""

import collections
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from app.metrics import METRICS, MetricSet
from app.runtime.partition.lifecycle import State
from app.segments.definitions.experiment import STEPS, Experiment
from app.segments.evaluation.change import Change
from app.segments.partition.partition import Batch

DELAYS_A_BATCH: Final = 100  # a sample: in a backlog, or a replay, the delay of each record does not matter
GONE_WITH_A_PARTITION: Final = (
    "shoal_held_back_seconds",
    "shoal_lag_records",
    "shoal_clock_lag_seconds",
    "shoal_profiles",
    "shoal_moved_keys",
    "shoal_profile_bytes",
    "shoal_timers",
    "shoal_restore_progress",
)


def exposures(changes: Iterable[Change]) -> Mapping[tuple[str, str], int]:
    """Number of users whom the changes of a batch tell as exposed at that instant, by experiment and group. Who enters
    several segments of an experiment at once counts once."""
    found = {
        (change.user, exposed.experiment, exposed.group)
        for change in changes
        if change.change == "entered"
        for exposed in change.experiments or ()
        if exposed.exposed_at == change.at
    }
    return collections.Counter((experiment, group) for _, experiment, group in found)


class Metrics(MetricSet):
    """Those of one worker."""

    def __init__(self) -> None:
        super().__init__(METRICS)
        self._states: dict[int, State] = {}

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
            self._by_name["shoal_fast_path_events"].inc(outcome.quickly)
        for letter in outcome.dead:
            self.dead_letter(letter.reason)
        if outcome.late:
            self._by_name["shoal_late_events"].inc(len(outcome.late))
        for what, count in outcome.counted.items():
            self._by_name["shoal_occurrences"].labels(what).inc(count)
        for rule, count in outcome.cleaned.items():
            self._by_name["shoal_cleaned_values"].labels(rule).inc(count)
        for result, count in collections.Counter(linked.result for linked in outcome.linked).items():
            self._by_name["shoal_links"].labels(result).inc(count)
        for at_ms in outcome.merged[:DELAYS_A_BATCH]:
            self._by_name["shoal_claim_to_merge_seconds"].observe(max(0.0, (wall_ms - at_ms) / 1000))
        changes = collections.Counter((change.segment, change.change) for change in outcome.changes)
        for (segment, kind), count in changes.items():
            self._by_name["shoal_changes"].labels(segment, kind).inc(count)
        for (experiment, group), count in exposures(outcome.changes).items():
            self._by_name["shoal_exposures"].labels(experiment, group).inc(count)
        for change in outcome.changes[:DELAYS_A_BATCH]:
            name = (
                "shoal_event_to_change_seconds"
                if change.cause.kind in ("event", "consent")
                else "shoal_due_to_fired_seconds"
            )
            delay_s = wall_ms / 1000 - datetime.fromisoformat(change.at).timestamp()
            self._by_name[name].observe(max(0.0, delay_s))

    def dead_letter(self, reason: str) -> None:
        """One record went to the dead letters."""
        self._by_name["shoal_dead_letters"].labels(reason).inc()

    def lost(self, partition: int, records: int) -> None:
        """Records were gone before they were read."""
        self._by_name["shoal_lost_records"].labels(str(partition)).inc(records)

    def lag(self, partition: int, records: int) -> None:
        """Sets the number of records still to be read."""
        self._by_name["shoal_lag_records"].labels(str(partition)).set(records)

    def held_back(self, partition: int, seconds: float) -> None:
        """Sets the time for which an open transaction has kept a partition from being read."""
        self._by_name["shoal_held_back_seconds"].labels(str(partition)).set(seconds)

    def clock(self, partition: int, clock_ms: int, *, wall_ms: int) -> None:
        """Sets the clock of a partition."""
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
        """Sets the restored share of a partition, from 0 to 1."""
        self._by_name["shoal_restore_progress"].labels(str(partition)).set(share)

    def aborted(self, partition: int) -> None:
        """Counts a write that failed or is in doubt."""
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
        """Sets the number of profiles of a partition."""
        self._by_name["shoal_profiles"].labels(str(partition)).set(count)

    def moved_keys(self, partition: int, count: int) -> None:
        """Sets the number of keys of a partition that have moved to a user."""
        self._by_name["shoal_moved_keys"].labels(str(partition)).set(count)

    def profile_bytes(self, partition: int, count: int) -> None:
        """Sets the bytes in memory of a partition's profiles."""
        self._by_name["shoal_profile_bytes"].labels(str(partition)).set(count)

    def timers(self, partition: int, count: int) -> None:
        """Sets the number of users of a partition with a timer."""
        self._by_name["shoal_timers"].labels(str(partition)).set(count)

    def profile_bytes_limit(self, count: int) -> None:
        """Sets the limit of the bytes of all profiles."""
        self._by_name["shoal_profile_bytes_limit"].set(count)

    def shares(self, experiments: Iterable[Experiment]) -> None:
        """Sets the share of each group of the present experiments. Their exposures are counted from 0 on, so that the
        first of them are growth."""
        gauge = self._by_name["shoal_experiment_share"]
        gauge.clear()
        for experiment in experiments:
            for group, share in experiment.groups:
                gauge.labels(experiment.name, group).set(share / STEPS)
                self._by_name["shoal_exposures"].labels(experiment.name, group)

    def members(self, counts: Iterable[tuple[str, int]]) -> None:
        """Sets the number of users in each segment."""
        gauge = self._by_name["shoal_segment_members"]
        for segment, count in counts:
            gauge.labels(segment).set(count)
