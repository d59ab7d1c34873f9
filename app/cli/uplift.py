"""`shoal uplift`: the groups of an experiment, compared."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from app.console.options import check_above_zero, read_duration_ms, read_instant_ms
from app.console.output import make_console, say_lines
from app.console.uplift import show_uplift
from app.errors import UserError
from app.events.visible_text import visible, visible_json
from app.offline.uplift import Metric, Plan, Uplift, compute_uplift
from app.offline.uplift_files import read_exposures, read_outcomes
from app.offline.uplift_warehouse import Warehouse

EXIT_OK = 0
EXIT_WRONG_RATIO = 1


def uplift(
    exposures: Path | None = None,
    outcomes: Path | None = None,
    /,
    *,
    within: str,
    warehouse: str | None = None,
    goal: str | None = None,
    value: str | None = None,
    control: str = "holdout",
    share: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    metric: Metric = "conversion",
    experiment: str | None = None,
    planned: int = 10_000,
    alpha: float = 0.05,
    at: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Compare the groups of an experiment with its control: who converts more, and by how much.

    The intervals hold at all looks together: look as often as you like, and stop when one leaves zero. Only users whose
    window is over count. Without the right sizes of the groups there is no verdict, and the exit code is 1. Exposures
    and outcomes are in two files, or in the warehouse of a running shop (`shoal warehouse`).

    Example: `shoal uplift exposures.jsonl outcomes.parquet --within 7d --share holdout=10 mail=90`

    Example: `shoal uplift --warehouse FOLDER --experiment cart-mail --goal 'Order Completed' --within 7d`

    Parameters
    ----------
    exposures
        File of exposures (JSON lines or Parquet): user, group, exposed_at, and if known covariate.
    outcomes
        File of outcomes: user, t, and if known value and id.
    warehouse
        In place of the two files: the folder of the warehouse, or a place that DuckDB can read.
    goal
        With --warehouse: the name of the events that are outcomes.
    value
        With --warehouse: the property with their value, such as revenue.
    within
        An outcome counts for so long after the exposure.
    control
        The group that the others are compared with.
    share
        The share of each group, as name=number: checks that the groups have the sizes that they should have.
    metric
        conversion: the part of users with an outcome. value: the sum of their values for each user.
    experiment
        The experiment, if the files hold several.
    planned
        About as many users as two groups will have, chosen before the first look: there the interval is narrowest.
    alpha
        Probability of a false alarm, over all looks and groups.
    at
        As of this instant, ISO 8601. Default: now; with --warehouse the latest event in it.
    json
        Print JSON.
    """
    within_ms = read_duration_ms(within, option="--within")
    shares = _shares(share)
    plan = Plan(control=control, within_ms=within_ms, metric=metric, shares=shares, alpha=alpha, planned_users=planned)
    _check(plan)
    at_ms = None if at is None else read_instant_ms(at, option="--at")
    if warehouse is not None:
        found = _of_warehouse(warehouse, (exposures, outcomes), (experiment, goal, value), plan, at_ms=at_ms)
    else:
        found = _of_files((exposures, outcomes), (experiment, goal, value), plan, at_ms=at_ms)
    return _tell(found, as_json=json)


def _tell(found: Uplift, *, as_json: bool) -> int:
    if as_json:
        say_lines(make_console(), visible_json(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()))
    else:
        show_uplift(make_console(), found)
    is_wrong_ratio = any(each.verdict == "wrong ratio" for each in found.comparisons)
    return EXIT_WRONG_RATIO if is_wrong_ratio else EXIT_OK


def _of_files(
    files: tuple[Path | None, Path | None],
    asked: tuple[str | None, str | None, str | None],
    plan: Plan,
    *,
    at_ms: int | None,
) -> Uplift:
    """The groups of an experiment in two files. `asked`: experiment, goal and value."""
    exposures, outcomes = files
    experiment, goal, value = asked
    if exposures is None or outcomes is None:
        raise UserError("exposures and outcomes are missing", hint="name two files, or --warehouse FOLDER")
    if goal is not None or value is not None:
        raise UserError("--goal and --value go with --warehouse", hint="a file of outcomes has only outcomes")
    now_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    exposed = read_exposures(exposures, experiment=experiment)
    return compute_uplift(exposed, read_outcomes(outcomes, experiment=experiment), plan, now_ms=now_ms)


def _of_warehouse(
    place: str,
    files: Sequence[Path | None],
    asked: tuple[str | None, str | None, str | None],
    plan: Plan,
    *,
    at_ms: int | None,
) -> Uplift:
    """The groups of an experiment in the files of a warehouse. `asked`: experiment, goal and value."""
    experiment, goal, value = asked
    if any(file is not None for file in files):
        raise UserError("--warehouse stands in place of the two files", hint="leave one of them out")
    if experiment is None or goal is None:
        hint = "for example --experiment cart-mail --goal 'Order Completed'"
        raise UserError("--warehouse needs --experiment and --goal", hint=hint)
    if plan.metric == "value" and value is None:
        raise UserError("--metric value needs --value", hint="the property with the value, such as --value revenue")
    found = Warehouse(place)
    now_ms = found.until_ms() if at_ms is None else at_ms
    return compute_uplift(found.exposures(experiment), found.outcomes(goal, value), plan, now_ms=now_ms)


def _check(plan: Plan) -> None:
    check_above_zero(plan.planned_users, option="--planned")
    if not 0 < plan.alpha < 0.5:
        raise UserError(f"--alpha is {plan.alpha:g}", hint="a probability, such as 0.05")


def _shares(pairs: Sequence[str] | None) -> dict[str, float]:
    """The shares by group. UserError."""
    shares: dict[str, float] = {}
    for pair in pairs or ():
        name, _, text = pair.rpartition("=")
        try:
            shares[name] = float(text)
        except ValueError:
            shares[name] = 0.0
        if not name or not 0 < shares[name] < float("inf"):
            raise UserError(f"--share {visible(pair)[:80]} is no share", hint="for example --share holdout=10 mail=90")
    return shares
