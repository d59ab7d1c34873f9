"""The fast path does what the loop does, whatever the messages; the usual ones it takes, and keeps nothing of them."""

import gc
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.events.instants import iso, iso_text
from app.events.message import instant_ms
from app.segments.compiler.event_code import Handler
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition import fast_path
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord

ROOT = Path(__file__).parents[4]
SHIPPED = {path.name: path.read_text("utf-8") for path in (ROOT / "deploy" / "segments").glob("*.yaml")}
RULES = TimeRules()
PROGRAM = compile_catalog(load_catalog(SHIPPED), RULES)
START = "2026-01-05T00:00:00.000Z"
MINUTE_MS = 60_000

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the fast path is not built")


def test_it_was_built() -> None:
    assert fast_path.BUILT


# ---- the same as the loop


def played(records: list[PipedRecord], *, fast: bool, keyed: bool, batch: int) -> list[Any]:
    """All that can be seen of a partition that was given these records."""
    partition = Partition(PROGRAM, RULES, keyed=keyed, fast=fast)
    seen: list[Any] = [
        told(partition.process(records[start : start + batch])) for start in range(0, len(records), batch)
    ]
    seen.append(told(partition.advance(partition.clock_ms + 40 * 24 * 60 * MINUTE_MS)))
    return [*seen, partition.members(), partition.position()]


def told(batch: Batch) -> list[Any]:
    dead = [(letter.record.offset, letter.reason, letter.detail, letter.position) for letter in batch.dead]
    late = [(event.record.offset, event.late_ms) for event in batch.late]
    counts = (batch.kinds, batch.accepted, batch.duplicates, batch.timers, dict(batch.counted))
    return [[change.encode() for change in batch.changes], batch.profiles, dead, late, counts, batch.clock_ms]


def times() -> st.SearchStrategy[str]:
    """Mostly within the hour after the start; the others odd."""
    start_ms = instant_ms(START)
    near = st.integers(-3 * 60 * MINUTE_MS, 60 * MINUTE_MS).map(lambda after_ms: iso(start_ms + after_ms))
    odd = st.sampled_from(
        ["2026-01-05T00:10:00Z", "2026-01-05 00:10:00.000Z", "2026-02-29T00:00:00.000Z", "2026-01-05T24:00:00.000Z", ""]
    )
    far = st.sampled_from(["1969-12-31T23:59:59.999Z", "9001-01-01T00:00:00.000Z", "2031-01-05T00:00:00.000Z"])
    return st.one_of(near, near, near, near, odd, far)


USERS = st.sampled_from(["ann", "bob", "ann", "bob", "zoë", "", "x" * 65, "n\x00", 7, None])
TEXTS = st.sampled_from(["a", "shoes", "cta", "SHO-101", "google", "DE", "é", "", None, 5, 1e400, [1], {"a": 1}, True])
PROPERTIES = st.dictionaries(
    st.sampled_from(["product_id", "category", "price", "quantity", "id", "name", "percent", "order_id", "form_id"]),
    st.one_of(TEXTS, st.integers(-3, 2**70), st.floats(allow_nan=False)),
    max_size=4,
)
CONTEXTS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.just("text"),
    st.fixed_dictionaries(
        {},
        optional={
            "campaign": st.one_of(st.none(), st.dictionaries(st.just("source"), TEXTS)),
            "location": st.one_of(st.just(3), st.dictionaries(st.just("country"), TEXTS)),
            "device": st.one_of(st.just([]), st.dictionaries(st.just("type"), TEXTS)),
            "traits": st.dictionaries(st.just("age"), TEXTS),
        },
    ),
)
KINDS = st.sampled_from(
    ["track", "track", "track", "page", "page", "screen", "identify", "group", "watermark", "dance"]
)
NAMES = st.sampled_from(["Product Viewed", "Product Added", "Order Completed", "Element Clicked", "Nobody Asks", None])
MESSAGES = st.fixed_dictionaries(
    {"type": KINDS},
    optional={
        "event": NAMES,
        "anonymousId": USERS,
        "userId": st.sampled_from(["ann", "ann", "", None, 5]),
        "messageId": st.sampled_from(["m1", "m2", "m3", "m4", "ü", 17, None]),
        "timestamp": times(),
        "receivedAt": times(),
        "sentAt": times(),
        "originalTimestamp": times(),
        "properties": st.one_of(PROPERTIES, st.just("none")),
        "traits": PROPERTIES,
        "context": CONTEXTS,
        "name": TEXTS,
    },
)
USUAL = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "page"]),
        "event": NAMES,
        "anonymousId": st.sampled_from(["ann", "bob"]),
        "messageId": st.integers(0, 30).map(str),
        "timestamp": st.integers(0, 100).map(lambda minute: iso(instant_ms(START) + minute * MINUTE_MS)),
        "properties": PROPERTIES,
        "context": st.fixed_dictionaries(
            {"location": st.fixed_dictionaries({"country": st.sampled_from(["DE", "US"])})}
        ),
    }
)
KEYS = st.sampled_from(["own", "own", "own", "other", "none"])


