"""Translated conditions on events are true for exactly the histories that the documentation of the product names.

Each condition is compared, over all histories of a few events, with a predicate written from that documentation alone.
"""

import json
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import pytest

from app.imports.translation import translate
from app.segments.definitions.catalog import load_catalog
from app.segments.review.scenario import Scenario

NOW_MS = 1_767_571_200_000
DAY_MS = 86_400_000
AGES = (0.5, 5, 20, 40, 70)
"""Days since an event."""
HISTORIES = [history for number in range(4) for history in combinations_with_replacement(AGES, number)]

Ages = tuple[float, ...]


def posthog(value: str, **more: Any) -> tuple[str, Any]:
    one = {"type": "behavioral", "event_type": "events", "key": "x", "value": value, **more}
    return "posthog", {"name": "it", "filters": {"properties": {"type": "AND", "values": [one]}}}


def klaviyo(compared: str, bound: float, **timeframe: Any) -> tuple[str, Any]:
    condition = {
        "type": "profile-metric",
        "metric_id": "M",
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": compared, "value": bound},
        "timeframe_filter": {"type": "date", **timeframe},
    }
    return "klaviyo", {"name": "it", "condition_groups": [{"conditions": [condition]}]}


def engage(query: str) -> tuple[str, Any]:
    return "segment-engage", {"name": "it", "definition": {"query": query}}


def day(value: int, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}time_value": value, f"{prefix}time_interval": "day"}


def inside(ages: Ages, newer: float, older: float) -> int:
    return sum(newer <= age < older for age in ages)


EVER = float("inf")
CASES: list[tuple[tuple[str, Any], Callable[[Ages], bool]]] = [
    (posthog("performed_event", **day(30)), lambda ages: inside(ages, 0, 30) > 0),
    (posthog("performed_event", **day(30), negation=True), lambda ages: inside(ages, 0, 30) == 0),
    (posthog("performed_event", explicit_datetime="-6w"), lambda ages: inside(ages, 0, 42) > 0),
    (posthog("performed_event", explicit_datetime="2025-12-01"), lambda ages: inside(ages, 0, 35) > 0),
    *(
        (
            posthog("performed_event_multiple", **day(30), operator=name, operator_value=2),
            lambda ages, holds=holds: holds(inside(ages, 0, 30)),
        )
        for name, holds in (
            ("gte", lambda number: number >= 2),
            ("lte", lambda number: number <= 2),
            ("gt", lambda number: number > 2),
            ("lt", lambda number: number < 2),
            ("exact", lambda number: number == 2),
        )
    ),
    (
        posthog("performed_event_first_time", **day(30)),
        lambda ages: inside(ages, 0, 30) > 0 and inside(ages, 30, EVER) == 0,
    ),
    (
        posthog("stopped_performing_event", **day(60), **day(14, "seq_")),
        lambda ages: inside(ages, 14, 60) > 0 and inside(ages, 0, 14) == 0,
    ),
    (
        posthog("restarted_performing_event", **day(60), **day(14, "seq_")),
        lambda ages: inside(ages, 60, EVER) > 0 and inside(ages, 14, 60) == 0 and inside(ages, 0, 14) > 0,
    ),
    (klaviyo("greater-than", 1, operator="alltime"), lambda ages: len(ages) > 1),
    (klaviyo("equals", 0, operator="alltime"), lambda ages: not ages),
    (klaviyo("not-equals", 1, operator="in-the-last", quantity=4, unit="week"), lambda ages: inside(ages, 0, 28) != 1),
    (klaviyo("less-than", 2, operator="at-least", quantity=30, unit="day"), lambda ages: inside(ages, 30, EVER) < 2),
    (
        klaviyo("greater-than-or-equal", 1, operator="between", start=10, end=50, unit="day"),
        lambda ages: inside(ages, 10, 50) >= 1,
    ),
    (klaviyo("equals", 1, operator="after", date="2025-12-01"), lambda ages: inside(ages, 0, 35) == 1),
    (klaviyo("equals", 1, operator="before", date="2025-12-01"), lambda ages: inside(ages, 35, EVER) == 1),
    (
        klaviyo("equals", 1, operator="between-static", start="2025-11-21", end="2025-12-20"),
        lambda ages: inside(ages, 16, 45) == 1,
    ),
    (engage("event('x').between(30 days, 60 days).count() = 1"), lambda ages: inside(ages, 30, 60) == 1),
    (engage("NOT event('x').within(720 hours).count() >= 2"), lambda ages: inside(ages, 0, 30) < 2),
    (
        engage("event('x').count() >= 1 AND NOT (event('x').within(7 days).count() > 0 OR event('x').count() > 2)"),
        lambda ages: 1 <= len(ages) <= 2 and inside(ages, 0, 7) == 0,
    ),
    (
        engage(
            "event('x').within(7 days).count() = 1 OR event('x').count() = 3 AND event('x').within(7 days).count() != 0"
        ),
        lambda ages: inside(ages, 0, 7) == 1 or (len(ages) == 3 and inside(ages, 0, 7) != 0),
    ),
]


def named(product: str) -> bytes | None:
    return b'{"M": "x"}' if product == "klaviyo" else None


@pytest.mark.parametrize(("given", "holds"), CASES)
def test_a_condition_is_true_for_the_histories_of_its_documentation(
    given: tuple[str, Any], holds: Callable[[Ages], bool]
) -> None:
    product, document = given
    translation = translate(product, json.dumps(document).encode(), "it.json", named(product))
    assert not any(gap.left_out for gap in translation.gaps), translation.gaps
    catalog = load_catalog(translation.files)
    for history in HISTORIES:
        scenario = Scenario(catalog)
        for age in sorted(history, reverse=True):
            at_ms = int(NOW_MS - age * DAY_MS)
            scenario.pipe({"type": "track", "event": "x", "userId": "u"}, at_ms=at_ms)
        scenario.pipe({"type": "track", "event": "Something Else", "userId": "u"}, at_ms=NOW_MS)
        assert scenario.inside("u", "it") == holds(history), (history, translation.files["it.yaml"])
