"""The verdict on a run: backtest and brute force agree, and nothing wrong gets through."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.benchmarks.peers.moments import Moment, catalog_of, read_moment
from tests.benchmarks.peers.verdict import Expected, by_backtest, by_oracle, difference, expected
from tests.benchmarks.synthetic import SPREADS, Spread, Synthetic

LOAD = Synthetic(3_000, seed=3)


@pytest.fixture(scope="module")
def truth() -> Expected:
    return by_backtest(LOAD, "all")


@pytest.mark.parametrize("spread", SPREADS)
def test_backtest_and_brute_force_agree_on_every_rule(spread: Spread) -> None:
    load = Synthetic(8_000, spread, seed=4)
    truth = expected(load, "all")
    entered = {moment.segment for moment in truth.wanted(timers=False)}
    assert entered == {segment.name for segment in catalog_of("all").segments}


def test_the_oracle_follows_the_rules_that_are_asked_for() -> None:
    users = {f"u{number:05d}" for number in range(LOAD.users)}
    assert by_oracle(LOAD, users, "windows") == by_backtest(LOAD, "windows").moments


def test_what_is_right_is_valid_in_any_order(truth: Expected) -> None:
    assert truth.problem(Counter(sorted(truth.moments, reverse=True)), timers=True) == ""


WRONGS: dict[str, Callable[[list[Moment], Moment], list[Moment]]] = {
    "missing": lambda said, one: [moment for moment in said if moment != one],
    "repeated": lambda said, one: [*said, one],
    "of another user": lambda said, one: [*said, one._replace(user="nobody")],
    "a millisecond late": lambda said, one: [m._replace(at=m.at + 1) if m == one else m for m in said],
}


@pytest.mark.parametrize("timers", [False, True])
@pytest.mark.parametrize("wrong", WRONGS)
def test_one_wrong_moment_makes_a_run_invalid(truth: Expected, wrong: str, timers: bool) -> None:
    one = min(truth.wanted(timers=False))
    assert truth.problem(Counter(WRONGS[wrong](list(truth.moments), one)), timers=timers)


def test_only_engines_with_timers_must_say_when_somebody_leaves(truth: Expected) -> None:
    entered = truth.wanted(timers=False)
    assert truth.problem(entered, timers=True)
    assert truth.problem(entered, timers=False) == ""


def test_what_is_said_of_the_time_after_the_last_event_does_not_count(truth: Expected) -> None:
    after = Moment("u00001", "buyers", "entered", truth.end_ms + 1)
    assert truth.problem(Counter([*truth.moments, after]), timers=True) == ""


def test_a_difference_is_told_with_examples() -> None:
    said = difference(Counter([Moment("u1", "buyers", "entered", 5)]), Counter())
    assert said == "1 missing (u1 buyers entered at 5)"


def test_what_peers_write_is_read() -> None:
    value = b'{"user":"u1","segment":"buyers","action":"left","at":17}'
    assert read_moment(value) == Moment("u1", "buyers", "left", 17)
