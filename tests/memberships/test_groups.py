"""The groups of experiments in memberships: live, and out of the profiles."""

import json
from typing import Any

import pytest

from agents.memberships import create_app
from app.memberships.membership_view import View
from app.memberships.redis_updates import Standing, entry, read_change, update_for, update_to_standing
from app.memberships.verification import verify
from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.evaluation.change import Exposed
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.settings import Settings
from tables.profile import INSIDE
from tests.memberships.changes import ChangesOnKafka
from tests.memberships.looking import memberships
from tests.support.shop import running, soon

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)
FILES = {
    "mailed.yaml": "segment: mailed\nwhen: exists('View')\nattach: {n: count('View')}\nupdates: [n]\n"
    "experiment: {name: e, salt: spring, groups: {holdout: 50, mail: 50}}\n",
    "plain.yaml": "segment: plain\nwhen: exists('View')\n",
    SETTINGS_FILE: "holdout: {share: 10, name: all}\n",
}
AT = "2026-01-01T00:00:00.000Z"
EXPOSED = [Exposed("all", "reached", AT), Exposed("e", "mail", AT, crossed=True)]
IN_GROUPS = [{"experiment": "all", "group": "reached"}, {"experiment": "e", "group": "mail"}]


def view_of(number: int, user: str) -> FileRecord:
    at = f"2026-01-05T00:{number % 60:02d}:00.000Z"
    said = {"type": "track", "event": "View", "userId": user, "messageId": f"m{number}", "timestamp": at}
    return FileRecord(number, -1, user.encode(), json.dumps(said).encode())


def test_entries_by_changes_have_the_groups_of_those_by_profiles() -> None:
    rules = TimeRules()
    partition = Partition(compile_catalog(load_catalog(FILES), rules), rules)
    users = [f"u-{number}" for number in range(30)]
    changes = partition.process([view_of(number, user) for number, user in enumerate(users * 2)]).changes
    live: dict[tuple[str, str], dict[str, Any]] = {}
    for change in changes:
        _, _, kind, segment, _, head, rest = update_for(read_change(change.encode()))
        before = live.get((change.user, segment), {})
        live[change.user, segment] = json.loads(head + rest) | ({"since": before["since"]} if kind == "updated" else {})
    names = {segment.id: segment.name for segment in partition.program.segments}
    restored = {}
    for user in users:
        profile = partition.profile(user)
        assert profile is not None
        members = [(names[own], member) for own, member in profile.members.items() if member[INSIDE]]
        entries = [(name, entry(member, valid_until_ms=None, version="v", sequence=1)) for name, member in members]
        for name, _, text in update_to_standing(Standing(user, 1, entries))[3:]:
            restored[user, name] = json.loads(text)
    assert {place: essence(each) for place, each in live.items()} == {
        place: essence(each) for place, each in restored.items()
    }
    groups = {each.get("group", "none") for each in live.values()}
    assert groups == {"holdout", "mail", None}


def essence(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in ("valid_until", "version", "sequence")}


@EMBEDDED
async def test_a_membership_has_its_groups_and_one_without_has_none(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    entered, updated = changes.change("ann", "entered", n=1), changes.change("ann", "updated", n=2)
    for change in (entered, updated):
        change.group, change.experiments = "mail", EXPOSED
    await changes.write([entered, updated, changes.change("ben", "entered")])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ben"))
        await soon(lambda: memberships(view, "ann"))
        assert (await verify(settings, view)).right
    ann, ben = (await memberships(view, "ann"))["viewers"], (await memberships(view, "ben"))["viewers"]
    assert (ann["attach"], ann["group"], ann["experiments"]) == ({"n": 2}, "mail", IN_GROUPS)
    assert "group" not in ben
    assert "experiments" not in ben


@EMBEDDED
async def test_a_membership_with_another_group_is_found(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    entered = changes.change("ann", "entered")
    entered.group, entered.experiments = "mail", EXPOSED
    await changes.write([entered])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ann"))
        said = (await memberships(view, "ann"))["viewers"]
        await view.redis.hset(view.keys.user("ann"), "viewers", json.dumps(said | {"group": "holdout"}))
        assert list((await verify(settings, view)).wrong) == ["ann"]
