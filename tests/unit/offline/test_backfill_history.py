"""The history before a topic, out of files: each event once, and nothing of who was erased."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.errors import UserError
from app.events.instants import iso
from app.offline.backfill_history import OVERLAP_MS, History, HistoryRecord, Seam
from app.offline.warehouse_files import stored_events
from app.runtime.records.erasure_events import encode_erasure
from app.segments.evaluation.batch import ErasureStep
from app.segments.evaluation.time_rules import TimeRules
from app.settings import load_settings
from app.warehouse.export import PartitionExport
from app.warehouse.store import open_store
from app.warehouse.tables import wanted_tables

BEGIN_MS = 1_767_225_600_000
RULES = TimeRules()
MINUTE_MS = 60_000


def event(user: str, at_ms: int, number: object = None, **said: Any) -> bytes:
    named = {} if number is None else {"messageId": f"m{number}"}
    at = iso(BEGIN_MS + at_ms)
    return json.dumps({"type": "track", "event": "A", "userId": user, "timestamp": at} | named | said).encode()


def record(offset: int, value: bytes, at_ms: int = 0) -> HistoryRecord:
    key = json.loads(value).get("userId")
    return HistoryRecord(offset, BEGIN_MS + at_ms, None if key is None else key.encode(), value)


def file_of(folder: Path, events: Iterable[bytes]) -> Path:
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(events) + b"\n")
    return path


def seam_of(*records: HistoryRecord) -> Seam:
    seam = Seam(records[0].offset)
    seam.note(records)
    return seam


def ids(history: History, seam: Seam, since_ms: int | None = None) -> list[str | None]:
    told = history.records([seam], RULES, since_ms=since_ms)
    return [json.loads(each.value or b"").get("messageId") for _, each in told]


def test_an_event_that_is_in_the_files_and_in_the_topic_is_history_once(tmp_path: Path) -> None:
    topic = [event("ann", 5 * MINUTE_MS, 5), event("ann", 6 * MINUTE_MS, 6)]
    own = [event("ann", number * MINUTE_MS, number) for number in range(4)]
    late = event("ann", 7 * MINUTE_MS, "in no topic")
    history = History("files", (file_of(tmp_path, [*own, *topic, late]),))
    seam = seam_of(*(record(40 + at, value, 5 * MINUTE_MS) for at, value in enumerate(topic)))
    assert ids(history, seam) == ["m0", "m1", "m2", "m3", "min no topic"]
    assert (history.taken, history.twice) == (5, 2)


def test_events_without_an_id_are_cut_at_the_first_record_of_the_topic(tmp_path: Path) -> None:
    seam = seam_of(record(7, event("ann", 0), 0))
    events = [event("ann", -1), event("ann", 0), event("ann", OVERLAP_MS, 1), event("ann", OVERLAP_MS - 1, 2)]
    assert ids(History("files", (file_of(tmp_path, events),)), seam) == [None, "m2"]


def test_since_leaves_out_what_is_older(tmp_path: Path) -> None:
    history = History("files", (file_of(tmp_path, [event("ann", -2, 1), event("ann", -1, 2)]),))
    assert ids(history, seam_of(record(7, event("ann", 0), 0)), since_ms=BEGIN_MS - 1) == ["m2"]


def test_nothing_of_who_was_erased_comes_back(tmp_path: Path) -> None:
    history = History("files", (file_of(tmp_path, [event("ann", -9, 1), event("ann", -5, 2), event("ben", -9, 3)]),))
    step = ErasureStep(id="ab", user="ann", at_ms=0, result="erased", key="ann", until_ms=BEGIN_MS - 6)
    history.note_erasures([HistoryRecord(0, 0, b"ann", encode_erasure(step))])
    assert ids(history, seam_of(record(7, event("ann", 0), 0))) == ["m2", "m3"]


def test_files_that_hold_nothing_older_are_an_error(tmp_path: Path) -> None:
    history = History("files", (file_of(tmp_path, [event("ann", 0, 1)]),))
    with pytest.raises(UserError, match="nothing from before the topic"):
        ids(history, seam_of(record(7, event("ann", 0, 1), 0)))


def test_files_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        History("files", (tmp_path / "none.jsonl",))
    with pytest.raises(UserError, match="no Parquet file"):
        History("parquet", (tmp_path,))


def exported(folder: Path, partitions: list[list[HistoryRecord]]) -> None:
    settings = load_settings({}, warehouse_tables="events")
    (table,) = wanted_tables(settings)
    store = open_store(str(folder))
    for number, records in enumerate(partitions):
        some = [Kept(**each._asdict(), headers=[]) for each in records]
        PartitionExport(store, table, number, settings).write(some, records[-1].offset + 1)


class Kept(msgspec.Struct):
    """A record as a reader gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Any]


def test_events_of_a_warehouse_are_history_up_to_the_first_offset_of_the_topic(tmp_path: Path) -> None:
    said = {"properties": {"price": 5}, "context": {"campaign": {"source": "x"}}}
    values = [event("ann", at * MINUTE_MS, at, **said) for at in range(6)]
    control = b'{"type":"control","deed":"filled","app":"a","id":"b","from":"","to":"","n":0,"at_ms":0}'
    log = [record(at, value, at * MINUTE_MS) for at, value in enumerate(values)]
    exported(tmp_path, [[*log, HistoryRecord(6, BEGIN_MS, None, control)]])
    history = History("parquet", (tmp_path,))
    told = [each for _, each in history.records([Seam(4)], RULES, since_ms=None)]
    assert [each.offset for each in told] == [0, 1, 2, 3]
    first = json.loads(told[0].value or b"")
    assert first["properties"] == said["properties"]
    assert (told[0].key, first["messageId"], told[0].timestamp) == (b"ann", "m0", BEGIN_MS)
    assert (history.taken, history.twice) == (4, 2)


def test_events_of_a_warehouse_are_in_the_order_of_their_logs(tmp_path: Path) -> None:
    times = [[0, 50, 10, 90], [5, 60, 70]]
    logs = [
        [record(at, event("ann", t, f"{number}-{at}"), t) for at, t in enumerate(own)]
        for number, own in enumerate(times)
    ]
    exported(tmp_path, logs)
    told = [(each.partition, each.offset) for each in stored_events(History("parquet", (tmp_path,)).paths)]
    assert told == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (1, 2), (0, 3)]


def test_files_of_a_topic_with_other_partitions_are_an_error(tmp_path: Path) -> None:
    exported(tmp_path, [[record(0, event("ann", 0, 1))], [record(0, event("ann", 0, 2))]])
    with pytest.raises(UserError, match="is not from this topic"):
        ids(History("parquet", (tmp_path,)), Seam(4))


def test_other_parquet_files_are_an_error(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "other.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'track' AS type) TO '{path}'")
    with pytest.raises(UserError, match="has no column kafka_partition"):
        ids(History("parquet", (path,)), Seam(4))


def test_other_files_are_another_history(tmp_path: Path) -> None:
    path = file_of(tmp_path, [event("ann", 0)])
    before = History("files", (path,)).name
    assert History("files", (path,)).name == before
    file_of(tmp_path, [event("ann", 0), event("ann", 1)])
    assert History("files", (path,)).name != before
