"""The verdict on a run: backtest and brute force agree, and nothing wrong gets through."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.benchmarks.peers.moments import Moment, read_moment, rules
from tests.benchmarks.peers.verdict import Expected, by_backtest, by_oracle, difference, expected
from tests.benchmarks.synthetic import SPREADS, Spread, Synthetic

LOAD = Synthetic(3_000, seed=3)


@pytest.fixture(scope="module", params=[False, True], ids=["windows", "timers"])
def truth(request: pytest.FixtureRequest) -> Expected:
    return by_backtest(LOAD, timers=request.param)


@pytest.mark.parametrize("spread", SPREADS)
def test_backtest_and_brute_force_agree_on_every_rule(spread: Spread) -> None:
    load = Synthetic(8_000, spread, seed=4)
    truth = expected(load, timers=True)
    entered = {moment.segment for moment in truth.entered}
    assert entered == {segment.name for segment in rules(timers=True).segments}


def test_the_oracle_follows_the_rules_that_are_asked_for() -> None:
    users = {f"u{number:05d}" for number in range(LOAD.users)}
    assert by_oracle(LOAD, users, timers=False) == by_backtest(LOAD, timers=False).moments


def test_what_is_right_is_valid_in_any_order(truth: Expected) -> None:
    assert truth.problem(sorted(truth.moments.elements(), reverse=True)) == ""


WRONGS: dict[str, Callable[[list[Moment], Moment], list[Moment]]] = {
    "missing": lambda said, one: [moment for moment in said if moment != one],
    "repeated": lambda said, one: [*said, one],
    "of another user": lambda said, one: [*said, one._replace(user="nobody")],
    "a millisecond late": lambda said, one: [m._replace(at=m.at + 1) if m == one else m for m in said],
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_one_wrong_moment_makes_a_run_invalid(truth: Expected, wrong: str) -> None:
    one = min(truth.entered)
    assert truth.problem(WRONGS[wrong](list(truth.moments.elements()), one))


def test_engines_with_timers_must_say_when_somebody_leaves() -> None:
    with_timers, without = by_backtest(LOAD, timers=True), by_backtest(LOAD, timers=False)
    assert with_timers.problem(with_timers.entered.elements())
    assert without.problem(without.entered.elements()) == ""


def test_what_is_said_of_the_time_after_the_last_event_does_not_count(truth: Expected) -> None:
    after = Moment("u00001", "buyers", "entered", truth.end_ms + 1)
    assert truth.problem([*truth.moments.elements(), after]) == ""


def test_a_difference_is_told_with_examples() -> None:
    said = difference(Counter([Moment("u1", "buyers", "entered", 5)]), Counter())
    assert said == "1 missing (u1 buyers entered at 5)"


def test_what_peers_write_is_read() -> None:
    value = b'{"user":"u1","segment":"buyers","action":"left","at":17}'
    assert read_moment(value) == Moment("u1", "buyers", "left", 17)
