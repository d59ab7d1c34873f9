"""The statistics of experiments against fixed vectors, and false alarms of somebody who looks daily."""

import random
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from app.offline.uplift_statistics import (
    Arm,
    arms_of,
    confidence_sequence,
    holm,
    sample_ratio_p,
    tuned,
)

ALPHA = 0.05
SHOPS, DAYS = 2_000, 30


def test_the_ratio_of_groups_has_the_p_of_the_chi_square_test() -> None:
    assert sample_ratio_p({"a": 5_000, "b": 5_000}, {"a": 50, "b": 50}) == 1
    p = sample_ratio_p({"holdout": 1_100, "mail": 8_900}, {"holdout": 10, "mail": 90})
    assert p == pytest.approx(2 * (1 - NormalDist().cdf(100 / sqrt(900))), rel=1e-6)
    assert sample_ratio_p({"a": 100}, {"a": 1, "b": 1}) < 1e-20, "a group without users"


def test_the_interval_is_the_one_of_the_published_formula() -> None:
    rho_squared = tuned(1_000, alpha=ALPHA)
    found = confidence_sequence(Arm(600, 0.12, 0.1056), Arm(400, 0.1, 0.09), alpha=ALPHA, rho_squared=rho_squared)
    users, variance = 1_000, 1_000 * (0.1056 / 600 + 0.09 / 400)
    information = users * rho_squared + 1
    radius = sqrt(2 * variance * information / (users**2 * rho_squared) * log(sqrt(information) / ALPHA))
    assert (found.high - found.low) / 2 == pytest.approx(radius, rel=1e-12)
    assert (found.high + found.low) / 2 == pytest.approx(0.02)


def test_at_the_end_of_the_interval_the_mixture_of_likelihood_ratios_is_one_over_alpha() -> None:
    """The formula from where it comes from: a bet on all differences at once, integrated numerically."""
    rho_squared = tuned(1_000, alpha=ALPHA)
    arm, control = Arm(600, 0.12, 0.1056), Arm(400, 0.1, 0.09)
    found = confidence_sequence(arm, control, alpha=ALPHA, rho_squared=rho_squared)
    users = 1_000
    deviation = sqrt(users * (arm.variance / 600 + control.variance / 400))
    total = users * (found.high - found.difference) / deviation

    def bet(mean: float) -> float:
        return NormalDist(0, sqrt(rho_squared)).pdf(mean) * exp(mean * total - mean * mean * users / 2)

    wealth, _ = integrate.quad(bet, -1, 1, points=[total / users], limit=200)
    assert wealth == pytest.approx(1 / ALPHA, rel=1e-6)


def test_the_tuning_makes_the_interval_narrowest_at_the_planned_users() -> None:
    def radius(rho_squared: float) -> float:
        found = confidence_sequence(Arm(500, 1, 1), Arm(500, 1, 1), alpha=ALPHA, rho_squared=rho_squared)
        return found.high - found.low

    best = optimize.minimize_scalar(radius, bounds=(1e-5, 1), method="bounded", options={"xatol": 1e-8}).x
    assert radius(tuned(1_000, alpha=ALPHA)) == pytest.approx(radius(best), rel=1e-3)


@pytest.mark.parametrize("difference", [0.05, -0.05])
def test_p_is_the_level_at_which_the_interval_touches_zero(difference: float) -> None:
    arm, control = Arm(5_000, 0.2 + difference, 0.16), Arm(5_000, 0.2, 0.16)
    rho_squared = tuned(10_000, alpha=ALPHA)
    p = confidence_sequence(arm, control, alpha=ALPHA, rho_squared=rho_squared).p
    touching = confidence_sequence(arm, control, alpha=p, rho_squared=rho_squared)
    assert min(abs(touching.low), abs(touching.high)) == pytest.approx(0, abs=1e-12)


def test_the_variance_without_a_covariate_is_that_of_welch() -> None:
    chance = random.Random(18)
    rows = {name: [chance.gauss(mean, 2) for _ in range(40)] for name, mean in (("a", 3.0), ("b", 1.0))}
    arms = arms_of({name: [(y, None) for y in ys] for name, ys in rows.items()})
    welch = stats.ttest_ind(rows["a"], rows["b"], equal_var=False)
    z = (arms["a"].mean - arms["b"].mean) / sqrt(arms["a"].variance / 40 + arms["b"].variance / 40)
    assert z == pytest.approx(welch.statistic, rel=1e-9)


