"""Each record becomes a row, whatever it holds."""

import json
from typing import Any

import pytest

from app.events.user_ids import BLOCKED_IDS, UserIds
from app.warehouse.day_files import DayFiles
from app.warehouse.rows import change_row, day_of, dead_letter_row, event_row, identity_row
from app.warehouse.store import FolderStore
from app.warehouse.tables import COLUMNS, PLACE
from tests.warehouse.making import DAY_MS, START_MS, Record, change, settings_with
from tests.warehouse.reading import table_of

read_event = event_row(UserIds(frozenset(BLOCKED_IDS)))
ODD: list[Any] = [
    None,
    b"",
    b"{",
    b"\xff",
    b"[]",
    b"null",
    b'"a"',
    b"1",
    b'{"at": 1}',
    b"[" * 100_000,
    b'{"type":"link"}',
]


def event(**fields: Any) -> Record:
    return Record(7, json.dumps(fields).encode())


def test_an_event_has_its_fields_as_columns() -> None:
    row = read_event(
        event(
            type="track",
            event="Product Viewed",
            userId=42,
            messageId="m-1",
            timestamp="2026-01-01T10:00:00.000Z",
            properties={"price": 9.5},
            context={"ip": "::1"},
        )
    )
    assert row == {
        "kafka_offset": 7,
        "kafka_time": START_MS,
        "type": "track",
        "event": "Product Viewed",
        "name": None,
        "user_key": "42",
        "user_id": "42",
        "anonymous_id": None,
        "message_id": "m-1",
        "happened_at": START_MS + 36_000_000,
        "received_at": START_MS,
        "properties": '{"price": 9.5}',
        "traits": None,
        "context": '{"ip": "::1"}',
    }


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (Record(1, None), "empty"),
        (Record(1, b"{"), "invalid-json"),
        (event(type="track"), "no-user"),
        (event(type="track", userId="undefined"), "no-user"),
        (event(type="page", userId="u", timestamp="yesterday"), "invalid-time"),
    ],
)
def test_an_event_that_cannot_be_used_says_why(record: Record, problem: str) -> None:
    assert read_event(record)["problem"] == problem


def test_a_link_record_shows_no_profile() -> None:
    row = read_event(Record(1, b'{"type":"link","step":"give","profile":"c2VjcmV0"}', key=b"u-9"))
    assert row == {"kafka_offset": 1, "kafka_time": START_MS, "type": "link", "user_key": "u-9"}


def test_a_change_has_its_cause_and_values() -> None:
    row = change_row(change(3, attach={"value": 5}, valid_until=None))
    assert (row["user_key"], row["segment"], row["sequence"], row["cause"]) == ("u-3", "viewers", 3, "event")
    assert (row["attach_json"], row["valid_until"], row["value_json"]) == ('{"value":5}', None, None)


def test_a_change_by_value_has_the_value() -> None:
    made = change(3)
    said = {**json.loads(made.value or b""), "value": "5"}
    row = change_row(Record(1, json.dumps(said).encode(), key=b"u-3"))
    assert row["value_json"] == '"5"'


@pytest.mark.parametrize("read", [read_event, change_row, identity_row, dead_letter_row])
@pytest.mark.parametrize("value", [*ODD, b'{"at":"2026-01-01T00:00:00.000Z","id":1,"user":{},"from":[],"cause":7}'])
def test_odd_records_are_rows_that_can_be_written(read: Any, value: bytes | None, tmp_path: Any) -> None:
    table = {read_event: "events", change_row: "changes", identity_row: "identity"}.get(read, "undelivered")
    headers = [("shoal-source-offset", b"-1"), ("shoal-source-partition", b"9" * 30), ("shoal-reason", b"\xff")]
    row = read(Record(5, value, key=b"\xff", timestamp=-1, headers=headers))
    assert row.keys() <= (PLACE | COLUMNS[table]).keys()
    files = DayFiles(FolderStore(tmp_path), table_of(settings_with(), table), 0, bytes_max=1)
    assert files.add(day_of(row), [row]).rows == 1


def test_a_wrong_clock_makes_no_folder_of_its_own() -> None:
    days = {
        day_of({"happened_at": at_ms, "kafka_time": START_MS + DAY_MS // 2})
        for at_ms in (None, 0, START_MS + 30 * DAY_MS, 221_845_392_000_000, START_MS)
    }
    assert days == {"2026-01-01"}
    assert day_of({"happened_at": START_MS - 30 * DAY_MS, "kafka_time": START_MS}) == "2025-12-02"
