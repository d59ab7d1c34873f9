"""The users that count in an experiment, and when there is a verdict."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.errors import UserError
from app.offline.uplift import Exposure, Outcome, Plan, Uplift, compute_uplift

DAY_MS = 86_400_000
PLAN = Plan(control="holdout", within_ms=7 * DAY_MS)
NOW_MS = 100 * DAY_MS


def exposures(**groups: int) -> Iterator[Exposure]:
    for group, users in groups.items():
        for number in range(users):
            yield Exposure(user=f"{group}-{number}", group=group, exposed_ms=DAY_MS)


def outcomes(value: float = 1.0, **groups: int) -> Iterator[Outcome]:
    for group, users in groups.items():
        for number in range(users):
            yield Outcome(user=f"{group}-{number}", at_ms=DAY_MS + 1, value=value)


def verdicts(found: Uplift) -> dict[str, str]:
    return {each.group: each.verdict for each in found.comparisons}


def test_a_lift_that_is_there_is_found_and_one_that_is_not_is_not() -> None:
    found = compute_uplift(
        exposures(holdout=3_000, mail=3_000, push=3_000),
        outcomes(holdout=300, mail=450, push=300),
        PLAN,
        now_ms=NOW_MS,
    )
    assert verdicts(found) == {"mail": "better", "push": "undecided"}
    mail, push = found.comparisons
    assert mail.difference == pytest.approx(0.05)
    assert mail.lift == pytest.approx(0.5)
    assert mail.low is not None
    assert mail.low > 0
    assert push.low is not None
    assert push.high is not None
    assert push.low < 0 < push.high
    assert verdicts(
        compute_uplift(exposures(holdout=3_000, mail=3_000), outcomes(holdout=450, mail=300), PLAN, now_ms=NOW_MS)
    ) == {"mail": "worse"}


def test_outcomes_count_within_the_window_after_the_exposure_and_each_id_once() -> None:
    user = "mail-0"
    at = [DAY_MS, DAY_MS + 1, 8 * DAY_MS, 8 * DAY_MS + 1]
    given = [Outcome(user=user, at_ms=at_ms, value=10.0**place) for place, at_ms in enumerate(at)]
    given += [Outcome(user=user, at_ms=DAY_MS + 5, value=0.5, id="o-1")] * 2
    given += [Outcome(user="nobody", at_ms=DAY_MS + 1, value=9)]
    plan = replace(PLAN, metric="value")
    found = compute_uplift(exposures(holdout=1, mail=1), given, plan, now_ms=NOW_MS)
    assert {each.group: each.mean for each in found.groups} == {"holdout": 0, "mail": 110.5}
    assert verdicts(found) == {"mail": "too few"}


def test_users_whose_window_is_not_over_wait() -> None:
    late = [Exposure(user="late", group="mail", exposed_ms=NOW_MS - 7 * DAY_MS + 1)]
    found = compute_uplift([*exposures(holdout=2, mail=2), *late], [], PLAN, now_ms=NOW_MS)
    assert {each.group: (each.users, each.pending) for each in found.groups} == {"holdout": (2, 0), "mail": (2, 1)}
    after = compute_uplift([*exposures(holdout=2, mail=2), *late], [], PLAN, now_ms=NOW_MS + 1)
    assert {each.group: each.pending for each in after.groups} == {"holdout": 0, "mail": 0}


def test_users_in_two_groups_are_left_out_and_counted() -> None:
    both = [Exposure(user="holdout-0", group="mail", exposed_ms=DAY_MS + 5)]
    marked = [Exposure(user="mail-0", group="mail", exposed_ms=DAY_MS + 5, crossed=True)]
    again = [Exposure(user="mail-1", group="mail", exposed_ms=DAY_MS + 5)]
    found = compute_uplift([*exposures(holdout=5, mail=5), *both, *marked, *again], [], PLAN, now_ms=NOW_MS)
    assert found.crossed == 2
    assert {each.group: each.users for each in found.groups} == {"holdout": 4, "mail": 4}


def test_groups_of_the_wrong_sizes_get_no_verdict() -> None:
    plan = replace(PLAN, shares={"holdout": 50, "mail": 50})
    given = outcomes(holdout=300, mail=600)
    wrong = compute_uplift(exposures(holdout=3_000, mail=3_400), given, plan, now_ms=NOW_MS)
    assert verdicts(wrong) == {"mail": "wrong ratio"}
    assert wrong.ratio_p is not None
    assert wrong.ratio_p < 0.001
    right = compute_uplift(exposures(holdout=3_000, mail=3_050), outcomes(holdout=300, mail=600), plan, now_ms=NOW_MS)
    assert verdicts(right) == {"mail": "better"}


def test_groups_with_few_users_or_conversions_get_no_verdict() -> None:
    few = compute_uplift(exposures(holdout=99, mail=5_000), outcomes(holdout=50, mail=10), PLAN, now_ms=NOW_MS)
    assert verdicts(few) == {"mail": "too few"}
    rare = compute_uplift(exposures(holdout=5_000, mail=5_000), outcomes(holdout=9, mail=900), PLAN, now_ms=NOW_MS)
    assert verdicts(rare) == {"mail": "too few"}
    assert rare.comparisons[0].low is None


def test_a_covariate_makes_the_interval_narrower() -> None:
    chance = random.Random(18)
    rows, sold = [], []
    for number in range(2_000):
        usual = chance.lognormvariate(3, 1)
        group = ("holdout", "mail")[number % 2]
        rows.append(Exposure(user=f"u-{number}", group=group, exposed_ms=DAY_MS, covariate=usual))
        sold.append(Outcome(user=f"u-{number}", at_ms=DAY_MS + 1, value=usual + chance.gauss(0, 2)))
    plan = replace(PLAN, metric="value")
    (adjusted,) = compute_uplift(rows, sold, plan, now_ms=NOW_MS).comparisons
    (plain,) = compute_uplift([replace(row, covariate=None) for row in rows], sold, plan, now_ms=NOW_MS).comparisons
    assert None not in (adjusted.low, adjusted.high, plain.low, plain.high)
    assert adjusted.high is not None
    assert plain.high is not None
    assert adjusted.high - adjusted.difference < (plain.high - plain.difference) / 5


@pytest.mark.parametrize(
    ("groups", "plan", "said"),
    [
        ({"mail": 3}, PLAN, "nobody is in the group holdout"),
        ({"holdout": 3}, PLAN, "there is only one group: holdout"),
        ({"holdout": 3, "mail": 2}, replace(PLAN, shares={"holdout": 1}), "no share is given for the group mail"),
    ],
)
def test_an_experiment_that_cannot_be_compared_is_an_error(groups: dict[str, int], plan: Plan, said: str) -> None:
    with pytest.raises(UserError, match=said):
        compute_uplift(exposures(**groups), [], plan, now_ms=NOW_MS)