@given(
    events=st.lists(st.tuples(st.one_of(USUAL, USUAL, MESSAGES), KEYS, st.integers(-1, 5)), max_size=25),
    keyed=st.booleans(),
    batch=st.integers(1, 25),
)
def test_it_does_what_the_loop_does(events: list[tuple[dict[str, Any], str, int]], *, keyed: bool, batch: int) -> None:
    records = []
    for offset, (message, key, minute) in enumerate(events):
        user = message.get("userId") or message.get("anonymousId") or ""
        keys = {"own": str(user).encode(), "other": b"eve", "none": None}
        at_ms = instant_ms(START) + minute * MINUTE_MS if minute >= 0 else -1
        value = json.dumps(message).replace("Infinity", "1e400").encode()
        records.append(PipedRecord(offset, at_ms, keys[key], value))
    assert played(records, fast=True, keyed=keyed, batch=batch) == played(records, fast=False, keyed=keyed, batch=batch)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=40), st.just(b"{}"), st.just(b'{"type":"page"}')), max_size=6))
def test_what_is_no_message_becomes_a_dead_letter_as_in_the_loop(values: list[bytes | None]) -> None:
    records = [PipedRecord(offset, 0, b"u", value) for offset, value in enumerate(values)]
    assert played(records, fast=True, keyed=True, batch=9) == played(records, fast=False, keyed=True, batch=9)


def entries(when: str, messages: list[dict[str, Any]], *, fast: bool) -> list[int]:
    """After which of the messages somebody entered or left."""
    partition = Partition(
        compile_catalog(load_catalog({"s.yaml": f"segment: s\nwhen: {when}\n"}), RULES), RULES, fast=fast
    )
    records = [
        PipedRecord(n, -1, b"u", msgspec.json.encode({"type": "page"} | said)) for n, said in enumerate(messages)
    ]
    return [record.offset for record in records if partition.process([record]).changes]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "loop"])
def test_an_older_event_that_says_the_same_makes_nothing_older(*, fast: bool) -> None:
    said = [("00:20:00", "US"), ("00:05:00", "US"), ("00:10:00", "DE"), ("00:21:00", "DE")]
    messages = [
        {"anonymousId": "u", "timestamp": f"2026-01-05T{time}.000Z", "context": {"location": {"country": country}}}
        for time, country in said
    ]
    assert entries("context.location.country = 'DE'", messages, fast=fast) == [3]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "loop"])
def test_only_an_earlier_event_changes_a_first_value(*, fast: bool) -> None:
    said: list[tuple[str, Any]] = [
        ("00:10:00", None),
        ("00:20:00", "US"),
        ("00:20:00", "DE"),
        ("00:21:00", "DE"),
        ("00:15:00", "DE"),
        ("00:12:00", None),
        ("00:22:00", "US"),
        ("00:11:00", "US"),
    ]
    messages = [
        {"anonymousId": "u", "timestamp": f"2026-01-05T{time}.000Z", "context": {"location": {"country": country}}}
        for time, country in said
    ]
    assert entries("first(context.location.country) = 'DE'", messages, fast=fast) == [4, 7]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "loop"])
def test_who_is_identified_from_now_on_is_noticed(*, fast: bool) -> None:
    messages: list[dict[str, Any]] = [{"anonymousId": "u"}, {"anonymousId": "u"}, {"userId": "u"}, {"userId": "u"}]
    assert entries("user.identified", [{"timestamp": START} | said for said in messages], fast=fast) == [2]


