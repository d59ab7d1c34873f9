"""The uplift of an experiment: groups that are compared with the control, from exposures and outcomes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from app.errors import UserError
from app.events.instants import iso
from app.events.visible_text import visible_line
from app.offline.uplift_statistics import (
    RATIO_ALARM_P,
    Interval,
    arms_of,
    confidence_sequence,
    holm,
    sample_ratio_p,
    tuned,
)

Metric = Literal["conversion", "value"]
Verdict = Literal["better", "worse", "undecided", "too few", "wrong ratio"]
USERS_MIN: Final = 100
CONVERTED_MIN: Final = 10
"""Users with an outcome that each compared group needs: with fewer, the intervals are not what they say."""


class GroupResult(msgspec.Struct, kw_only=True, frozen=True):
    """A group. `users`: whose windows are over; `pending`: whose are not; `mean`: of the metric, as it was measured."""

    group: str
    users: int
    pending: int
    converted: int
    mean: float


class Comparison(msgspec.Struct, kw_only=True, frozen=True):
    """A group against the control. `difference` of the means, with its interval (null: not known). `lift`: the
    difference in parts of the control's mean. `p`: of no difference, corrected for the number of groups."""

    group: str
    difference: float
    low: float | None
    high: float | None
    lift: float | None
    p: float
    verdict: Verdict


class Uplift(msgspec.Struct, kw_only=True, frozen=True):
    """Result of an experiment as of an instant. `crossed`: users who were in two groups, left out.

    `ratio_p`: probability of the sizes of the groups under the given shares; null: no shares were given.
    """

    at: str
    metric: Metric
    control: str
    alpha: float
    crossed: int
    ratio_p: float | None
    groups: list[GroupResult]
    comparisons: list[Comparison]


class ExposedUsers(msgspec.Struct, kw_only=True, frozen=True):
    """Users who were exposed to an experiment, by group. `crossed`: users who were in two groups, who are in none here.

    `ratio_p`: probability of these sizes under the given shares; null: no shares were given, or nobody was exposed.
    """

    groups: dict[str, int]
    crossed: int
    ratio_p: float | None


