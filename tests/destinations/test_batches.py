"""A kind of destination that takes many changes together, in simulated time."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest

from app.destinations import kind as destination_kinds
from app.destinations.connections import Connections
from app.destinations.destination import Batch, Destination
from app.destinations.destination_values import DestinationValues
from app.destinations.kind import Connection, register
from app.destinations.outcome import Fate, Outcome
from app.destinations.positions import Stored
from app.destinations.template import Node
from app.destinations.unusable import UnusableError
from app.segments.definitions.yaml_fields import Fields
from app.segments.evaluation.change import ChangeKind
from tests.destinations.making import change, destination, problems
from tests.destinations.test_outage import AWAY, DELIVERED, HOUR_S, REFUSALS_MAX, REFUSED, SimulatedReceiver, history

PILE = "destination: pile\nkind: pile\nchanges: [entered, exited]\nbatch: {changes: 10, wait: 30s}\n"


@dataclass(frozen=True)
class Item:
    """One change on the pile."""

    id: str
    user: str


@dataclass(frozen=True)
class PileTarget:
    """Takes all but changes of users that are called nobody."""

    changes: Sequence[ChangeKind]

    def templates(self) -> Iterator[Node]:
        yield from ()

    def prepare(self, change: Mapping[str, Any], value: bytes, *, source: str) -> Item:
        if change["user"] == "nobody":
            raise UnusableError("no-value", "nobody")
        return Item(change["id"], change["user"])

    def shown(self, item: Item) -> str:
        return f"  {item.id}"


class OneShort:
    """Broken: says nothing of the last item."""

    async def deliver(self, destination: Destination, items: Sequence[object]) -> Sequence[Outcome]:
        return [DELIVERED for _ in items[1:]]


class Pile:
    """A kind with batches."""

    name = "pile"
    keys = ("height",)
    batch_max = 500
    batch_wait_ms = 5_000

    def read(self, fields: Fields, values: DestinationValues, changes: Sequence[ChangeKind] | None) -> PileTarget:
        values.number(fields, "height", 1, 9)
        return PileTarget(changes or ("entered",))

    def connect(self, *, private: bool) -> AbstractAsyncContextManager[Connection]:
        return nullcontext(OneShort())


@pytest.fixture(autouse=True)
def pile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind is known during a test."""
    monkeypatch.setattr(destination_kinds, "_KINDS", dict(destination_kinds.known_kinds()))
    register(Pile)


# ---- the file


def test_a_kind_that_is_not_known_is_an_error_with_the_list_of_kinds() -> None:
    file = problems("destination: pile\nkind: pille\n")
    assert file == ["2:7 there is no kind of destination pille"]
    assert problems("destination: pile\nkind: [pile]\n") == ["2:7 kind is one word"]


def test_a_kind_cannot_be_registered_twice() -> None:
    with pytest.raises(AssertionError, match="two kinds of destinations are called pile"):
        register(Pile)


def test_a_kind_has_keys_of_its_own_and_none_of_another() -> None:
    assert destination(PILE + "height: 3\n").kind == "pile"
    assert problems(PILE + "height: 10\n") == ["5:9 height is 10"]
    assert problems(PILE + "url: https://hooks.example/\n") == ["5:1 unknown key url"]


def test_a_file_says_how_large_batches_are_within_the_bounds_of_the_kind() -> None:
    assert destination(PILE).batch == Batch(changes_max=10, wait_ms=30_000)
    assert destination("destination: pile\nkind: pile\n").batch == Batch(changes_max=500, wait_ms=5_000)
    assert problems("destination: pile\nkind: pile\nbatch: {changes: 501}\n") == ["3:18 changes is 501"]
    assert problems("destination: hook\nurl: https://a.example/\nbatch: {changes: 2}\n") == ["3:1 unknown key batch"]


async def test_a_connection_that_says_nothing_of_a_change_is_a_mistake_of_the_kind() -> None:
    made = destination(PILE)
    async with Connections([made], private=False) as connections:
        with pytest.raises(AssertionError, match="pile: 0 outcomes of 1 items"):
            await connections.deliver(made, [Item("c-1", "ann")])


# ---- the loop


async def test_a_batch_begins_when_it_is_full_or_its_first_change_has_waited() -> None:
    receiver = SimulatedReceiver(history(users=25, each=1), lambda _, __: DELIVERED, PILE)
    await receiver.run(until_s=HOUR_S)
    assert receiver.batches == [10, 10, 5]
    assert [round(at_s) for _, at_s in receiver.arrived] == [0] * 20 + [30] * 5


async def test_changes_of_one_user_go_together_and_in_order() -> None:
    changes = history(users=1, each=25)
    receiver = SimulatedReceiver(changes, lambda _, __: DELIVERED, PILE)
    await receiver.run(until_s=HOUR_S)
    assert receiver.batches == [10, 10, 5]
    assert [one for one, _ in receiver.arrived] == [each.id for each in changes]