@pytest.mark.parametrize("names", [1, 2, 8, 9, 12])
@pytest.mark.parametrize("fast", [True, False], ids=["fast", "loop"])
def test_a_value_may_lie_as_deep_as_it_likes(names: int, *, fast: bool) -> None:
    def said(value: str) -> dict[str, Any]:
        context: Any = value
        for name in reversed("abcdefghijkl"[:names]):
            context = {name: context}
        return {"anonymousId": "u", "timestamp": START, "context": context}

    when = f"context.{'.'.join('abcdefghijkl'[:names])} = 'x'"
    silent = {"anonymousId": "u", "timestamp": START}
    messages = [silent, said("y"), said("x"), said("x"), silent, said("z")]
    assert entries(when, messages, fast=fast) == [2, 5]


# ---- events that it accepts


@given(st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31)))  # noqa: DTZ001  # text without a zone is wanted
def test_it_reads_times_as_the_loop_does(moment: datetime) -> None:
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000:03d}Z"
    assert clock_after(text) == instant_ms(text)


YEAR_1_MS, YEAR_9999_END_MS = -62_135_596_800_000, 253_402_300_799_999


@given(st.integers(YEAR_1_MS, YEAR_9999_END_MS) | st.integers(0, 4 * 10**12))
@example(YEAR_1_MS)
@example(YEAR_9999_END_MS)
@example(-1)
def test_it_writes_times_as_python_does(instant: int) -> None:
    assert iso is not iso_text
    assert iso(instant) == iso_text(instant)


@pytest.mark.parametrize("instant", [YEAR_1_MS - 1, YEAR_9999_END_MS + 1, 10**30])
@pytest.mark.parametrize("write", [iso, iso_text])
def test_a_time_outside_of_the_calendar_is_an_error(write: Callable[[int], str], instant: int) -> None:
    with pytest.raises(OverflowError):
        write(instant)


@pytest.mark.parametrize(
    "day", ["2023-02-29", "2024-02-30", "2100-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00"]
)
def test_a_day_that_does_not_exist_is_left_to_the_loop(day: str) -> None:
    assert clock_after(f"{day}T00:00:00.000Z") is None


def clock_after(text: str) -> int | None:
    """Returns the clock after an event, as the fast path reads its time; None if it left the event."""
    partition = Partition(PROGRAM, replace(RULES, disorder_ms=0))
    value = msgspec.json.encode({"type": "page", "anonymousId": "u", "timestamp": text})
    batch = partition.process([PipedRecord(0, -1, b"u", value)])
    return batch.clock_ms if batch.quickly else None


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"userId": "u"},
        {"receivedAt": "2026-01-05T00:00:01.000Z"},
        {"receivedAt": "2026-01-05T00:00:01.000Z", "originalTimestamp": START, "sentAt": "2026-01-05T00:00:00.500Z"},
        {"type": "page", "name": "Home"},
        {"type": "identify", "traits": {"age": 30}},
        {"messageId": None},
    ],
    ids=["a track", "with a userId", "received", "sent", "a page", "an identify", "without an id"],
)
def test_it_takes_what_is_usual(more: dict[str, Any]) -> None:
    usual = {"type": "track", "event": "Product Viewed", "anonymousId": "u", "timestamp": START, "messageId": "m1"}
    properties = {"properties": {"product_id": "p", "price": 5}, "context": {"location": {"country": "DE"}}}
    values = [msgspec.json.encode(usual | properties | more | {"number": number}) for number in range(2)]
    if more.get("messageId", "") is not None:
        values[1] = values[1].replace(b'"m1"', b'"m2"')
    batch = Partition(PROGRAM, RULES).process([PipedRecord(n, -1, b"u", value) for n, value in enumerate(values)])
    assert (batch.accepted, batch.quickly) == (2, 2)