@dataclass(slots=True)
class _Exposed:
    group: str
    exposed_ms: int
    covariate: float | None
    crossed: bool = False
    outcomes: int = 0
    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A user who came into a group."""

    user: str
    group: str
    exposed_ms: int
    covariate: float | None = None
    crossed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An event that is the goal of an experiment. `id`: seen again, it counts once."""

    user: str
    at_ms: int
    value: float = 0.0
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of an experiment. `shares`: of the groups; empty: their ratio is not checked. `planned_users`: about as
    many as there will be, chosen before the first look."""

    control: str
    within_ms: int
    metric: Metric = "conversion"
    shares: Mapping[str, float] = field(default_factory=dict)
    alpha: float = 0.05
    planned_users: int = 10_000


def compute_uplift(exposures: Iterable[Exposure], outcomes: Iterable[Outcome], plan: Plan, *, now_ms: int) -> Uplift:
    """Compares the groups. Only users whose window is over count. UserError where there is nothing to compare."""
    exposed = _first_exposures(exposures)
    _add_outcomes(exposed, outcomes, plan.within_ms)
    crossed = sum(each.crossed for each in exposed.values())
    rows: dict[str, list[_Exposed]] = {}
    pending: dict[str, int] = {}
    for each in exposed.values():
        if each.crossed:
            continue
        group = rows.setdefault(each.group, [])
        if each.exposed_ms + plan.within_ms <= now_ms:
            group.append(each)
        else:
            pending[each.group] = pending.get(each.group, 0) + 1
    _check_groups(rows, plan)
    sizes = {name: len(group) + pending.get(name, 0) for name, group in rows.items()}
    ratio_p = sample_ratio_p(sizes, plan.shares) if plan.shares else None
    return Uplift(
        at=iso(now_ms),
        metric=plan.metric,
        control=plan.control,
        alpha=plan.alpha,
        crossed=crossed,
        ratio_p=ratio_p,
        groups=[_group(name, rows[name], pending.get(name, 0), plan.metric) for name in sorted(rows)],
        comparisons=_compare(rows, plan, is_wrong_ratio=ratio_p is not None and ratio_p < RATIO_ALARM_P),
    )


def count_exposed(exposures: Iterable[Exposure], shares: Mapping[str, float]) -> ExposedUsers:
    """The users of each group. `shares`: of all groups; empty: their ratio is not checked."""
    exposed = _first_exposures(exposures).values()
    groups = Counter(each.group for each in exposed if not each.crossed)
    return ExposedUsers(
        groups=dict(sorted(groups.items())),
        crossed=sum(each.crossed for each in exposed),
        ratio_p=sample_ratio_p(groups, shares) if shares and groups else None,
    )


def _first_exposures(exposures: Iterable[Exposure]) -> dict[str, _Exposed]:
    found: dict[str, _Exposed] = {}
    for each in exposures:
        known = found.get(each.user)
        if known is None:
            found[each.user] = _Exposed(each.group, each.exposed_ms, each.covariate, each.crossed)
            continue
        known.crossed = known.crossed or each.crossed or known.group != each.group
        if each.exposed_ms < known.exposed_ms:
            known.exposed_ms, known.covariate = each.exposed_ms, each.covariate
    return found


def _add_outcomes(exposed: Mapping[str, _Exposed], outcomes: Iterable[Outcome], within_ms: int) -> None:
    seen: set[tuple[str, str]] = set()
    for each in outcomes:
        user = exposed.get(each.user)
        if user is None or not user.exposed_ms < each.at_ms <= user.exposed_ms + within_ms:
            continue
        if each.id is not None:
            if (each.user, each.id) in seen:
                continue
            seen.add((each.user, each.id))
        user.outcomes += 1
        user.value += each.value


def _check_groups(rows: Mapping[str, object], plan: Plan) -> None:
    names = ", ".join(visible_line(name) for name in sorted(rows)) or "none"
    if plan.control not in rows:
        raise UserError(f"nobody is in the group {visible_line(plan.control)}", hint=f"groups with users: {names}")
    if len(rows) < 2:
        raise UserError(f"there is only one group: {names}", hint="an exposure names its user's group")
    strange = sorted(rows.keys() - plan.shares.keys()) if plan.shares else []
    if strange:
        raise UserError(
            f"no share is given for the group {visible_line(strange[0])}", hint=f"groups with users: {names}"
        )


def _group(name: str, users: list[_Exposed], pending: int, metric: Metric) -> GroupResult:
    values = [_value(each, metric) for each in users]
    return GroupResult(
        group=name,
        users=len(users),
        pending=pending,
        converted=sum(1 for each in users if each.outcomes),
        mean=sum(values) / len(values) if values else 0.0,
    )


def _compare(rows: Mapping[str, list[_Exposed]], plan: Plan, *, is_wrong_ratio: bool) -> list[Comparison]:
    others = [name for name in sorted(rows) if name != plan.control]
    arms = arms_of(
        {name: [(_value(each, plan.metric), each.covariate) for each in users] for name, users in rows.items()}
    )
    rho_squared = tuned(plan.planned_users, alpha=plan.alpha)
    enough = {name for name, users in rows.items() if _is_enough(users)}
    intervals: dict[str, Interval] = {}
    for name in others:
        if {name, plan.control} <= enough:
            level = plan.alpha / len(others)
            intervals[name] = confidence_sequence(arms[name], arms[plan.control], alpha=level, rho_squared=rho_squared)
    corrected = holm({name: intervals[name].p if name in intervals else 1.0 for name in others})
    found = []
    for name in others:
        interval = intervals.get(name)
        mean, base = (arms[each].mean if each in arms else 0.0 for each in (name, plan.control))
        verdict: Verdict = "undecided"
        if is_wrong_ratio:
            verdict = "wrong ratio"
        elif interval is None:
            verdict = "too few"
        elif corrected[name] <= plan.alpha:
            verdict = "better" if interval.difference > 0 else "worse"
        found.append(
            Comparison(
                group=name,
                difference=mean - base,
                low=None if interval is None else interval.low,
                high=None if interval is None else interval.high,
                lift=(mean - base) / base if base > 0 else None,
                p=corrected[name],
                verdict=verdict,
            )
        )
    return found


def _is_enough(users: list[_Exposed]) -> bool:
    return len(users) >= USERS_MIN and sum(1 for each in users if each.outcomes) >= CONVERTED_MIN


def _value(each: _Exposed, metric: Metric) -> float:
    return float(each.outcomes > 0) if metric == "conversion" else each.value
