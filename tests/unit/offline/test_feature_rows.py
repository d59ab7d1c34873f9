"""Rows of features: values as of their instant, labels of what came after, against a reckoning by hand."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from app.offline.backtest import Backtest, batches_of
from app.offline.feature_rows import FeatureRows, Row
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.features_file import read_features_file
from app.segments.evaluation.time_rules import TimeRules

START_MS = 1_767_571_200_000  # 2026-01-05
HOUR_MS = 3_600_000
RULES = TimeRules()
FEATURES = """\
features: third-view
moments: count('Viewed' within 1h) >= 3
values: {views: count('Viewed' within 2h), spent: sum(revenue of 'Bought' within 3h), first: user.first_seen}
labels:
  bought: exists('Bought' within next 2h)
  orders: count('Bought' where revenue > 10 within next 90m)
  revenue: sum(revenue of 'Bought' within next 3h)
"""


def at(ms: int, user: str, event: str, **properties: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp((START_MS + ms) / 1000, UTC).isoformat(timespec="milliseconds")
    said = {"type": "track", "event": event, "timestamp": moment, "properties": properties}
    return said | ({"userId": user} if user.startswith("u") else {"anonymousId": user})


def rows_of(
    events: Iterable[dict[str, Any]],
    text: str = FEATURES,
    *,
    until_ms: int = 24 * HOUR_MS,
    more: str = "",
    segments: Mapping[str, str] = MappingProxyType({}),
) -> list[Row]:
    file = read_features_file("f.yaml", text)
    assert file.features is not None, file.source.problems
    others = {"identity.yaml": "{}\n"} if more == "identity" else {"s.yaml": more} if more else {}
    others |= {f"{name}.yaml": each for name, each in segments.items()}
    catalog = load_catalog(others, more=file.parts)
    heard = FeatureRows(file.features)
    run = Backtest(catalog, RULES, hear=heard.hear, hear_link=heard.hear_link)
    for partition, records in batches_of((json.dumps(each).encode() for each in events), partitions=1, rules=RULES):
        run.process(partition, records)
    summary = run.finish(START_MS + until_ms)
    assert summary.accepted
    return list(heard.rows(summary.end_ms))


def views(user: str, *at_ms: int) -> list[dict[str, Any]]:
    return [at(each, user, "Viewed") for each in at_ms]


@pytest.mark.parametrize(
    ("after_ms", "bought"),
    [(-1, False), (0, False), (1, True), (2 * HOUR_MS, True), (2 * HOUR_MS + 1, False)],
)
def test_a_label_sees_what_comes_after_its_row_until_the_end_of_its_window(after_ms: int, bought: bool) -> None:
    row_ms = 10 * 60_000
    events = [*views("u1", 0, 1, row_ms), at(row_ms + after_ms, "u1", "Bought", revenue=5)]
    (row,) = rows_of(sorted(events, key=lambda event: str(event["timestamp"])))
    assert (row.at_ms, row.labels[0]) == (START_MS + row_ms, bought)


def test_a_value_sees_nothing_of_what_comes_after_its_row() -> None:
    before = [*views("u1", 0, 1), at(2, "u1", "Bought", revenue=7.5), *views("u1", 3)]
    after = [at(4, "u1", "Bought", revenue=100), *views("u1", 5, 6)]
    (row,), (whole,) = rows_of(before), rows_of(before + after)
    assert row.values == whole.values == (3, 7.5, "2026-01-05T00:00:00.000Z")
    assert whole.labels == (True, 1, 100.0)


def test_a_row_whose_window_is_not_over_has_no_label() -> None:
    events = views("u1", 0, 1, 2)
    (row,) = rows_of(events, until_ms=2 * HOUR_MS + 2)
    assert row.labels == (False, 0, None)
    assert rows_of(events, until_ms=3 * HOUR_MS + 2)[0].labels == (False, 0, 0.0)


def random_history(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    events = []
    for number in range(400):
        name = chance.choice(("Viewed",) * 6 + ("Bought",))
        more = {"revenue": chance.choice((5, 9.99, 20, "30"))} if name == "Bought" else {}
        events.append(at(number * chance.choice((0, 100_000, 150_000)), f"u{chance.randrange(5)}", name, **more))
    return sorted(events, key=lambda event: str(event["timestamp"]))


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_those_that_a_look_at_all_events_finds(seed: int) -> None:
    events = random_history(seed)
    found = rows_of(events, until_ms=48 * HOUR_MS)
    assert len(found) > 20
    for row in found:
        bought = [
            (instant, float(event["properties"]["revenue"]))
            for event in events
            if event["event"] == "Bought" and event["userId"] == row.user
            if (instant := round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)) > row.at_ms
        ]
        assert row.labels == (
            any(instant <= row.at_ms + 2 * HOUR_MS for instant, _ in bought),
            sum(instant <= row.at_ms + 90 * 60_000 and revenue > 10 for instant, revenue in bought),
            round(sum(revenue for instant, revenue in bought if instant <= row.at_ms + 3 * HOUR_MS), 6),
        )


@pytest.mark.parametrize("seed", range(5))
def test_rows_before_a_cut_of_the_history_are_those_of_the_whole(seed: int) -> None:
    events = random_history(seed)
    cut = events[: len(events) // 2]
    end_ms = round(datetime.fromisoformat(cut[-1]["timestamp"]).timestamp() * 1000)
    found = [row for row in rows_of(cut, until_ms=end_ms - START_MS) if row.at_ms < end_ms]
    whole = [row for row in rows_of(events) if row.at_ms < end_ms]
    assert [(row.user, row.at_ms, row.values) for row in found] == [(row.user, row.at_ms, row.values) for row in whole]
    assert found


def test_what_a_guest_does_after_the_login_counts_for_their_rows() -> None:
    login = at(60_000, "u1", "Signed In") | {"anonymousId": "visitor-1"}
    events: Sequence[dict[str, Any]] = [
        at(-HOUR_MS, "u1", "Bought", revenue=1_000),
        *views("visitor-1", 0, 1, 2),
        at(3, "visitor-1", "Bought", revenue=20),
        login,
        at(2 * 60_000, "u1", "Bought", revenue=30),
    ]
    rows = {row.user: row for row in rows_of(events, more="identity")}
    assert rows["visitor-1"].labels == (True, 2, 50.0)
    assert rows_of(events)[0].labels == (True, 1, 20.0), "without identity.yaml they are two"


def test_a_label_that_nothing_comes_is_true_where_the_label_that_it_comes_is_false() -> None:
    text = FEATURES + "  gone: never('Bought' within next 2h)\n"
    found = rows_of(random_history(3), text, until_ms=48 * HOUR_MS)
    assert {row.labels[0] for row in found} == {True, False}
    assert all(row.labels[-1] is not row.labels[0] for row in found)
    login = at(60_000, "u1", "Signed In") | {"anonymousId": "visitor-1"}
    events = [*views("visitor-1", 0, 1, 2), login, at(2 * 60_000, "u1", "Bought", revenue=30)]
    rows = {row.user: row for row in rows_of(events, text, more="identity")}
    assert rows["visitor-1"].labels[-1] is False


def test_a_label_can_be_the_entry_into_a_segment() -> None:
    text = FEATURES + "  rich: enters('rich' within next 1h)\n"
    rich = "segment: rich\nwhen: sum(revenue of 'Bought' within 1h) > 50\n"
    events = [*views("u1", 0, 1, 2), *views("u2", 3, 4, 5), at(6, "u1", "Bought", revenue=60)]
    assert [row.labels[-1] for row in rows_of(events, text, more=rich)] == [True, False]


NEXT = FEATURES + "  next: next_segment('rich', 'again' within next 1h)\n"
SEGMENTS = {
    "rich": "segment: rich\nwhen: sum(revenue of 'Bought' within 1h) > 50\n",
    "again": "segment: again\nwhen: exists('Liked' within 10m) or sum(revenue of 'Bought' within 1h) > 90\n",
}


def next_of(*events: dict[str, Any]) -> Any:
    """The next segment of the first row."""
    return rows_of([*views("u1", 0, 1, 2), *events], NEXT, segments=SEGMENTS)[0].labels[-1]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "none"),
        ([at(3, "u1", "Bought", revenue=60)], "rich"),
        ([at(3, "u1", "Liked"), at(4, "u1", "Bought", revenue=60)], "again"),
        ([at(3, "u1", "Bought", revenue=60), at(4, "u1", "Liked")], "rich"),
        ([at(3, "u1", "Bought", revenue=95)], "rich"),
        ([at(3, "u2", "Liked"), at(4, "u1", "Bought", revenue=10)], "none"),
        ([at(2 + HOUR_MS, "u1", "Liked")], "again"),
        ([at(3 + HOUR_MS, "u1", "Liked")], "none"),
    ],
)
def test_a_label_can_be_the_segment_that_is_entered_next(events: list[dict[str, Any]], expected: str) -> None:
    assert next_of(*events) == expected


def test_the_segment_that_a_user_is_in_already_is_next_only_if_they_enter_it_again() -> None:
    liked = [at(-60_000, "u1", "Liked"), *views("u1", 0, 1, 2)]
    assert rows_of(liked, NEXT, segments=SEGMENTS)[0].labels[-1] == "none"
    again = [*liked, at(30 * 60_000, "u1", "Liked")]
    assert rows_of(again, NEXT, segments=SEGMENTS)[0].labels[-1] == "again"


def test_what_a_guest_enters_after_the_login_is_their_next_segment() -> None:
    login = at(60_000, "u1", "Signed In") | {"anonymousId": "visitor-1"}
    events = [*views("visitor-1", 0, 1, 2), login, at(2 * 60_000, "u1", "Bought", revenue=60)]
    rows = {row.user: row for row in rows_of(events, NEXT, more="identity", segments=SEGMENTS)}
    assert rows["visitor-1"].labels[-1] == "rich"
    rows = {row.user: row for row in rows_of(events, NEXT, segments=SEGMENTS)}
    assert rows["visitor-1"].labels[-1] == "none", "without identity.yaml they are two"


def test_the_end_of_the_warm_up_is_no_moment() -> None:
    text = FEATURES.replace("values:", "warmup: wait\nvalues:").replace("within 1h) >= 3", "within 12h) >= 3")
    early = views("u1", HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS)
    late = views("u2", 0, *(hour * HOUR_MS for hour in (10, 11, 13)))
    assert [row.user for row in rows_of(sorted([*early, *late], key=lambda each: str(each["timestamp"])), text)] == [
        "u2"
    ]
