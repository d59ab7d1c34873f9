"""Keys of one person come to the same wherever a batch ends."""

import json

import pytest
from msgspec.structs import replace

from app.events.instants import iso
from app.events.link_record import Link, read_link, write_link
from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tables import profile as profiles
from tables.identity import DAY_MS

START_MS = 1_767_571_200_000
MINUTE_MS = 60_000
ORDERED = {"catalog.yaml": "order: {wait: 30s}\n", "identity.yaml": ""}
DEFINITIONS = {"viewers.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 2\n"}


@pytest.mark.parametrize("size", [1, 2, 4])
def test_who_was_forgotten_before_a_give_came_has_no_claims(size: int) -> None:
    rules = TimeRules(retention_ms=3 * DAY_MS)
    program = compile_catalog(load_catalog(DEFINITIONS | {"identity.yaml": ""}), rules)
    guest = Partition(program, rules)
    user = Partition(program, rules)

    def record(offset: int, key: str, at_ms: int, **ids: str) -> FileRecord:
        message = {"type": "track", "event": "View", "timestamp": iso(at_ms), **ids}
        return FileRecord(offset, at_ms, key.encode(), json.dumps(message).encode())

    later_ms = START_MS + 4 * DAY_MS
    first = record(0, "u", START_MS, userId="u", anonymousId="a")
    (ask,) = user.process([first]).links
    guest.process([record(0, "a", later_ms, anonymousId="a")])
    (give,) = guest.process([FileRecord(1, later_ms, b"a", ask.value)]).links
    again = Partition(program, rules)
    records = [
        first,
        record(1, "w", later_ms, userId="w"),
        record(2, "w", later_ms + 1, userId="w"),
        FileRecord(3, later_ms, b"u", give.value),
    ]
    for start in range(0, len(records), size):
        again.process(records[start : start + size])
    profile = again.profile("u")
    assert profile is not None
    assert profile.identity is not None
    assert profile.identity.claims == {}
    assert profile.highest_ms == later_ms


def test_a_forwarded_event_that_a_profile_has_seen_before_a_crash_moves_the_clock_all_the_same() -> None:
    rules = TimeRules()
    program = compile_catalog(load_catalog(DEFINITIONS | {"identity.yaml": ""}), rules)
    event = {"type": "track", "event": "View", "anonymousId": "a", "timestamp": iso(START_MS + 60_000)}
    forward = Link(step="forward", app=rules.app, id="x", source="a", to="u", path=("a",))
    link = replace(forward, event=json.dumps(event), record_ms=START_MS + 60_000)
    first = {"type": "track", "event": "View", "userId": "u", "timestamp": iso(START_MS)}
    records = [
        FileRecord(0, START_MS, b"u", json.dumps(first).encode()),
        FileRecord(1, START_MS + 60_000, b"u", write_link(link)),
    ]
    whole = Partition(program, rules)
    profile = whole.process(records).profiles["u"]
    again = Partition(program, rules)
    again.restore("u", profile, offset=2)  # written before the position, by a worker that died then
    again.process(records)
    assert again.clock_ms == whole.clock_ms
    assert again.profile("u") == whole.profile("u")


def waiting_give() -> bytes:
    """The give of an id that has one event waiting for those before it."""
    guest = Partition(compile_catalog(load_catalog(DEFINITIONS | ORDERED), TimeRules()), TimeRules())
    ask = Link(step="ask", app="shoal", id="x", source="a", to="u", n=1, at_ms=START_MS, why="seen")
    records = [record_of(0, "a", START_MS), FileRecord(1, START_MS, b"a", write_link(ask))]
    (give,) = guest.process(records).links
    return give.value


def record_of(offset: int, key: str, at_ms: int) -> FileRecord:
    """An event of an anonymous id."""
    message = {"type": "track", "event": "View", "anonymousId": key, "messageId": key, "timestamp": iso(at_ms)}
    return FileRecord(offset, at_ms, key.encode(), json.dumps(message).encode())


def test_a_user_of_whom_only_events_of_an_id_wait_is_due_when_their_turn_comes() -> None:
    user = Partition(compile_catalog(load_catalog(DEFINITIONS | ORDERED), TimeRules()), TimeRules())
    records = [record_of(0, "w", START_MS - MINUTE_MS), FileRecord(1, START_MS, b"u", waiting_give())]
    encoded = user.process(records).profiles["u"]
    assert encoded is not None
    assert profiles.decode(encoded).waiting is not None
    assert profiles.timer_of(encoded) == START_MS
    user.advance(START_MS + MINUTE_MS)
    assert not user.overdue
    assert user.profile("u") is not None


@pytest.mark.parametrize("size", [1, 3])
def test_events_that_waited_elsewhere_are_taken_at_once_where_there_is_no_order(size: int) -> None:
    program = compile_catalog(load_catalog(DEFINITIONS | {"identity.yaml": ""}), TimeRules())
    user = Partition(program, TimeRules())
    records = [
        record_of(0, "w", START_MS - MINUTE_MS),
        FileRecord(1, START_MS, b"u", waiting_give()),
        record_of(2, "u", START_MS + 1),
    ]
    batches = [user.process(records[start : start + size]) for start in range(0, len(records), size)]
    (change,) = [change for batch in batches for change in batch.changes]
    assert change.cause.message_id == "u", "the view that waited was the first"


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("size", [1, 2])
def test_a_login_of_a_user_who_was_moved_by_force_is_one_of_whom_they_are_now(size: int, ordered: bool) -> None:
    """Wherever a batch ends, and whether the event waits or not."""
    rules = TimeRules()
    definitions = DEFINITIONS | (ORDERED if ordered else {"identity.yaml": ""})
    partition = Partition(compile_catalog(load_catalog(definitions), rules), rules)
    event = {"type": "track", "event": "View", "userId": "u", "anonymousId": "b", "timestamp": iso(START_MS)}
    forward = Link(step="forward", app=rules.app, id="x", source="u", to="a", path=("u",))
    value = write_link(replace(forward, event=json.dumps(event), record_ms=START_MS))
    records = [FileRecord(0, START_MS, b"a", value), record_of(1, "w", START_MS + MINUTE_MS)]
    batches = [partition.process(records[start : start + size]) for start in range(0, len(records), size)]
    profile = partition.profile("a")
    assert profile is not None
    assert profile.identified
    asks = [read_link(link.value) for batch in batches for link in batch.links]
    assert [(ask.step, ask.source, ask.to) for ask in asks] == [("ask", "b", "a")]
