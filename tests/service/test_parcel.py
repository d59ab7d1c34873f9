"""Memory of a batch: its context counts for every event, and cannot be used to fill it."""

import json
import tracemalloc

import pytest

from app.segments.evaluation.time_rules import TimeRules
from app.service.http.body import BODY_BYTES_MAX
from app.service.http.http_problem import Problem
from app.service.incoming.event_batch import EXPANDED_BYTES_MAX, read_batch, validate_events

NOW_MS = 1_767_225_600_000
RULES = TimeRules(skew_max_ms=0)
ANN = {"type": "page", "userId": "ann"}


def batch(*, names: int, events: int) -> bytes:
    """With a context of so many names."""
    context = {f"k{number:x}": 1 for number in range(names)}
    body = json.dumps({"context": context, "batch": [ANN] * events}, separators=(",", ":")).encode()
    assert len(body) <= BODY_BYTES_MAX
    return body


def test_a_context_is_not_multiplied_before_anybody_has_looked_at_the_key() -> None:
    body = batch(names=30_000, events=4_000)
    tracemalloc.start()
    try:
        with pytest.raises(Problem) as raised:
            validate_events(read_batch(body), received_ms=NOW_MS, rules=RULES)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (raised.value.status, raised.value.body.code) == (413, "too-large")
    assert most_bytes < 40 * BODY_BYTES_MAX


def test_what_a_batch_comes_to_with_its_context_has_a_bound() -> None:
    with pytest.raises(Problem, match="smaller batches") as raised:
        validate_events(read_batch(batch(names=2_000, events=5_000)), received_ms=NOW_MS, rules=RULES)
    assert raised.value.status == 413
    found = validate_events(read_batch(batch(names=200, events=5_000)), received_ms=NOW_MS, rules=RULES)
    assert len(found.rows) == 5_000
    assert sum(len(row.value) for row in found.rows) <= EXPANDED_BYTES_MAX


def nested_context(depth: int) -> bytes:
    """A batch of one event."""
    return b'{"batch":[{"userId":"u","type":"page"}],"context":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


@pytest.mark.parametrize(("depth", "rows"), [(100, 1), (300, 0), (700, 0)])
def test_an_event_may_be_nested_only_so_deep_with_its_context(depth: int, rows: int) -> None:
    found = validate_events(read_batch(nested_context(depth)), received_ms=NOW_MS, rules=RULES)
    assert (len(found.rows), len(found.refused)) == (rows, 1 - rows)


@pytest.mark.parametrize("depth", [1_100, 5_000, 50_000])
def test_a_context_that_cannot_be_read_is_refused_with_a_reason(depth: int) -> None:
    with pytest.raises(Problem) as raised:
        validate_events(read_batch(nested_context(depth)), received_ms=NOW_MS, rules=RULES)
    assert raised.value.status in (400, 413)
