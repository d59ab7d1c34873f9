"""A receiver that is away, slow or odd, in simulated time: what arrives, in which order, how often."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from app.destinations.delivery_loop import Courier, new_counter
from app.destinations.destination import Destination
from app.destinations.outcome import Fate, Outcome
from app.destinations.positions import Stored
from app.destinations.prepared import Prepared
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.segments.evaluation.change import Change
from tests.destinations.making import HOOK, change, destination, records

HOUR_S = 3_600.0
DELIVERED = Outcome(fate=Fate.DELIVERED, status="200")
AWAY = Outcome(fate=Fate.AGAIN, status="unreachable")


class World:
    """A courier, a receiver that answers as it is told to, and time that goes on only when all is quiet."""

    def __init__(self, changes: list[Change], answer: Callable[[Prepared, float], Outcome], text: str = HOOK) -> None:
        self.now_s = 0.0
        self.arrived: list[tuple[str, float]] = []
        self.asked: list[tuple[str, float]] = []
        self.buried: list[tuple[str, str]] = []
        self._answer = answer
        self.metrics = ReaderMetrics()
        self.courier = Courier(
            new_counter(destination(text)),
            partition=0,
            stored=Stored(0),
            send=self._send,
            bury=self._bury,
            metrics=self.metrics,
            chance=random.Random(1),
            clock_s=lambda: self.now_s,
        )
        self.courier.take(list(records(changes)), len(changes))

    async def run(self, *, until_s: float) -> None:
        """Until nothing waits, or time is over."""
        while self.courier.waiting and self.now_s < until_s:
            wait_s = self.courier.begin_due()
            await self.courier.settled()
            if wait_s is not None:
                self.now_s = min(until_s, self.now_s + wait_s)

    async def _send(self, _: Destination, prepared: Prepared) -> Outcome:
        self.asked.append((prepared.id, self.now_s))
        outcome = self._answer(prepared, self.now_s)
        if outcome.fate is Fate.DELIVERED:
            self.arrived.append((prepared.id, self.now_s))
        return outcome

    async def _bury(self, _: Destination, record: Any, reason: str, __: str) -> None:
        self.buried.append((record.key.decode(), reason))


def history(users: int, each: int) -> list[Change]:
    return [
        change(f"u-{user}", sequence, "entered" if sequence % 2 else "exited")
        for sequence in range(1, each + 1)
        for user in range(users)
    ]


async def test_after_an_hour_away_everything_arrives_once_and_each_users_in_order() -> None:
    changes = history(users=50, each=6)
    world = World(changes, lambda _, now_s: AWAY if now_s < HOUR_S else DELIVERED)
    await world.run(until_s=3 * HOUR_S)
    ids = [one for one, _ in world.arrived]
    assert Counter(ids) == Counter(each.id for each in changes)
    for user in range(50):
        own = [each.id for each in changes if each.user == f"u-{user}"]
        assert [one for one in ids if one in own] == own
    assert world.courier.stored == Stored(len(changes))
    assert not world.buried


async def test_while_it_is_away_it_is_asked_about_once_a_minute_and_once_it_is_back_within_a_minute() -> None:
    changes = history(users=50, each=6)
    world = World(changes, lambda _, now_s: AWAY if now_s < HOUR_S else DELIVERED)
    await world.run(until_s=3 * HOUR_S)
    assert 60 <= sum(now_s < HOUR_S for _, now_s in world.asked) <= 90
    assert world.arrived[0][1] <= HOUR_S + 61
    assert world.arrived[-1][1] <= world.arrived[0][1] + 1


async def test_one_change_that_is_never_taken_holds_up_its_user_only_and_is_given_up() -> None:
    changes = history(users=20, each=4)
    poison = change("u-3", 1).id
    broken = Outcome(fate=Fate.AGAIN, status="500")
    world = World(changes, lambda prepared, _: broken if prepared.id == poison else DELIVERED)
    await world.run(until_s=60)
    assert {one for one, _ in world.arrived} == {each.id for each in changes if each.user != "u-3"}
    assert world.courier.stored.offset == 3
    await world.run(until_s=12 * HOUR_S)
    assert not world.buried, "as long as nothing else gets through, the destination may be what is wrong"
    world.courier.take(list(records([*changes, *history(users=1, each=1)]))[len(changes) :], len(changes) + 1)
    await world.run(until_s=24 * HOUR_S)
    assert world.buried == [("u-3", "gave-up")]
    assert {one for one, _ in world.arrived} >= {each.id for each in changes if each.id != poison}


async def test_what_is_refused_becomes_a_dead_letter_and_the_users_next_change_goes_on() -> None:
    changes = history(users=2, each=3)
    refused = Outcome(fate=Fate.REFUSED, status="400", detail="answered 400")
    world = World(changes, lambda prepared, _: refused if prepared.id == changes[0].id else DELIVERED)
    await world.run(until_s=60)
    assert world.buried == [("u-0", "refused")]
    assert len(world.arrived) == 5
    assert world.now_s < 1


async def test_retry_after_is_honoured_by_everything_that_goes_there() -> None:
    told: list[float] = []

    def answer(_: Prepared, now_s: float) -> Outcome:
        if not told:
            told.append(now_s)
            return Outcome(fate=Fate.AGAIN, status="429", retry_after_s=120.0)
        return DELIVERED

    world = World(history(users=20, each=1), answer, HOOK + "at_once: 1\n")
    await world.run(until_s=HOUR_S)
    assert world.arrived[0][1] >= 120
    assert len(world.arrived) == 20


async def test_the_rate_is_kept() -> None:
    world = World(history(users=100, each=1), lambda _, __: DELIVERED, HOOK + "rate: 5\n")
    await world.run(until_s=HOUR_S)
    assert len(world.arrived) == 100
    assert 18 <= world.arrived[-1][1] <= 21


async def test_a_change_that_lacks_a_value_becomes_a_dead_letter_at_once() -> None:
    text = HOOK + 'body: {email: "{{ attach.email }}"}\n'
    world = World([change("ann"), change("ben", email="b@x.example")], lambda _, __: DELIVERED, text)
    await world.run(until_s=1)
    assert world.buried == [("ann", "no-value")]
    assert len(world.arrived) == 1


async def test_what_is_too_old_is_not_sent() -> None:
    world = World([change("ann")], lambda _, __: DELIVERED, HOOK + "max_age: 1h\n")
    await world.run(until_s=1)
    assert not world.asked
    assert world.metrics.value("shoal_destination_changes_total", destination="hook", outcome="expired") == 1


async def test_logs_name_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Users, addresses and what a service answers may be personal: they stand on Kafka, never in a log."""
    caplog.set_level(logging.DEBUG)
    answers = [
        Outcome(fate=Fate.AGAIN, status="500", detail="answered 500: ann@x.example is unknown"),
        Outcome(fate=Fate.REFUSED, status="400", detail="answered 400: ann@x.example is unknown"),
    ]
    changes = [change(f"ann-{number}@x.example", email="ann@x.example") for number in range(20)]
    world = World(changes, lambda _, now_s: answers[0] if now_s < 60 else answers[1])
    await world.run(until_s=HOUR_S)
    assert len(world.buried) == 20
    assert "taken for dead" in caplog.text
    assert "x.example" not in caplog.text
