"""The uplift of an experiment out of the files of the warehouse, as `shoal uplift` computes it."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from app.errors import UserError
from app.offline.uplift import Metric, Plan, Uplift, compute_uplift
from app.offline.uplift_warehouse import Warehouse
from app.segments.definitions.experiment import HELD_OUT, STEPS_OF_ONE_PER_CENT, Experiment
from app.segments.language.durations import parse_duration
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.texts import say


class UpliftWish(msgspec.Struct, kw_only=True, frozen=True):
    """An experiment, and the events that it is for. `value`: the property whose sum is compared; empty: the part of
    users with such an event is."""

    experiment: str
    goal: str
    within: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftTask:
    """A job: to compare the groups of an experiment."""

    warehouse: str
    experiment: str
    goal: str
    value: str | None
    plan: Plan
    kind: Literal["uplift"] = "uplift"


def uplift_task(settings: Settings, wish: UpliftWish, experiments: list[Experiment]) -> UpliftTask:
    """The job for a wish. Problem 400 for one that cannot be fulfilled."""
    if not settings.warehouse:
        raise Problem(400, "no-warehouse", say("refused_no_warehouse"))
    experiment = next((each for each in experiments if each.name == wish.experiment), None)
    if experiment is None:
        raise Problem(400, "experiment", say("refused_experiment", name=f"{wish.experiment!r:.80}"))
    if not wish.goal.strip():
        raise Problem(400, "goal", say("refused_uplift_goal"))
    try:
        within_ms = parse_duration(wish.within)
    except ValueError as error:
        raise Problem(400, "within", str(error)) from None
    if not within_ms:
        raise Problem(400, "within", say("refused_within"))
    metric: Metric = "value" if wish.value else "conversion"
    shares = {name: share / STEPS_OF_ONE_PER_CENT for name, share in experiment.groups}
    control = HELD_OUT if HELD_OUT in shares else experiment.groups[0][0]
    plan = Plan(control=control, within_ms=within_ms, metric=metric, shares=shares)
    return UpliftTask(
        warehouse=settings.warehouse,
        experiment=experiment.name,
        goal=wish.goal,
        value=wish.value or None,
        plan=plan,
    )


def compare_groups(task: UpliftTask) -> Uplift:
    """As of the latest event of the files; only users whose window is over count. UserError."""
    found = Warehouse(task.warehouse)
    exposures = list(found.exposures(task.experiment))
    if not exposures:
        raise UserError(f"the warehouse has no exposures to {task.experiment} yet")
    return compute_uplift(exposures, found.outcomes(task.goal, task.value), task.plan, now_ms=found.until_ms())