async def test_behind_a_change_that_did_not_get_through_nothing_of_its_user_counts_as_delivered() -> None:
    changes = history(users=3, each=3)
    late = changes[1].id
    receiver = SimulatedReceiver(
        changes, lambda item, now_s: AWAY if item.id == late and now_s < 60 else DELIVERED, PILE
    )
    await receiver.run(until_s=59)
    assert receiver.delivery_loop.waiting == 3, "all of one user"
    await receiver.run(until_s=HOUR_S)
    own = [each.id for each in changes if each.user == changes[1].user]
    first = receiver.arrived.index(next(each for each in receiver.arrived if each[0] == late))
    assert [one for one, _ in receiver.arrived[first:] if one in own] == own
    assert receiver.delivery_loop.stored == Stored(len(changes))


async def test_a_refused_change_and_one_that_cannot_be_made_become_dead_letters_and_the_rest_arrives() -> None:
    changes = [*history(users=8, each=1), change("nobody")]
    refused = changes[3].id
    receiver = SimulatedReceiver(changes, lambda item, _: REFUSED if item.id == refused else DELIVERED, PILE)
    await receiver.run(until_s=HOUR_S)
    assert sorted(receiver.buried) == [("nobody", "no-value"), ("u-3", "refused")]
    assert len(receiver.arrived) == 7
    assert receiver.delivery_loop.stored == Stored(len(changes))


async def test_while_nothing_gets_through_one_change_is_tried_and_then_whole_batches_again() -> None:
    changes = history(users=100, each=1)
    receiver = SimulatedReceiver(changes, lambda _, now_s: AWAY if now_s < HOUR_S else DELIVERED, PILE)
    await receiver.run(until_s=HOUR_S - 1)
    assert receiver.batches[:5] == [10] * 5, "five failures open the breaker, however many changes were in them"
    assert set(receiver.batches[10:]) == {1}
    await receiver.run(until_s=2 * HOUR_S)
    assert max(receiver.batches[-12:]) == 10
    assert Counter(one for one, _ in receiver.arrived) == Counter(each.id for each in changes)


async def test_what_refuses_everything_is_paused_and_loses_no_more_than_it_would_one_by_one() -> None:
    receiver = SimulatedReceiver(history(users=100, each=1), lambda _, __: REFUSED, PILE)
    await receiver.run(until_s=HOUR_S)
    assert len(receiver.buried) == REFUSALS_MAX
    assert receiver.limits.pause is not None
    assert receiver.delivery_loop.waiting == 100 - REFUSALS_MAX


async def test_changes_of_which_nothing_was_sent_do_not_hide_that_everything_is_refused() -> None:
    changes = history(users=100, each=1)
    idle = {each.id for each in changes[::2]}
    nothing = Outcome(fate=Fate.DELIVERED, status="unchanged", asked=False)
    receiver = SimulatedReceiver(changes, lambda item, _: nothing if item.id in idle else REFUSED, PILE)
    await receiver.run(until_s=HOUR_S)
    assert len(receiver.buried) == REFUSALS_MAX
    assert receiver.limits.pause is not None


async def test_what_is_held_back_waits_as_long_as_it_takes_and_keeps_only_its_users_waiting() -> None:
    changes = history(users=40, each=3)
    held = Outcome(fate=Fate.HELD, status="held", detail="too many", asked=False)
    own = {each.id for each in changes if each.user == "u-3"}
    confirmed: list[bool] = []
    receiver = SimulatedReceiver(changes, lambda item, _: held if item.id in own and not confirmed else DELIVERED, PILE)
    await receiver.run(until_s=24 * HOUR_S)
    loop = receiver.delivery_loop
    assert (loop.waiting, receiver.buried) == (3, [])
    assert loop.hold is not None
    assert (loop.hold.users, loop.hold.detail) == (1, "too many")
    assert len(receiver.arrived) == len(changes) - 3
    confirmed.append(True)
    loop.confirmed()
    await receiver.run(until_s=receiver.now_s + 31)
    assert loop.waiting == 0
    assert receiver.delivery_loop.hold is None
    assert [one for one, _ in receiver.arrived[-3:]] == [each.id for each in changes if each.id in own]


async def test_whatever_happens_each_change_is_done_once_and_each_users_in_order() -> None:
    for seed in range(30):
        chance = random.Random(seed)
        changes = history(users=7, each=9)
        said: dict[str, list[Fate]] = {each.id: [] for each in changes}

        def answer(item: Item, now_s: float, chance: random.Random = chance, said: Any = said) -> Outcome:
            fate = chance.choice([Fate.DELIVERED, Fate.DELIVERED, Fate.REFUSED, Fate.AGAIN])
            said[item.id].append(fate)
            return Outcome(fate=fate, status="x")

        receiver = SimulatedReceiver(changes, answer, PILE)
        await receiver.run(until_s=24 * HOUR_S)
        assert receiver.delivery_loop.stored == Stored(len(changes)), f"seed {seed}"
        assert all(fates[-1] is not Fate.AGAIN for fates in said.values()), f"seed {seed}"
        assert len(receiver.buried) == sum(fates[-1] is Fate.REFUSED for fates in said.values()), f"seed {seed}"
        last = {one: number for number, (one, _) in enumerate(receiver.asked)}
        for user in range(7):
            own = [last[each.id] for each in changes if each.user == f"u-{user}"]
            assert own == sorted(own), f"seed {seed}"
