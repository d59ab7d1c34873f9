"""Odd values in one event: each way in takes or refuses that event as the others do, and takes all others."""

import codecs
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import pytest

from app.events.message import MessageDecoder, MessageError
from app.events.user_ids import UserIds
from app.intake.transform import transform
from app.offline.backtest import Backtest, FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.service.incoming.event_batch import IncomingBatch, read_batch, read_ga4, validate_events
from app.service.incoming.pushed import Pushed, PushedRecord, read_firehose, read_pubsub
from tests.destinations.making import Record

NOW_MS = 1_767_225_600_000
RULES = TimeRules()
CATALOG = load_catalog({"a.yaml": "segment: a\nwhen: count('A' where v != 5) > 9"})
TAKEN: dict[str, bytes] = {
    "beyond a double": b"1e400",
    "below a double": b"-1e400",
    "hundreds of digits": b"9" * 400,
    "thousands of digits": b"9" * 5_000,
    "a number in a list": b'[1, {"b": 1e400}]',
    "a whole pair": b'"\\ud83d\\ude00"',
    "the replacement character": '"\ufffd"'.encode(),
    "a byte order mark in a text": '"\ufeff"'.encode(),
    "NUL": b'"\\u0000"',
    "null": b"null",
}
REFUSED: dict[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"[-Infinity]",
    "the first half of a pair": b'"a\\ud800b"',
    "the second half of a pair": b'"\\udc00"',
    "a pair the wrong way round": b'"\\ude00\\ud83d"',
    "half of a pair as a name": b'{"\\ud800": 1}',
    "a byte that is no UTF-8": b'"\xff"',
}
TABLE = [
    *(pytest.param(value, True, id=name) for name, value in TAKEN.items()),
    *(pytest.param(value, False, id=name) for name, value in REFUSED.items()),
]


def event(value: bytes) -> bytes:
    head = b'{"type":"track","event":"A","userId":"u","timestamp":"2026-01-01T00:00:00Z","properties":{"v":'
    return head + value + b"}}"


@dataclass
class Records:
    """Records of one topic: a good one, the odd one, a good one."""

    values: tuple[bytes, ...]

    def __init__(self, value: bytes) -> None:
        self.values = (event(b"1"), event(value), event(b"2"))


def by_kafka(value: bytes) -> list[tuple[int, str]]:
    records = [FileRecord(n, NOW_MS, b"u", each) for n, each in enumerate(Records(value).values)]
    batch = Partition(compile_catalog(CATALOG, RULES), RULES).process(records)
    return [(letter.record.offset, letter.reason) for letter in batch.dead]


def by_backtest(value: bytes) -> list[tuple[int, str]]:
    backtest = Backtest(CATALOG, RULES)
    backtest.process(0, [FileRecord(n, -1, b"u", each) for n, each in enumerate(Records(value).values)])
    return [(1, reason) for reason in backtest.finish().dead.elements()]


def by_intake(value: bytes, shape: str = "segment") -> list[tuple[int, str]]:
    records = [Record(n, each, b"u", NOW_MS) for n, each in enumerate(Records(value).values)]
    return [(record.offset, reason) for record, reason, _ in taken_in(records, shape)]


def taken_in(records: list[Record], shape: str) -> list[tuple[Record, str, str]]:
    found = transform(
        records,
        topic="web",
        partition=0,
        shape=shape,
        partitions=1,
        skew_max_ms=RULES.skew_max_ms,
        now_ms=NOW_MS,
        user_ids=UserIds(),
    )
    if shape == "ga4":
        assert found.events == 3 - len(found.dead)
    return found.dead


def refused(incoming: IncomingBatch) -> list[tuple[int, str]]:
    found = validate_events(incoming, received_ms=NOW_MS, rules=RULES)
    assert len(found.rows) + len(found.refused) == 3
    return [(each.index, each.reason) for each in found.refused]


def by_http(value: bytes) -> list[tuple[int, str]]:
    return refused(read_batch(b'{"batch":[' + b",".join(Records(value).values) + b"]}"))


def ga4(value: bytes) -> bytes:
    events = (b'{"name":"A","params":{"v":%s}}' % each for each in (b"1", value, b"2"))
    return b'{"client_id":"u","events":[' + b",".join(events) + b"]}"


def by_ga4(value: bytes) -> list[tuple[int, str]]:
    return refused(read_ga4(ga4(value)))


def pushed(read: Pushed) -> list[tuple[int, str]]:
    return refused(IncomingBatch([record.event for record in read.records]))


def by_firehose(value: bytes) -> list[tuple[int, str]]:
    records = [{"data": b64encode(each).decode()} for each in Records(value).values]
    return pushed(read_firehose(json.dumps({"records": records}).encode(), {"x-amz-firehose-request-id": "r"}))


def by_pubsub(value: bytes, *, wrapped: bool = True) -> list[tuple[int, str]]:
    """Three requests of one message each."""
    messages: list[PushedRecord] = []
    for each in Records(value).values:
        body = json.dumps({"message": {"data": b64encode(each).decode()}}).encode() if wrapped else each
        messages += read_pubsub(body, {}).records
    return pushed(Pushed(iter(messages), 3, None))


def by_unwrapped_pubsub(value: bytes) -> list[tuple[int, str]]:
    return by_pubsub(value, wrapped=False)


def by_intake_of_ga4(value: bytes) -> list[tuple[int, str]]:
    return [(1, reason) for _, reason, _ in taken_in([Record(0, ga4(value), b"u", NOW_MS)], "ga4")]


WAYS = [
    by_kafka,
    by_backtest,
    by_intake,
    by_http,
    by_ga4,
    by_intake_of_ga4,
    by_firehose,
    by_pubsub,
    by_unwrapped_pubsub,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("value", "is_taken"), TABLE)
