"""The synthetic load is what its description says: everybody who computes from it must find the same."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from tests.benchmarks.synthetic import SPAN_MS, SPREADS, START_MS, Spread, Synthetic

EVENTS = 4_000


@pytest.mark.parametrize("spread", SPREADS)
def test_the_same_seed_gives_the_same_messages(spread: Spread) -> None:
    once = list(Synthetic(EVENTS, spread).lines())
    assert once == list(Synthetic(EVENTS, spread).lines())
    assert once != list(Synthetic(EVENTS, spread, seed=2).lines())


def test_time_goes_on_evenly_and_no_instant_comes_twice() -> None:
    load = Synthetic(EVENTS)
    messages = [msgspec.json.decode(line) for line in load.lines()]
    instants = [message["timestamp"] for message in messages]
    assert all(earlier < later for earlier, later in pairwise(instants))
    assert instants == [message["receivedAt"] for message in messages]
    assert instants[0] == "2026-01-05T00:00:00.000Z"
    assert START_MS + SPAN_MS - load.end_ms == SPAN_MS // EVENTS
    assert len({message["messageId"] for message in messages}) == EVENTS


def test_kinds_have_their_shares() -> None:
    kinds: Counter[str] = Counter()
    for line in Synthetic(EVENTS).lines():
        message = msgspec.json.decode(line)
        kinds[message.get("event", message["type"])] += 1
    shares = {kind: count / EVENTS for kind, count in kinds.items()}
    wanted = {"Product Viewed": 0.6, "page": 0.2, "Product Added": 0.15, "Order Completed": 0.05}
    assert shares == pytest.approx(wanted, abs=0.02)


def test_zipf_gives_the_first_users_most_of_the_events() -> None:
    def busiest(spread: Spread) -> int:
        users = Counter(msgspec.json.decode(line)["userId"] for line in Synthetic(EVENTS, spread).lines())
        return users.most_common(1)[0][1]

    assert busiest("zipf") > EVENTS / 10
    assert busiest("uniform") < EVENTS / 50
