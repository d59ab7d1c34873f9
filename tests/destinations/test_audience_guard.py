"""The guard of an audience: what looks like a mistake waits until somebody confirms it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from app.cli.main import main
from app.destinations.audiences.audience_connection import AudienceConnection
from app.destinations.audiences.guard import CONFIRMED_S, WINDOW_S, Guard
from app.destinations.confirmation import confirm
from app.destinations.outcome import Fate
from app.destinations.status import read_status
from app.segments.evaluation.change import Cause
from app.settings import Settings
from app.web.routes.operation_routes import _stop_of
from tests.destinations.lists import LIST, ListAtService, Sender, audience, hash_of, person
from tests.destinations.receiver import Receiver, receiver
from tests.destinations.test_audience import answering
from tests.destinations.test_destinations import app, changes, settings  # noqa: F401  # fixtures
from tests.memberships.changes import ChangesOnKafka
from tests.support.shop import running, soon
from tests.support.waiting import eventually

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)
USERS = 120


@asynccontextmanager
async def sending(there: Receiver, more: str = "") -> AsyncIterator[Sender]:
    """A sender whose list has many people."""
    async with AudienceConnection(private=True) as connection:
        sender = Sender(audience(more, url=there.url, private=True), connection)
        await sender.tell(*(person(f"u-{n}", 1, email=f"p{n}@x.example") for n in range(USERS)))
        yield sender


# ---- pure


def test_half_of_a_list_may_go_and_more_is_held_whether_at_once_or_bit_by_bit() -> None:
    guard = Guard()
    assert not guard.holds_removals(500, part=1_000, members=1_000, now_s=0)
    assert "501 of 1,000" in guard.holds_removals(501, part=1_000, members=1_000, now_s=0)
    assert "11 of 20 people in this part" in guard.holds_removals(11, part=20, members=1_000, now_s=0)
    for number in range(5):
        assert not guard.holds_removals(10, part=60, members=100 - 10 * number, now_s=number)
        guard.removed(10, number)
    assert "51 of 100" in guard.holds_removals(1, part=60, members=50, now_s=5)
    assert not guard.holds_removals(1, part=60, members=100, now_s=5 + WINDOW_S), "that was long ago"


def test_small_lists_are_not_guarded_nor_is_anything_for_an_hour_after_a_confirmation() -> None:
    guard = Guard()
    assert not guard.holds_removals(99, part=99, members=99, now_s=0)
    assert guard.holds_removals(100, part=100, members=100, now_s=0)
    assert not Guard(on=False).holds_removals(100, part=100, members=100, now_s=0)
    guard.confirm(10)
    assert not guard.holds_removals(100, part=100, members=100, now_s=10)
    assert not guard.holds_refusals(100, 100, 10)
    assert guard.holds_removals(100, part=100, members=100, now_s=10 + CONFIRMED_S)


def test_many_refusals_of_a_batch_are_held_and_few_are_not() -> None:
    guard = Guard()
    assert not guard.holds_refusals(20, 100, 0)
    assert guard.holds_refusals(21, 100, 0) == "21 of 100 people were refused"
    assert not guard.holds_refusals(9, 9, 0), "too few to say"


# ---- the connection


async def test_a_batch_that_empties_the_list_is_held_but_entries_and_what_people_demand_go_on() -> None:
    service = ListAtService()
    async with receiver(answering(service)) as there, sending(there) as sender:
        exits = [person(f"u-{n}", 2, "exited") for n in range(USERS)]
        exits[7] = replace_struct(exits[7], cause=Cause("erased"))
        exits[8] = replace_struct(exits[8], cause=Cause("consent"))
        exits[9] = person("u-9", 2, "updated", email="p9@x.example", ads=False)
        outcomes = await sender.tell(*exits, person("new", 1, email="new@x.example"))
        assert [each.fate for each in outcomes].count(Fate.HELD) == USERS - 3
        assert {each.fate for each in (*outcomes[7:10], outcomes[-1])} == {Fate.DELIVERED}
        assert "117 of 120 people in this part" in outcomes[0].detail
        assert len(service.identifiers) == USERS - 2
        sender.connection.confirmed(sender.made, time.time())
        again = await sender.tell(*exits)
    assert {each.fate for each in again} == {Fate.DELIVERED}
    assert service.identifiers == {hash_of("new@x.example")}
    assert list(sender.durable) == ["new"]


async def test_without_the_guard_nothing_is_held() -> None:
    service = ListAtService()
    async with receiver(answering(service)) as there, sending(there, "guard: off\n") as sender:
        await sender.tell(*(person(f"u-{n}", 2, "exited") for n in range(USERS)))
    assert service.identifiers == set()


async def test_if_many_are_refused_they_are_held_and_the_others_are_in() -> None:
    bad = frozenset(hash_of(f"q{n}@x.example") for n in range(30))
    service = ListAtService(bad=bad)
    async with receiver(answering(service)) as there, sending(there) as sender:
        made = [person(f"v-{n}", 1, email=f"q{n}@x.example") for n in range(100)]
        outcomes = await sender.tell(*made)
        assert [each.fate for each in outcomes] == [Fate.HELD] * 30 + [Fate.DELIVERED] * 70
        assert "30 of 100 people were refused" in outcomes[0].detail
        assert len(service.identifiers) == USERS + 70
        sender.connection.confirmed(sender.made, time.time())
        again = await sender.tell(*made[:30])
    assert {each.fate for each in again} == {Fate.REFUSED}


# ---- the process


@EMBEDDED
async def test_what_is_held_is_shown_and_goes_on_after_a_confirmation(
    settings: Settings,  # noqa: F811  # a fixture
    changes: ChangesOnKafka,  # noqa: F811  # a fixture
) -> None:
    service = ListAtService()

    async def is_held() -> bool:
        (status,) = await read_status(settings, [made])
        return status.hold is not None

    async def is_gone() -> bool:
        return not service.identifiers

    async def is_full() -> bool:
        return len(service.identifiers) == USERS

    async with receiver(answering(service)) as there:
        text = LIST.replace("https://ads.example", there.url) + "batch: {wait: 200ms}\n"
        (settings.destinations / "ads.yaml").write_text(text)
        made = audience(url=there.url, private=True)
        users = [f"u-{n}" for n in range(USERS)]
        await changes.write(
            changes.change(user, "entered", email=f"{user}@x.example", phone=None, ads=True) for user in users
        )
        async with running(app(settings)):
            await soon(is_full)
            await changes.write(changes.change(user, "exited") for user in users)
            await soon(is_held)
            (status,) = await read_status(settings, [made])
            assert status.hold is not None
            assert "would be removed" in status.hold.detail
            assert len(service.identifiers) > USERS / 3
            assert _stop_of(status) == (status.hold.since, "held", status.hold.detail), "the console shows it"
            await confirm(settings, [made])
            await soon(is_gone)

            async def is_over() -> bool:
                return not await is_held()

            await soon(is_over)


@EMBEDDED
async def test_processes_that_come_and_go_keep_the_list_equal_to_the_segment(
    settings: Settings,  # noqa: F811  # a fixture
    changes: ChangesOnKafka,  # noqa: F811  # a fixture
) -> None:
    service = ListAtService()
    inside: set[str] = set()

    async def write(number: int) -> None:
        some = []
        for user in (f"u-{n}" for n in range(number, number + 40)):
            kind: Any = "exited" if user in inside else "entered"
            (inside.discard if kind == "exited" else inside.add)(user)
            some.append(changes.change(user, kind, email=f"{user}@x.example", phone=None, ads=True))
        await changes.write(some)

    async def is_equal() -> bool:
        return service.identifiers == {hash_of(f"{user}@x.example") for user in inside}

    async with receiver(answering(service)) as there:
        text = LIST.replace("https://ads.example", there.url) + "batch: {changes: 10, wait: 100ms}\n"
        (settings.destinations / "ads.yaml").write_text(text)
        async with running(app(settings)) as first:
            await write(0)
            await soon(is_equal)
            async with running(app(settings)) as second:
                await eventually(lambda: [len(each.tasks) for each in (first, second)] == [1, 1], within_s=30)
                await write(20)
                await soon(is_equal)
            await write(30)
            await soon(is_equal)


def test_a_confirmation_needs_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hook.yaml").write_text("destination: hook\nurl: https://hooks.example/in\n")
    assert main(["destinations", "confirm", str(tmp_path)]) != 0
    assert "add --only NAME" in capsys.readouterr().err
