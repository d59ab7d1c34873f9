"""Statistics of an experiment: the ratio of the groups, CUPED, and intervals that hold whenever somebody looks.

An interval of a usual test holds for one look. Whoever looks daily and stops at the first difference finds one in every
third experiment without any. A confidence sequence (asymptotic, by a normal mixture: Waudby-Smith and others, 2021)
contains the true difference at all looks together with the stated probability.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

from app.errors import UserError, install_command

RATIO_ALARM_P: Final = 0.001
"""Groups whose sizes are less probable than this do not come from a working assignment."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A group: the number of its users, the mean of what is measured, and the variance of one user."""

    users: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference of two means with an interval of all looks together. `p`: of no difference, likewise."""

    difference: float
    low: float
    high: float
    p: float


def sample_ratio_p(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """The probability of group sizes at least this far from their shares (chi-square test). UserError without SciPy."""
    try:
        from scipy.stats import chisquare
    except ModuleNotFoundError:
        raise UserError("checking the ratio of the groups needs SciPy", hint=install_command("uplift")) from None
    total, whole = sum(counts.get(name, 0) for name in shares), sum(shares.values())
    expected = [total * share / whole for share in shares.values()]
    return float(chisquare([counts.get(name, 0) for name in shares], expected).pvalue)


def arms_of(groups: Mapping[str, Sequence[tuple[float, float | None]]]) -> dict[str, Arm]:
    """The groups from (value, covariate) of each user, with the covariate's part taken out of the values (CUPED).

    The covariate was known before the exposure, so what it explains is noise. One factor for all groups; a user
    without a covariate counts as an average one.

    >>> arms_of({"a": [(1.0, None), (3.0, None)]})
    {'a': Arm(users=2, mean=2.0, variance=2.0)}
    """
    known = [x for rows in groups.values() for _, x in rows if x is not None]
    mean_x = sum(known) / len(known) if known else 0.0
    filled = {name: [(y, mean_x if x is None else x) for y, x in rows] for name, rows in groups.items()}
    moments = {name: _moments(rows) for name, rows in filled.items() if rows}
    sum_xx = sum(each.xx for each in moments.values())
    theta = sum(each.xy for each in moments.values()) / sum_xx if sum_xx > 0 else 0.0
    return {
        name: Arm(
            users=each.users,
            mean=each.y - theta * (each.x - mean_x),
            variance=max(0.0, each.yy - 2 * theta * each.xy + theta * theta * each.xx) / max(1, each.users - 1),
        )
        for name, each in moments.items()
    }


def confidence_sequence(arm: Arm, control: Arm, *, alpha: float, rho_squared: float) -> Interval:
    """The difference of an arm's mean from the control's, at a level that holds for all looks together.

    `rho_squared` (`tuned`) must be chosen before the first look.
    """
    users = arm.users + control.users
    difference = arm.mean - control.mean
    variance = arm.variance / arm.users + control.variance / control.users
    if variance <= 0:  # everybody is equal: nothing says how far apart others may be
        return Interval(difference, float("-inf"), float("inf"), 1.0)
    information = users * rho_squared + 1
    radius = sqrt(variance / users * information / rho_squared * (log(information) - 2 * log(alpha)))
    exponent = rho_squared * users * difference * difference / variance / (2 * information) - log(information) / 2
    p = 1.0 if exponent <= 0 else exp(-exponent)
    return Interval(difference, difference - radius, difference + radius, p)


def tuned(planned_users: int, *, alpha: float) -> float:
    """The `rho_squared` with which the interval is narrowest at a number of users; it holds at any number.

    >>> round(tuned(10_000, alpha=0.05) * 10_000, 4)
    7.9362
    """
    return (-2 * log(alpha) + log(1 - 2 * log(alpha))) / planned_users


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """The probabilities, corrected for there being several comparisons (Holm).

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    corrected: dict[str, float] = {}
    least = 0.0
    for place, (name, p) in enumerate(sorted(ps.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, p * (len(ps) - place)))
        corrected[name] = least
    return corrected


@dataclass(frozen=True, slots=True)
class _Moments:
    """Means of y and x, and sums of squares and products around them."""

    users: int
    y: float
    x: float
    yy: float
    xx: float
    xy: float


def _moments(rows: Sequence[tuple[float, float]]) -> _Moments:
    users = len(rows)
    mean_y, mean_x = sum(y for y, _ in rows) / users, sum(x for _, x in rows) / users
    return _Moments(
        users=users,
        y=mean_y,
        x=mean_x,
        yy=sum((y - mean_y) ** 2 for y, _ in rows),
        xx=sum((x - mean_x) ** 2 for _, x in rows),
        xy=sum((y - mean_y) * (x - mean_x) for y, x in rows),
    )
