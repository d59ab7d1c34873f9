"""The real file, as records for a partition and as a table for DuckDB.

The file lies beside the project and never in it: `../shared/data`, or where TRUTH_DATA says.
"""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec

from tests.model.messages import Record

DATA = Path(os.environ.get("TRUTH_DATA") or Path(__file__).parents[4] / "shared" / "data")
FILE = DATA / "merchandise-store-2016-08.jsonl.gz"


class Head(msgspec.Struct):
    """The part of a message that makes it a record."""

    anonymousId: str


def records() -> Iterator[Record]:
    """All messages, in the order of the file, as one partition would have them."""
    head = msgspec.json.Decoder(Head)
    with gzip.open(FILE, "rb") as lines:
        for offset, line in enumerate(lines):
            yield Record(offset, -1, head.decode(line).anonymousId.encode(), line)


def database() -> duckdb.DuckDBPyConnection:
    """A table `event`: u, line (the order of the file), t (ms), kind, name, p (properties), c (context)."""
    connection = duckdb.connect()
    connection.execute(
        """
        create table event as
        select
            anonymousId as u,
            row_number() over () as line,
            epoch_ms(timestamp) as t,
            type as kind,
            event as name,
            properties as p,
            context as c
        from read_json(
            ?,
            format = 'newline_delimited',
            columns = {anonymousId: 'VARCHAR', timestamp: 'TIMESTAMP', type: 'VARCHAR', event: 'VARCHAR',
                       properties: 'JSON', context: 'JSON'}
        )
        """,
        [str(FILE)],
    )
    return connection
