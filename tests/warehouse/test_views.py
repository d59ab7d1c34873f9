"""The views of deploy/warehouse over files of the export: key figures of a small history, counted by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.configuration.setting_value import SHIPPED
from app.events.instants import iso_text
from app.warehouse.export import PartitionExport
from app.warehouse.store import FolderStore
from tests.warehouse.making import DAY_MS, START_MS, Record, change, settings_with
from tests.warehouse.reading import table_of

HOUR_MS = 3_600_000
#: User, segment, change, which membership, hours after the start.
CHANGES = [
    ("ann", "viewers", "entered", 1, 1),
    ("ann", "buyers", "entered", 1, 2),
    ("ann", "viewers", "exited", 1, 3),
    ("ben", "viewers", "entered", 1, 4),
    ("ben", "viewers", "updated", 1, 5),
    ("ann", "viewers", "entered", 2, 30),
    ("ann", "viewers", "exited", 2, 34),
    ("cleo", "viewers", "exited", 1, 6),
]
ORDERS = [("ann", 2), ("ben", 4 + 7 * 24)]


@pytest.fixture
def views(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the views over files of that history; one change is there twice, one cannot be read."""
    settings = settings_with()
    records = [
        change(number, START_MS + hours * HOUR_MS, user=user, segment=segment, change=kind, times=times)
        for number, (user, segment, kind, times, hours) in enumerate(CHANGES)
    ]
    repeated = Record(len(records), records[0].value, timestamp=START_MS)
    records += [repeated, Record(len(records) + 1, b"{")]
    store = FolderStore(tmp_path)
    PartitionExport(store, table_of(settings, "changes"), 0, settings).write(records, len(records))
    orders = [
        Record(number, json.dumps(order(user, START_MS + hours * HOUR_MS)).encode(), timestamp=START_MS + DAY_MS)
        for number, (user, hours) in enumerate(ORDERS)
    ]
    PartitionExport(store, table_of(settings, "events"), 0, settings).write(orders, len(orders))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")  # days are those of UTC, whatever the session says
        for name in ("tables-duckdb.sql", "views.sql"):
            connection.execute((SHIPPED / "warehouse" / name).read_text("utf-8").replace("WAREHOUSE", str(tmp_path)))
        yield connection


def order(user: str, at_ms: int) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": user, "timestamp": iso_text(at_ms)}


def rows(connection: duckdb.DuckDBPyConnection, columns: str, view: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM {view} ORDER BY ALL").fetchall()


def test_each_change_is_there_once(views: duckdb.DuckDBPyConnection) -> None:
    assert rows(views, "count(*)", "segment_changes") == [(len(CHANGES),)]


def test_memberships_are_stays(views: duckdb.DuckDBPyConnection) -> None:
    assert rows(views, "user_key, segment, times, seconds", "segment_memberships") == [
        ("ann", "buyers", 1, None),
        ("ann", "viewers", 1, 7200),
        ("ann", "viewers", 2, 14400),
        ("ben", "viewers", 1, None),
    ]
    assert rows(views, "segment, users", "segment_sizes_now") == [("buyers", 1), ("viewers", 1)]


def test_days_have_entries_exits_and_size(views: duckdb.DuckDBPyConnection) -> None:
    assert rows(views, "segment, day::VARCHAR, entries, exits, size", "segment_days") == [
        ("buyers", "2026-01-01", 1, 0, 1),
        ("viewers", "2026-01-01", 2, 1, 1),
        ("viewers", "2026-01-02", 1, 1, 1),
    ]


def test_flows_say_which_segment_came_before(views: duckdb.DuckDBPyConnection) -> None:
    assert rows(views, "day::VARCHAR, from_segment, to_segment, entries, users", "segment_flows") == [
        ("2026-01-01", "viewers", "buyers", 1, 1),
        ("2026-01-02", "buyers", "viewers", 1, 1),
    ]


def test_time_in_a_segment_is_that_of_stays_that_ended(views: duckdb.DuckDBPyConnection) -> None:
    assert rows(views, "segment, stays, seconds_mean, seconds_median", "segment_times") == [
        ("viewers", 2, 10800, 10800)
    ]


def test_conversion_counts_orders_within_seven_days_of_the_entry(views: duckdb.DuckDBPyConnection) -> None:
    """Ann orders at the instant of one entry; Ben's order comes exactly seven days later, which is too late."""
    assert rows(views, "segment, day::VARCHAR, entries, conversions", "segment_conversions") == [
        ("buyers", "2026-01-01", 1, 1),
        ("viewers", "2026-01-01", 2, 1),
        ("viewers", "2026-01-02", 1, 0),
    ]


def test_tables_of_postgres_have_the_columns_of_the_files() -> None:
    text = (SHIPPED / "warehouse" / "tables-postgres.sql").read_text("utf-8")
    types = {"text": "text", "whole": "bigint", "small": "integer", "time": "timestamptz"}
    for name in ("events", "changes"):
        body = text.partition(f"CREATE TABLE IF NOT EXISTS {name} (")[2].partition("PRIMARY KEY")[0]
        found = [line.strip().rstrip(",").removesuffix(" NOT NULL") for line in body.strip().splitlines()]
        wanted = [f"{column} {types[kind]}" for column, kind in table_of(settings_with(), name).columns.items()]
        assert found == wanted
