"""The views of deploy/warehouse over files of the export: key figures of a small history, counted by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.configuration.setting_value import SHIPPED
from tests.warehouse.history import CHANGES, write_history
from tests.warehouse.making import settings_with
from tests.warehouse.reading import table_of


@pytest.fixture
def views(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the views over files of that history."""
    write_history(tmp_path)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")  # days are those of UTC, whatever the session says
        for name in ("tables-duckdb.sql", "views.sql"):
            connection.execute((SHIPPED / "warehouse" / name).read_text("utf-8").replace("WAREHOUSE", str(tmp_path)))
        yield connection


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
