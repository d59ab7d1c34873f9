"""The peers in Python evaluate events correctly: a wrong result comes from their engine only."""

from collections import Counter

import msgspec
import pytest

from tests.benchmarks.peers.moments import Moment, read_moment
from tests.benchmarks.peers.oracle import instant_ms
from tests.benchmarks.peers.programs.window_rules import Profile, encode, follow
from tests.benchmarks.peers.verdict import by_backtest
from tests.benchmarks.synthetic import SPREADS, Spread, Synthetic

LOADS = {spread: Synthetic(8_000, spread, seed=5) for spread in SPREADS}


def followed(load: Synthetic, *, restored: bool = False) -> Counter[Moment]:
    profiles: dict[str, Profile] = {}
    said: Counter[Moment] = Counter()
    for line in load.lines():
        message = msgspec.json.decode(line)
        user, at_ms = message["userId"], instant_ms(message["timestamp"])
        profile = profiles.setdefault(user, {})
        before = msgspec.json.encode(profile)
        now, changed = follow(profile, message, at_ms)
        assert changed or msgspec.json.encode(profile) == before
        if restored:
            profiles[user] = msgspec.json.decode(msgspec.json.encode(profile))
        said.update(read_moment(encode(user, segment, action, at_ms)) for segment, action in now)
    return said


@pytest.mark.parametrize("spread", SPREADS)
def test_who_enters_enters_when_the_backtest_says(spread: Spread) -> None:
    truth = by_backtest(LOADS[spread], "windows")
    assert truth.problem(followed(LOADS[spread]), timers=False) == ""


@pytest.mark.parametrize("spread", SPREADS)
def test_who_leaves_leaves_with_the_next_event_of_his_own(spread: Spread) -> None:
    load = LOADS[spread]
    said = followed(load)
    own: dict[str, list[int]] = {}
    for line in load.lines():
        message = msgspec.json.decode(line)
        own.setdefault(message["userId"], []).append(instant_ms(message["timestamp"]))
    expected: Counter[Moment] = Counter()
    for moment in by_backtest(load, "windows").moments:
        if moment.action == "left":
            following = [at_ms for at_ms in own[moment.user] if at_ms >= moment.at]
            expected.update(moment._replace(at=at_ms) for at_ms in following[:1])
    assert Counter(moment for moment in said if moment.action == "left") == expected


def test_a_profile_that_was_written_and_read_goes_on_as_before() -> None:
    assert followed(LOADS["uniform"], restored=True) == followed(LOADS["uniform"])


def page(profile: Profile, at_ms: int) -> list[tuple[str, str]]:
    return follow(profile, {"type": "page"}, at_ms)[0]


def test_an_event_exactly_a_window_old_is_out() -> None:
    profile: Profile = {}
    day_ms = 86_400_000
    assert [page(profile, at_ms) for at_ms in (0, 1, day_ms)] == [[], [], []]
    assert page(profile, day_ms) == [("active", "entered")]
    assert page(profile, 2 * day_ms) == [("active", "left")]
