"""Metrics are counted once a batch, under the names of the list."""

from collections import Counter
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from app.metrics import METRICS
from app.runtime.partition.lifecycle import State
from app.runtime.partition.worker_metrics import Metrics
from app.segments.evaluation.batch import Linked
from app.segments.partition.partition import Batch, DeadLetter


@dataclass(frozen=True)
class Record:
    offset: int = 7
    timestamp: int = -1
    key: bytes | None = b"ann"
    value: bytes | None = b"{no json"


def test_every_metric_has_a_name_of_ours_and_a_meaning() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.name.startswith("shoal_") and metric.meaning for metric in METRICS)


def test_a_batch_is_counted_by_what_became_of_its_records() -> None:
    metrics = Metrics()
    dead = [DeadLetter(Record(), "invalid-json", "", 1)]
    kinds = {"track": 3, "page": 2, "alias": 0}
    outcome = Batch(kinds=kinds, quickly=4, duplicates=2, dead=dead, counted=Counter({"cart-limit": 3}))
    results = ("given", "given", "refused:shared")
    outcome.linked = [Linked("", f"a-{n}", "ann", 0, "seen", result) for n, result in enumerate(results)]
    outcome.merged = [-2_000, -40_000]
    outcome.cleaned["Viewed: category"] = 6
    metrics.committed(0, outcome, records=9, processed_s=0.1, committed_s=0.2, wall_ms=0)
    assert metrics.value("shoal_events_total", outcome="accepted") == 5
    assert metrics.value("shoal_accepted_events_total", type="track") == 3
    assert metrics.value("shoal_accepted_events_total", type="page") == 2
    assert metrics.value("shoal_fast_path_events_total") == 4
    assert metrics.value("shoal_events_total", outcome="duplicate") == 2
    assert metrics.value("shoal_events_total", outcome="dead") == 1
    assert metrics.value("shoal_events_total", outcome="passed-over") == 1
    assert metrics.value("shoal_dead_letters_total", reason="invalid-json") == 1
    assert metrics.value("shoal_occurrences_total", what="cart-limit") == 3
    assert metrics.value("shoal_cleaned_values_total", rule="Viewed: category") == 6
    assert metrics.value("shoal_batch_records_sum") == 9
    assert metrics.value("shoal_claim_to_merge_seconds_sum") == 42
    assert metrics.value("shoal_links_total", result="given") == 2
    assert metrics.value("shoal_links_total", result="refused:shared") == 1


def test_a_partition_has_one_state_and_none_when_it_is_gone() -> None:
    metrics = Metrics()
    for state in (State.ASSIGNED, State.FENCING, State.RESTORING, State.RUNNING):
        metrics.state(3, state)
        metrics.lag(3, 10)
        metrics.profiles(3, 100)
        metrics.moved_keys(3, 10)
        metrics.held_back(3, 10)
        assert _samples(metrics, "shoal_partition_state") == [{"partition": "3", "state": state.value}]
    metrics.state(3, State.REVOKED)
    assert _samples(metrics, "shoal_partition_state") == []
    assert _samples(metrics, "shoal_lag_records") == []
    assert _samples(metrics, "shoal_moved_keys") == []
    assert _samples(metrics, "shoal_held_back_seconds") == []


def _samples(metrics: Metrics, name: str) -> list[dict[str, str]]:
    families = text_string_to_metric_families(metrics.render().decode())
    return [sample.labels for family in families for sample in family.samples if sample.name == name]