def test_a_covariate_that_explains_everything_leaves_the_difference_without_noise() -> None:
    rows = {"a": [(2 * x + 5, x) for x in range(50)], "b": [(2 * x, x) for x in range(10, 70)]}
    arms = arms_of({name: [(float(y), float(x)) for y, x in ys] for name, ys in rows.items()})
    assert arms["a"].mean - arms["b"].mean == pytest.approx(5)
    assert arms["a"].variance == pytest.approx(0, abs=1e-9)


def test_the_factor_of_the_covariate_is_that_of_a_regression_with_groups() -> None:
    chance = np.random.default_rng(18)
    x = chance.normal(10, 3, 400)
    group = np.arange(400) % 2
    y = 1.5 * x + 0.7 * group + chance.normal(0, 2, 400)
    rows = {str(number): list(zip(y[group == number], x[group == number], strict=True)) for number in (0, 1)}
    arms = arms_of({name: [(float(a), float(b)) for a, b in pairs] for name, pairs in rows.items()})
    solved = np.linalg.lstsq(np.column_stack([np.ones(400), group, x]), y, rcond=None)[0]
    assert arms["1"].mean - arms["0"].mean == pytest.approx(float(solved[1]), rel=1e-9)


def test_users_without_a_covariate_count_as_average_ones() -> None:
    arms = arms_of({"a": [(1.0, 4.0), (3.0, 8.0), (9.0, None)], "b": [(2.0, 6.0)]})
    assert arms["a"].users == 3
    assert arms["a"].mean == pytest.approx(13 / 3)


def test_several_groups_share_the_level() -> None:
    assert holm({"a": 0.02}) == {"a": 0.02}
    assert holm({"a": 0.02, "b": 0.9}) == {"a": 0.04, "b": 0.9}
    assert holm({}) == {}


def false_alarms(shops: int, *, share: float, seed: int) -> float:
    """The part of shops without any difference in which one is claimed on some day."""
    chance = np.random.default_rng(seed)
    rho_squared = tuned(10_000, alpha=ALPHA)
    users = chance.binomial(400, share, (shops, DAYS)), chance.binomial(400, 1 - share, (shops, DAYS))
    converted = tuple(chance.binomial(each, 0.05) for each in users)
    n, k = (tuple(np.cumsum(each, axis=1) for each in pair) for pair in (users, converted))
    alarms = 0
    for shop in range(shops):
        for day in range(DAYS):
            arm, control = (of_converted(int(n[side][shop, day]), int(k[side][shop, day])) for side in (1, 0))
            if min(arm[1], control[1]) >= 10 and min(arm[0].users, control[0].users) >= 100:
                found = confidence_sequence(arm[0], control[0], alpha=ALPHA, rho_squared=rho_squared)
                if found.low > 0 or found.high < 0:
                    alarms += 1
                    break
    return alarms / shops


def of_converted(users: int, converted: int) -> tuple[Arm, int]:
    rate = converted / users
    return Arm(users, rate, rate * (1 - rate) * users / max(1, users - 1)), converted


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_who_looks_daily_at_groups_without_a_difference_rarely_finds_one(share: float) -> None:
    assert false_alarms(SHOPS, share=share, seed=18) <= ALPHA


@pytest.mark.long
def test_who_looks_daily_at_values_with_a_covariate_rarely_finds_a_difference() -> None:
    chance = np.random.default_rng(18)
    rho_squared = tuned(10_000, alpha=ALPHA)
    shops, alarms = 100, 0
    for _ in range(shops):
        usual = chance.lognormal(3, 0.8, 12_000)
        spent = usual * chance.lognormal(0, 0.5, 12_000) * (chance.random(12_000) < 0.3)
        side = chance.random(12_000) < 0.5
        for users in range(1_200, 12_001, 1_200):
            pairs = list(zip(spent[:users].tolist(), usual[:users].tolist(), side[:users].tolist(), strict=True))
            arms = arms_of({str(which): [(y, x) for y, x, its in pairs if its == which] for which in (True, False)})
            found = confidence_sequence(arms["True"], arms["False"], alpha=ALPHA, rho_squared=rho_squared)
            if found.low > 0 or found.high < 0:
                alarms += 1
                break
    assert alarms / shops <= ALPHA


def test_a_test_for_one_look_would_fail_under_daily_looks() -> None:
    """Shows that the test of false alarms can fail."""
    chance = np.random.default_rng(18)
    users, rate = 200, 0.05
    k = np.cumsum(chance.binomial(users, rate, (2, 300, DAYS)), axis=2)
    n = np.arange(1, DAYS + 1) * users
    means = k / n
    z = (means[1] - means[0]) / np.sqrt((means * (1 - means)).sum(axis=0) / n)
    assert (np.abs(z) > NormalDist().inv_cdf(0.975)).any(axis=1).mean() > 0.2