@pytest.mark.parametrize(
    "condition",
    [
        "until(traits.ends) > 0s or until_anniversary(traits.ends) <= 3d",
        "count(page from '2026-01-01' to '2026-02-01') >= 1",
        "exists(page) and hour_of_day(context.timezone) >= 18",
        "exists(page where hour_of_day(context.timezone) < 18 and timestamp > '2026-01-01')",
        "days(page within 7d) >= 1 and weeks(page within 7d) = 1 and months(page) = 1 and streak(page) >= 1",
        "avg(price of last 3 page) > 1 or median(price of page within 1d) > 1 or percentile(90, price of page) > 1",
        "exists(page where any products (price > 1 and quantity > 1) and count(products) = 1)",
        "sum(products.price * products.quantity of page within 1d) > 1",
        "exists(sequence(page then no 'A' then page within 1h))",
        "exists(page where coupon is missing and lower(path) = '/a' and version(build) >= '2.10')",
        "near(context.location, 52.52, 13.40, 25km)",
        "first(context.campaign.source) = 'google'",
        "exists(page) and (user.id = 'u' or bucket('a') < 50 or list('vip'))",
        "entered('other' within 7d) or left('other') or since_left('other') > 1d or times('other') > 1",
        "cart.items > 0",
    ],
)
def test_it_takes_the_events_of_each_expression(condition: str) -> None:
    """Both call the Python that was compiled of a definition: none of it is left to the loop."""
    files = {"s.yaml": f"segment: s\nwhen: {msgspec.json.encode(condition).decode()}\n"}
    program = compile_catalog(
        load_catalog(files | {"other.yaml": "segment: other\nwhen: exists(page within 1h)\n"}), RULES
    )
    said = {
        "properties": {"path": "/A", "build": "2.11", "price": 5, "products": [{"price": 2, "quantity": 3}]},
        "context": {
            "timezone": "Asia/Kolkata",
            "location": {"latitude": 52.5, "longitude": 13.4},
            "campaign": {"source": "google"},
            "traits": {"ends": "2026-01-07"},
        },
    }
    usual = {"type": "page", "userId": "u", "timestamp": START}
    added = usual | {"type": "track", "event": "Product Added", "properties": {"product_id": "p"}}
    values = [msgspec.json.encode(each) for each in (usual | said, usual | said, added)]
    batch = Partition(program, RULES).process([PipedRecord(n, -1, b"u", value) for n, value in enumerate(values)])
    assert (batch.accepted, batch.quickly) == (3, 3)


def test_who_wants_to_watch_each_record_gets_the_loop() -> None:
    value = msgspec.json.encode({"type": "page", "anonymousId": "u", "timestamp": START})
    assert Partition(PROGRAM, RULES).process(iter([PipedRecord(0, -1, b"u", value)])).quickly == 0


# ---- state that it keeps, and arguments that it refuses


@pytest.mark.long
def test_it_keeps_nothing_of_a_batch() -> None:
    events = [
        {
            "type": ("track", "page", "dance")[number % 3],
            "event": "Product Viewed",
            "anonymousId": f"u{number % 7}",
            "messageId": f"m{number % 90}",
            "timestamp": iso(instant_ms(START) + number * MINUTE_MS),
            "properties": {"product_id": f"p{number % 5}", "category": "shoes", "price": number},
            "context": {"location": {"country": ("DE", "US", None)[number % 3]}},
        }
        for number in range(100)
    ]
    records = [PipedRecord(n, -1, b"u%d" % (n % 7), msgspec.json.encode(event)) for n, event in enumerate(events)]

    def blocks_after(rounds: int) -> int:
        for _ in range(rounds):
            Partition(PROGRAM, RULES).process(records)
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks_after(50)
    assert blocks_after(200) - before < 2_000  # one object lost an event would be 20,000


def test_a_failure_of_a_definition_comes_through() -> None:
    def breaks(*_: Any) -> int:
        raise ZeroDivisionError("broken")

    program = replace(PROGRAM, track_handlers={"Broken": Handler(breaks, None, None, ())})
    value = msgspec.json.encode({"type": "track", "event": "Broken", "anonymousId": "u", "timestamp": START})
    partition = Partition(program, RULES)
    with pytest.raises(ZeroDivisionError, match="broken"):
        partition.process([PipedRecord(0, -1, b"u", value)])


def test_it_says_what_it_wants() -> None:
    from app.segments.partition._fast_path import FastPath

    with pytest.raises(TypeError, match="FastPath wants decode"):
        FastPath()
    with pytest.raises(TypeError, match="FastPath wants records"):
        next(FastPath.__new__(FastPath))


def test_constants_of_another_build_are_refused() -> None:
    built = SimpleNamespace(**(fast_path.CONSTANTS | {"VISIT_LENGTH": 6}))
    with pytest.raises(RuntimeError, match="VISIT_LENGTH = 6, Python has 7"):
        fast_path.check_constants(built)
