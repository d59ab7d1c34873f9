"""Censuses among the events of files."""

import json

import pytest

from app.errors import UserError
from app.offline.backtest import Backtest, FileRecord, batches_of
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules

RULES = TimeRules()
TOP = "segment: top\nwhen: sum(x of 'A' within 90d) >= top(20%)\n"
SIZE = "segment: large\nwhen: segment_size('some') >= 3 and exists('A')\n"
SOME = "segment: some\nwhen: sum(x of 'A') > 2\n"


def event(user: str, day: int, hour: int, x: int) -> bytes:
    at = f"2026-01-{day:02d}T{hour:02d}:00:00.000Z"
    return json.dumps({"type": "track", "event": "A", "userId": user, "timestamp": at, "properties": {"x": x}}).encode()


def played(events: list[bytes], *files: str, partitions: int = 1, until_ms: int | None = None) -> list[Change]:
    heard: list[Change] = []
    catalog = load_catalog({f"{number}.yaml": text for number, text in enumerate(files)})
    run = Backtest(catalog, RULES, partitions=partitions, hear=heard.append)
    for partition, records in batches_of(events, partitions=partitions, rules=RULES):
        run.process(partition, records)
    run.finish(until_ms)
    return heard


def told(changes: list[Change]) -> list[tuple[str, str, str, str, str]]:
    return [(each.user, each.segment, each.change, each.at[:13], each.cause.kind) for each in changes]


DAYS = [
    *(event(f"u{n}", 5, 10, n) for n in range(1, 6)),
    event("u1", 6, 8, 1),  # the clock passes midnight: u5 is at the top of five
    event("u3", 6, 12, 9),  # 12, more than 5: enters at once
    event("u1", 7, 8, 1),  # the census finds 12 at the top: u5 leaves
]


def test_users_enter_and_leave_with_a_census_each_day_of_the_events() -> None:
    assert told(played(DAYS, TOP)) == [
        ("u5", "top", "entered", "2026-01-06T07", "population"),
        ("u3", "top", "entered", "2026-01-06T12", "event"),
        ("u5", "top", "exited", "2026-01-07T07", "population"),
    ]


def test_a_change_tells_the_threshold_and_the_census() -> None:
    first = played(DAYS, TOP)[0]
    assert json.loads(first.encode())["evidence"] == [
        {"expression": "sum(x of 'A' within 90d) >= top(20%)", "value": 5, "threshold": 5}
    ]
    assert first.cause.census == 1_767_657_600_000


def test_the_size_of_a_segment_is_that_of_the_latest_census() -> None:
    changes = told(played(DAYS, SIZE, SOME))
    assert {each[0] for each in changes if each[1] == "large"} == {f"u{n}" for n in range(1, 6)}
    assert {(each[3][:10], each[4]) for each in changes if each[1] == "large"} == {("2026-01-06", "population")}


def test_what_was_in_no_census_yet_holds_for_nobody() -> None:
    assert not told(played(DAYS[:5], TOP))


def test_a_census_behind_the_last_event_counts_too() -> None:
    until_ms = 1_767_657_600_000  # 2026-01-06
    assert told(played(DAYS[:5], TOP, until_ms=until_ms)) == [("u5", "top", "entered", "2026-01-06T00", "population")]


def test_all_users_are_in_one_partition() -> None:
    with pytest.raises(UserError, match="has one partition"):
        Backtest(load_catalog({"a.yaml": TOP}), RULES, partitions=2)


def test_definitions_that_ask_for_no_number_are_played_by_the_fast_path() -> None:
    run = Backtest(load_catalog({"a.yaml": SOME}), RULES)
    records = [FileRecord(0, -1, None, DAYS[0])]
    assert run._censuses.with_records(records) is records
