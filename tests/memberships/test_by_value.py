"""Memberships by value in Redis: a field for each value, and the user in the segment while in by any."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents.memberships import create_app
from app.memberships.from_profiles import _kept, _standing
from app.memberships.membership_view import View
from app.memberships.redis_updates import read_change, update_for, update_to_standing
from app.memberships.verification import verify
from app.runtime.records.envelope import Reached
from app.runtime.redis_keys import field_of, read_field
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.change import Change, ChangeKind
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY, read_catalog_entry
from app.settings import Settings
from tables.values import Scalar
from tests.memberships.changes import ChangesOnKafka
from tests.memberships.looking import members, memberships
from tests.memberships.test_groups import view_of
from tests.support.shop import running, soon

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


@pytest.mark.parametrize("value", ["A1", "", "5", 5, 1.5, True, "\x00", "a\x00b", "…"], ids=repr)
def test_a_field_says_the_segment_and_the_value(value: Scalar) -> None:
    segment, read = read_field(field_of("viewed", value))
    assert (segment, read, type(read)) == ("viewed", value, type(value))


def test_a_segment_without_values_has_its_name_for_a_field() -> None:
    assert (field_of("viewed", None), read_field("viewed")) == ("viewed", ("viewed", None))


def test_entries_by_changes_are_those_by_profiles() -> None:
    rules = TimeRules()
    texts = {"v.yaml": "segment: viewed\neach: messageless\nwhen: exists('View')\nattach: {n: count('View')}\n"}
    partition = Partition(compile_catalog(load_catalog(texts), rules), rules)
    records = [view_of(0, "ann")]
    said = json.loads(records[0].value or b"") | {"properties": {"messageless": ["b", 5, "a"]}}
    records[0] = type(records[0])(0, -1, b"ann", json.dumps(said).encode())
    batch = partition.process(records)
    live = {update[3]: json.loads(update[5] + update[6]) for update in map(_update, batch.changes)}
    profile, catalog = batch.profiles["ann"], batch.profiles[CATALOG_KEY]
    assert profile is not None
    assert catalog is not None
    standing = _standing("ann", _kept(Reached(0, 0), profile), read_catalog_entry(catalog))
    restored = {name: json.loads(text) for name, _, text in update_to_standing(standing)[3:]}
    assert list(live) == ["viewed\x00\x005", "viewed\x00a", "viewed\x00b"]
    assert {name: (each["since"], each["attach"], each["times"]) for name, each in live.items()} == {
        name: (each["since"], each["attach"], each["times"]) for name, each in restored.items()
    }


def _update(change: Change) -> list[Any]:
    return update_for(read_change(change.encode()))


@EMBEDDED
async def test_a_user_is_in_the_segment_while_they_are_in_by_any_value(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    def of(told: Sequence[tuple[ChangeKind, Scalar | None]]) -> list[Change]:
        found: list[Change] = []
        for kind, value in told:
            found.append(changes.change("ann", kind, n=len(found)))
            found[-1].value = value
        return found

    async with running(create_app(settings)):
        await changes.write(of([("entered", "A1"), ("entered", 5), ("updated", "A1"), ("exited", 5)]))
        await soon(lambda: _fields(view, ["viewers\x00A1"]))
        entry = (await memberships(view, "ann"))["viewers\x00A1"]
        assert (entry["since"], entry["attach"]) == ("2026-01-01T00:00:01.000Z", {"n": 2})
        assert list(await members(view, "viewers")) == ["ann"]
        assert (await verify(settings, view)).right
        await changes.write(of([("exited", "A1")]))
        await soon(lambda: _fields(view, []))
        assert await members(view, "viewers") == {}


async def _fields(view: View, expected: list[str]) -> bool:
    state = await view.redis.hgetall(view.keys.projection)
    return any(state) and list(await memberships(view, "ann")) == expected
