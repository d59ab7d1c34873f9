"""Reads a warehouse of Parquet files with DuckDB."""

from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from app.settings import Settings
from app.warehouse.tables import Table, wanted_tables
from tests.support.records import read_topic
from tests.support.shop import soon


def query(sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def places(root: Path, table: str) -> list[tuple[int, int]]:
    """Partition and offset of every row of a table, in order; none if there is no file."""
    if not list(root.glob(f"{table}/*/*.parquet")):
        return []
    found = query(f"SELECT kafka_partition, kafka_offset FROM '{root}/{table}/*/*.parquet' ORDER BY ALL")
    return [(partition, offset) for partition, offset in found]


async def topic_places(settings: Settings, topic: str) -> list[tuple[int, int]]:
    """Partition and offset of every record of a topic, in order."""
    return [
        (number, record.offset)
        for number in range(settings.partitions)
        for record in await read_topic(settings, topic, only=number)
    ]


def table_of(settings: Settings, name: str) -> Table:
    """One table of the setting `warehouse_tables`."""
    return next(table for table in wanted_tables(settings) if table.name == name)


async def equals_topics(settings: Settings, root: Path, *names: str, within_s: float = 40) -> None:
    """Waits until the tables have exactly one row for each record of their topics."""
    for name in names:
        await soon(partial(_equal, settings, root, name), within_s=within_s)


async def _equal(settings: Settings, root: Path, name: str) -> bool:
    return places(root, name) == await topic_places(settings, table_of(settings, name).topic)
