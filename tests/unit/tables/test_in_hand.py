"""A state that is used often says the same as one that is stored after every event, in a time that does not grow."""

import sys
from collections.abc import Callable
from functools import partial
from random import Random
from types import FrameType
from typing import Any

import msgspec
import pytest

from tables import cart
from tables.counted import Counted
from tables.cut_texts import bounded_text
from tables.in_hand import plain
from tables.pairs import First, Numbers
from tables.running_tally import RunningTally
from tables.sequences import Machine
from tables.tallies import Distinct, Tally
from tables.values import key_of
from tables.windows import Kind

WINDOW_MS = 10_000
KINDS: dict[str, Callable[[Counted], Kind]] = {
    "all-time tally": RunningTally,
    "distinct": lambda counted: Distinct(WINDOW_MS, counted),
}
for within in (WINDOW_MS, None):
    for instants in (None, 1, 3, 40):
        KINDS[f"tally {within} {instants}"] = partial(Tally, within, instants)
    for function in ("sum", "avg", "min", "max"):
        KINDS[f"{function} {within}"] = partial(Numbers, function, within)
    KINDS[f"first {within}"] = partial(First, within)
ASKED_BY_RULES = ("value", "key", "value_until", "until", "full_until")
ASKED = (*ASKED_BY_RULES, "counts")