def test_an_odd_value_costs_at_most_its_own_event(way: object, value: bytes, is_taken: bool) -> None:
    assert callable(way)
    assert way(value) == ([] if is_taken else [(1, "invalid-json")])


def test_an_event_of_ga4_without_a_name_is_refused_alone() -> None:
    body = b'{"client_id":"u","events":[{"name":"A"},{"params":{}},{"name":"B"}]}'
    assert refused(read_ga4(body)) == [(1, "invalid-message")]


def test_a_byte_order_mark_before_a_request_is_left_out() -> None:
    body = codecs.BOM_UTF8 + b'{"batch":[' + b",".join([event(b"1")] * 3) + b"]}"
    assert refused(read_batch(body)) == []


def reasons(value: bytes) -> list[list[str]]:
    """Reasons for which the ways of records refuse one: Kafka, backtest, intake, intake of GA4."""
    partition = Partition(compile_catalog(CATALOG, RULES), RULES)
    backtest = Backtest(CATALOG, RULES)
    backtest.process(0, [FileRecord(0, -1, b"u", value)])
    return [
        [letter.reason for letter in partition.process([FileRecord(0, NOW_MS, b"u", value)]).dead],
        list(backtest.finish().dead.elements()),
        [reason for _, reason, _ in taken_in([Record(0, value, b"u", NOW_MS)], "segment")],
    ]


def test_a_byte_order_mark_before_a_record_is_left_out() -> None:
    assert reasons(codecs.BOM_UTF8 + event(b"1")) == [[], [], []]
    body = codecs.BOM_UTF8 + b'{"client_id":"u","events":[{"name":"A"},{"name":"B"},{"name":"C"}]}'
    assert taken_in([Record(0, body, b"u", NOW_MS)], "ga4") == []


def test_a_second_byte_order_mark_is_no_json() -> None:
    assert reasons(codecs.BOM_UTF8 * 2 + event(b"1")) == [["invalid-json"]] * 3


def test_an_event_behind_a_byte_order_mark_means_what_it_means_without() -> None:
    decoder = MessageDecoder([("page", "path")])
    value = b'{"type":"page","userId":"u","context":{"page":{"path":"/a"}},"properties":{"v":1}}'
    found = decoder.decode(codecs.BOM_UTF8 + value)
    assert found == decoder.decode(value)
    assert found.context.__class__ is not dict


def test_the_position_of_an_error_behind_a_byte_order_mark_is_that_in_the_record() -> None:
    with pytest.raises(MessageError) as told:
        MessageDecoder().decode(codecs.BOM_UTF8 + b'{"type":x}')
    assert told.value.position == 11


# ---- numbers that come as text, and long texts


def written(rows: list[Any]) -> list[bytes]:
    return [row.value for row in rows]


def records_of(way: str, value: bytes) -> list[bytes]:
    """The records of the clickstream that a way in makes of an event with that value, or a backtest reads."""
    if way in ("http", "ga4"):
        body = b'{"client_id":"u","events":[{"name":"A","params":{"v":%s}}]}' % value
        incoming = read_ga4(body) if way == "ga4" else read_batch(b'{"batch":[' + event(value) + b"]}")
        return written(validate_events(incoming, received_ms=NOW_MS, rules=RULES).rows)
    if way in ("pubsub", "firehose"):
        data = {"data": b64encode(event(value)).decode()}
        body = json.dumps({"message": data} if way == "pubsub" else {"records": [data]}).encode()
        read = read_pubsub if way == "pubsub" else read_firehose
        records = read(body, {"x-amz-firehose-request-id": "r"}).records
        events = IncomingBatch([record.event for record in records])
        return written(validate_events(events, received_ms=NOW_MS, rules=RULES).rows)
    if way == "intake":
        found = transform(
            [Record(0, event(value), b"u", NOW_MS)],
            topic="web",
            partition=0,
            shape="segment",
            partitions=1,
            skew_max_ms=RULES.skew_max_ms,
            now_ms=NOW_MS,
            user_ids=UserIds(),
        )
        return [row[1] or b"" for row in found.rows[0]]
    return [event(value)]


LONG = "/" + "p" * 1_200


@pytest.mark.parametrize("way", ["kafka", "backtest", "http", "intake", "ga4", "pubsub", "firehose"])
@pytest.mark.parametrize(
    ("when", "value", "is_in"),
    [
        ("sum(v of 'A') = 19.99", b'"19.99"', True),
        ("sum(v of 'A') = 0", b'"$19.99"', True),
        ("exists('A' where v >= 2 and v < 10)", b'"2"', True),
        ("exists('A' where v = 2)", b'"2,0"', False),
        (f"last(v of 'A') = '{LONG}'", f'"{LONG}"'.encode(), True),
        (f"last(v of 'A') = '{LONG}'", f'"{LONG}q"'.encode(), False),
        (f"key(count('A' per v)) = '{LONG}'", f'"{LONG}"'.encode(), True),
    ],
)
def test_a_value_means_the_same_by_every_way(way: str, when: str, value: bytes, is_in: bool) -> None:
    catalog = load_catalog({"a.yaml": f"segment: a\nwhen: {json.dumps(when)}\n"})
    records = [FileRecord(n, NOW_MS, None, each) for n, each in enumerate(records_of(way, value))]
    assert len(records) == 1
    if way == "backtest":
        backtest = Backtest(catalog, RULES)
        backtest.process(0, records)
        assert backtest.finish().inside.get("a", 0) == is_in
        return
    batch = Partition(compile_catalog(catalog, RULES), RULES, keyed=False).process(records)
    assert [change.change for change in batch.changes] == ["entered"] * is_in
