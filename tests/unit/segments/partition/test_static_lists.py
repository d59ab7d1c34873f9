"""Static lists: list records put users on them, and conditions ask for them."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from app.events.control_record import Control, write_control
from app.events.instants import iso
from app.events.list_record import ListRecord, is_list_name, read_list_record, write_list_record
from app.events.message import MessageError
from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition

START_MS = 1_767_225_600_000
RULES = TimeRules(retention_ms=10 * 86_400_000)
DEFINITIONS = {
    "vip.yaml": "segment: vip\nwhen: list('vip')\n",
    "seen.yaml": "segment: seen-vip\nwhen: list('vip') and count('View' within 1h) >= 1\n",
    "others.yaml": "segment: others\nwhen: not list('vip')\n",
    "score.yaml": "score: worth\npoints:\n  - when: list('gold')\n    add: 5\n",
    "gold.yaml": "segment: gold\nwhen: score('worth') >= 5\n",
}


class Feed:
    """One partition, and the changes of each record."""

    def __init__(self, definitions: dict[str, str] = DEFINITIONS) -> None:
        self.program = compile_catalog(load_catalog(definitions), RULES)
        self.partition = Partition(self.program, RULES)
        self.offset = 0
        self.profiles: dict[str, tuple[bytes | None, int]] = {}

    def take(self, key: str, value: bytes) -> list[tuple[str, str, dict[str, Any]]]:
        batch = self.partition.process([FileRecord(self.offset, START_MS, key.encode(), value)])
        self.offset += 1
        assert not batch.dead, batch.dead
        return self.gather(batch)

    def gather(self, batch: Batch) -> list[tuple[str, str, dict[str, Any]]]:
        for user, profile in batch.profiles.items():
            self.profiles[user] = profile, batch.next_offset
        changes = [json.loads(change.encode()) for change in batch.changes]
        return [(each["segment"], each["change"], each["cause"]) for each in changes]

    def event(self, user: str, at_ms: int, name: str = "View") -> list[tuple[str, str, dict[str, Any]]]:
        said = {"type": "track", "event": name, "userId": user, "timestamp": iso(START_MS + at_ms)}
        return self.take(user, json.dumps(said).encode())

    def listed(self, user: str, name: str = "vip", *, on: bool = True, app: str = "shoal") -> list[Any]:
        return self.take(user, write_list_record(ListRecord(app=app, name=name, on=on, at_ms=START_MS)))

    def restart(self) -> None:
        position = self.partition.position()
        self.partition = Partition(self.program, RULES)
        self.partition.restore_position(position)
        for user, (profile, offset) in self.profiles.items():
            self.partition.restore(user, profile, offset=offset)


LIST = {"kind": "list", "list": "vip"}


def test_a_user_enters_when_they_are_put_on_a_list_and_leaves_when_they_are_taken_off() -> None:
    feed = Feed()
    assert [change[:2] for change in feed.event("ann", 0)] == [("others", "entered")]
    assert feed.listed("ann") == [
        ("others", "exited", LIST),
        ("seen-vip", "entered", LIST),
        ("vip", "entered", LIST),
    ]
    assert feed.listed("ann") == [], "they are on it already"
    feed.restart()
    assert [change[:2] for change in feed.listed("ann", on=False)] == [
        ("others", "entered"),
        ("seen-vip", "exited"),
        ("vip", "exited"),
    ]


def test_a_list_reaches_segments_through_scores() -> None:
    feed = Feed()
    feed.event("ann", 0)
    assert feed.listed("ann", "gold") == [("gold", "entered", {"kind": "list", "list": "gold"})]
    assert feed.event("ann", 1_000) == []


def test_who_never_came_is_remembered_and_enters_with_their_first_event() -> None:
    feed = Feed()
    assert feed.listed("ann") == []
    feed.restart()
    assert [change[:2] for change in feed.event("ann", 1_000)] == [("seen-vip", "entered"), ("vip", "entered")]


def test_a_list_is_remembered_before_a_definition_asks_for_it() -> None:
    feed = Feed({"seen.yaml": "segment: seen\nwhen: count('View') >= 1\n"})
    feed.listed("ann", "early")
    feed.event("ann", 0)
    later = {"early.yaml": "segment: early\nwhen: list('early')\n"}
    feed.partition.adopt(compile_catalog(load_catalog(later), RULES), clock_ms=feed.partition.clock_ms)
    changes = feed.gather(feed.partition.sweep(10))
    assert ("early", "entered", {"kind": "catalog"}) in changes


def test_who_never_came_is_forgotten_after_the_retention() -> None:
    feed = Feed()
    feed.listed("ann")
    feed.partition.advance(START_MS + RULES.retention_ms - 1)
    assert feed.partition.users == 1
    feed.gather(feed.partition.advance(START_MS + RULES.retention_ms))
    assert feed.partition.users == 0
    assert feed.profiles["ann"][0] is None


def test_a_list_record_moves_no_clock_and_one_of_another_app_is_passed_over() -> None:
    feed = Feed()
    feed.event("ann", 0)
    before_ms = feed.partition.clock_ms
    assert feed.listed("ann", app="other") == []
    assert feed.listed("ann", "unused") == []
    assert feed.partition.clock_ms == before_ms


def test_a_list_record_that_cannot_be_used_becomes_a_dead_letter() -> None:
    feed = Feed()
    written = write_list_record(ListRecord(app="shoal", name="vip", on=True, at_ms=START_MS))
    records = [
        FileRecord(0, START_MS, None, written),
        FileRecord(1, START_MS, b"\xff", written),
        FileRecord(2, START_MS, b"ann", written.replace(b'"vip"', b'"No name"')),
        FileRecord(3, START_MS, b"ann", b'{"type":"list","app":"shoal"}'),
    ]
    dead = feed.partition.process(records).dead
    assert [letter.reason for letter in dead] == ["wrong-key", "wrong-key", "invalid-list", "invalid-list"]
    assert feed.partition.users == 0


@pytest.mark.parametrize("name", ["vip", "a", "2026", "early-birds", "a" * 64])
def test_a_list_may_have_a_name_like_a_segment(name: str) -> None:
    assert is_list_name(name)


@pytest.mark.parametrize("name", ["", "VIP", "-vip", "vip-", "early birds", "ü", "a" * 65, "a\n"])
def test_other_names_are_refused(name: str) -> None:
    assert not is_list_name(name)
    with pytest.raises(MessageError):
        read_list_record(write_list_record(ListRecord(app="shoal", name=name, on=True, at_ms=0)))


def test_no_list_takes_who_is_suppressed() -> None:
    feed = Feed()
    control = Control(deed="erase", app="shoal", id="x", source="ann", to="ann", n=0, at_ms=START_MS, suppress=True)
    assert [each[:2] for each in feed.event("ann", 0)] == [("others", "entered")]
    feed.listed("ann")
    feed.take("ann", write_control(control))
    feed.listed("ann")
    feed.take("ann", write_control(replace(control, deed="unsuppress", at_ms=START_MS + 1)))
    assert [each[:2] for each in feed.event("ann", 2)] == [("others", "entered")], "on no list"
    assert ("others", "exited") in [each[:2] for each in feed.listed("ann")]


def test_who_is_restricted_is_in_no_segment_and_enters_again_with_what_they_did_meanwhile() -> None:
    when = "when: count('View' within 1h) >= 2 and not list('restricted')\n"
    both = "enter: exists('View') and not list('restricted')\nexit: list('restricted')\n"
    feed = Feed({"a.yaml": f"segment: viewers\n{when}", "b.yaml": f"segment: ever\n{both}"})
    feed.event("ann", 0)
    assert {each[:2] for each in feed.event("ann", 1)} == {("viewers", "entered")}
    cause = {"kind": "list", "list": "restricted"}
    assert feed.listed("ann", "restricted") == [("ever", "exited", cause), ("viewers", "exited", cause)]
    assert feed.event("ann", 2) == []
    feed.restart()
    later = write_list_record(ListRecord(app="shoal", name="restricted", on=False, at_ms=START_MS + 3))
    assert feed.take("ann", later) == [("ever", "entered", cause), ("viewers", "entered", cause)]