def stored(state: Any) -> Any:
    """As a profile keeps it, and gives it back."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state, enc_hook=plain), strict=False)


def said(kind: Any, state: Any, now: int) -> dict[str, Any]:
    return {name: getattr(kind, name)(state, now) for name in ASKED if hasattr(kind, name)}


def merged(kind: Any, state: Any, other: Any, now: int, gone: set[int]) -> list[Any]:
    """Answers of two users who are one, and of one without some events."""
    states = [kind.merge(state, other, now)]
    if hasattr(kind, "without"):
        states.append(kind.without(other, gone))
    return [said(kind, each, now) for each in states]


def a_value(chance: Random, number: int) -> str | int:
    """A number, a text, or a long text whole or as an earlier version had cut it."""
    long = f"{number} {'x' * 80}"
    return chance.choice((str(number), number, long, bounded_text(long, Counted(), bytes_max=64)))


def an_item(chance: Random, kind: Any, values: int) -> Any:
    many = chance.choice((1, 1, 1, 1, 0, 3))
    if isinstance(kind, Tally | RunningTally | Distinct):
        number = [a_value(chance, chance.randrange(values)) for _ in range(many)]
        return sorted({key for each in number if (key := key_of(each, Counted())) is not None})
    if isinstance(kind, First):
        return chance.randrange(values) if many else None
    return [chance.randrange(-values, values) for _ in range(many)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", KINDS)
def test_a_state_in_hand_says_what_a_stored_one_says(name: str, seed: int) -> None:
    chance = Random(f"{name} {seed}")
    held_counted, plain_counted = Counted(), Counted()
    held_kind, plain_kind = KINDS[name](held_counted), KINDS[name](plain_counted)
    values, step_ms, late_ms = (
        chance.choice((3, 90, 110, 9_000)),
        chance.choice((0, 5, 150)),
        chance.choice((0, 40, 9_000)),
    )
    forgets = isinstance(held_kind, Tally | Numbers) and chance.random() < 0.5
    held: Any = None
    kept: Any = None
    now = 1_000_000
    for step in range(1_300):
        now += chance.randrange(step_ms + 1)
        t, item = now - chance.randrange(late_ms + 1), an_item(chance, held_kind, values)
        held = held_kind.add(held, t, item, now)
        kept = stored(plain_kind.add(kept, t, item, now))
        if forgets and chance.random() < 0.01:
            t -= chance.choice((0, 100, 5_000))
            held, kept = held_kind.forget(held, t), stored(plain_kind.forget(kept, t))
        if step % 7 == 0 or step > 1_200:
            assert said(held_kind, held, now) == said(plain_kind, kept, now), (step, now)
        if step % 50 == 0:
            later = now + chance.randrange(2 * WINDOW_MS)
            assert said(held_kind, held, later) == said(plain_kind, kept, later)
            assert said(held_kind, held, now) == said(plain_kind, kept, now), "a look ahead changes nothing"
        if chance.random() < 0.003:
            held = stored(held)
        if step % 200 == 0:
            gone = {now - chance.randrange(WINDOW_MS) for _ in range(500)}
            assert merged(held_kind, stored(held), held, now, gone) == merged(plain_kind, stored(held), kept, now, gone)
    assert held_counted == plain_counted
    assert said(held_kind, stored(held), now) == said(plain_kind, kept, now)


def lines_executed(work: Callable[[], object]) -> int:
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("name", KINDS)
def test_one_more_event_of_many_is_as_much_work_as_one_of_few(name: str) -> None:
    kind: Any = KINDS[name](Counted())
    state: Any = None
    lines = []
    for step in range(3_000):
        item: list[Any] = (
            [f"v{step}"] if isinstance(kind, Tally | RunningTally | Distinct) else [(step * 7_919) % 1_000]
        )

        def event(step: int = step, item: list[Any] = item) -> None:
            nonlocal state
            state = kind.add(state, step, item, step)
            said(kind, state, step)

        lines.append(lines_executed(event))
    assert sum(lines[2_000:]) / 1_000 < 400


@pytest.mark.parametrize("seed", range(12))
def test_a_sequence_in_hand_says_what_a_stored_one_says(seed: int) -> None:
    chance = Random(seed)
    within, absent = chance.choice((None, 3_000, 300)), chance.choice((None, 2_000, 200))
    steps, lateness_ms = chance.choice((1, 2, 3)), chance.choice((100, 20_000))
    held_counted, plain_counted = Counted(), Counted()
    held_machine = Machine(steps, within, absent, lateness_ms, held_counted)
    plain_machine = Machine(steps, within, absent, lateness_ms, plain_counted)
    values, step_ms, late_ms = chance.choice((60, 110, 9_000)), chance.choice((0, 5, 50)), chance.choice((0, 40))
    held: Any = None
    kept: Any = None
    now = 1_000_000
    for step in range(2_500):
        now += chance.randrange(step_ms + 1)
        t, key = now - chance.randrange(late_ms + 1), f"v{chance.randrange(values)}"
        if absent is not None and chance.random() < 0.1:
            keys = chance.choice(((key,), (key,), (key,), None))
            held, kept = held_machine.absent(held, t, keys, now), plain_machine.absent(kept, t, keys, now)
        if absent is not None and held is not None and held_machine.due(held) <= now:
            assert held_machine.occur(held, now) == plain_machine.occur(kept, now)
        asked = sorted(chance.sample(range(steps), chance.choice((1, 1, steps))))
        held, occurred = held_machine.steps_at(held, t, asked, [key], step, now)
        kept, wanted = plain_machine.steps_at(kept, t, asked, [key], step, now)
        assert occurred == wanted
        assert held_machine.due(held) == plain_machine.due(kept)
        kept = stored(kept)
        if step % 10 == 0:
            assert stored(held) == kept
        if chance.random() < 0.002:
            held = stored(held)
    assert held_counted == plain_counted


@pytest.mark.parametrize("seed", range(6))
def test_a_cart_in_hand_says_what_a_stored_one_says(seed: int) -> None:
    chance, held_counted, plain_counted = Random(seed), Counted(), Counted()
    values = chance.choice((40, 110, 2_000))
    held: Any = None
    kept: Any = None
    for step in range(2_500):
        t, key, number = 10 * step - chance.randrange(60), f"v{chance.randrange(values)}", chance.randrange(1, 5)
        match chance.choices(("add", "remove", "empty"), (80, 20, 0.3))[0]:
            case "add":
                price = chance.choice((None, chance.randrange(900)))
                held = cart.add(held, t, key, number, price, held_counted, kept_ms=t - 40)
                kept = cart.add(kept, t, key, number, price, plain_counted, kept_ms=t - 40)
            case "remove":
                amount = chance.choice((None, number))
                held = cart.remove(held, t, key, amount, kept_ms=t - 40)
                kept = cart.remove(kept, t, key, amount, kept_ms=t - 40)
            case _:
                held, kept = cart.empty(held, t), cart.empty(kept, t)
        kept = stored(kept)
        assert held == kept
        for asked in (cart.quantity, cart.value, cart.products):
            assert asked(held) == asked(kept)
        if chance.random() < 0.002:
            held = stored(held)
    assert held_counted == plain_counted
