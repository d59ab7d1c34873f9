"""Events out of the Parquet files of `shoal warehouse`, with the places that their records had in the topic."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from app.errors import UserError, need_packages
from app.events.instants import iso_text
from app.events.message import EVENT_KINDS, WATERMARK

ROWS_FETCHED: Final = 10_000
TEXTS: Final = ("event", "name", "user_id", "anonymous_id", "message_id")
OBJECTS: Final = ("properties", "traits", "context")
FIELDS: Final = {"user_id": "userId", "anonymous_id": "anonymousId", "message_id": "messageId"}
COLUMNS: Final = (
    "kafka_partition",
    "kafka_offset",
    "kafka_time",
    "user_key",
    "type",
    "happened_at",
    "received_at",
    *TEXTS,
    *OBJECTS,
)

_encode = msgspec.json.Encoder().encode


class StoredEvent(NamedTuple):
    """An event, and where its record was. `key`: None for a message that moves the clock alone."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


def warehouse_files(paths: Sequence[Path]) -> list[Path]:
    """The files of events in these folders, and these files. UserError where there are none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"there is no file {path}")
        folder = path / "events" if (path / "events").is_dir() else path
        own = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [path]
        if not own:
            raise UserError(f"there is no Parquet file in {path}", hint="give the folder that `shoal warehouse` writes")
        found += own
    return found


def stored_events(files: Sequence[Path]) -> Iterator[StoredEvent]:
    """The events of the files: those of each partition in the order of its log, all of them by the times of records.

    What no worker could read is left out, and so is what keys have said to each other.
    """
    need_packages("reading the files of a warehouse", "parquet", "duckdb")
    import duckdb

    names = [str(file) for file in files]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        try:
            connection.execute("SET temp_directory = ?", [folder])
            connection.execute("SET enable_progress_bar = false")
            source = "read_parquet(?, union_by_name = true, hive_partitioning = false)"
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}", [names]).fetchall()  # noqa: S608  # our text
            missing = [name for name in COLUMNS if name not in {column for column, *_ in described}]
            if missing:
                raise UserError(
                    f"{files[0]} has no column {missing[0]}",
                    hint="these are not events of `shoal warehouse`; other Parquet files are read by --from files",
                )
            result = connection.execute(_query(source), [names])
            while rows := result.fetchmany(ROWS_FETCHED):
                yield from map(_event, rows)
        except duckdb.Error as error:
            raise UserError(f"cannot read {files[0]}: {str(error).splitlines()[0]}") from None


def _query(source: str) -> str:
    """A log is in the order of its offsets, whatever the times of its records; logs go side by side by their times."""
    times = ("kafka_time", "happened_at", "received_at")
    columns = ", ".join(f"epoch_ms({name}) AS {name}" if name in times else name for name in COLUMNS)
    kinds = ", ".join(f"'{kind}'" for kind in (*EVENT_KINDS, WATERMARK))
    reached = "max(kafka_time) OVER (PARTITION BY kafka_partition ORDER BY kafka_offset)"
    return (
        f"SELECT {columns} FROM (SELECT *, {reached} AS reached FROM {source}) "  # noqa: S608  # our names
        f"WHERE problem IS NULL AND type IN ({kinds}) ORDER BY reached, kafka_partition, kafka_offset"
    )


def _event(row: tuple[Any, ...]) -> StoredEvent:
    said = dict(zip(COLUMNS, row, strict=True))
    message: dict[str, Any] = {"type": said["type"]}
    message |= {FIELDS.get(name, name): said[name] for name in TEXTS if said[name] is not None}
    message["timestamp"] = iso_text(said["happened_at"])
    if said["received_at"] is not None:
        message["receivedAt"] = iso_text(said["received_at"])
    message |= {name: msgspec.Raw(said[name].encode()) for name in OBJECTS if said[name] is not None}
    key = said["user_key"]
    record_ms = -1 if said["kafka_time"] is None else said["kafka_time"]
    return StoredEvent(
        said["kafka_partition"],
        said["kafka_offset"],
        record_ms,
        None if key is None else key.encode(),
        _encode(message),
    )
