"""A segment with `warmup: wait` waits for what it asks of other segments."""

import msgspec
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.footprint import footprints
from app.segments.review.scenario import PipedRecord
from tests.model.messages import instant_ms

HOUR_MS = 3_600_000
RULES = TimeRules()
START = "2026-01-05T00:00:00.000Z"
FILES = {
    "a.yaml": "segment: a\nwhen: exists('A' within 24h)\n",
    "b.yaml": "segment: b\nwhen: segment('a') and exists('B' within 30h)\n",
    "c.yaml": "segment: c\nwhen: cart.items > 0\n",
    "s.yaml": "score: points\npoints: [{when: entered('a' within 5h), add: 1}]\n",
}


@pytest.mark.parametrize(
    ("when", "hours"),
    [
        ("not left('a' within 10h)", 34),
        ("not entered('a' within 10h) and not left('a' within 2h)", 34),
        ("not entered('a' within 10h) and not exists('C' within 35h)", 35),
        ("not segment('a') and not left('a' within 1h)", 25),
        ("not left('a')", 24),
        ("not left('b' within 10h)", 40),
        ("not score('points') > 0", 29),
        ("not left('c' within 10h)", 0),
    ],
)
def test_what_a_segment_looks_back_at_has_been_seen_for_that_much_longer(when: str, hours: int) -> None:
    condition = msgspec.json.encode(f"exists(page) and {when}").decode()
    catalog = load_catalog(FILES | {"asked.yaml": f"segment: asked\nwarmup: wait\nwhen: {condition}\n"})
    partition = Partition(compile_catalog(catalog, RULES), RULES)
    page = msgspec.json.encode({"type": "page", "userId": "u", "timestamp": START})
    changes = partition.process([PipedRecord(0, -1, b"u", page)]).changes
    changes += partition.advance(instant_ms(START) + 100 * HOUR_MS).changes
    (entry,) = [change for change in changes if change.segment == "asked"]
    assert instant_ms(entry.at) == instant_ms(START) + hours * HOUR_MS
    assert footprints(catalog, RULES)["asked"].window_ms == hours * HOUR_MS
