"""Experiments: groups, shares and layers as the definitions say, users who were exposed, and the groups compared.

Exposures and outcomes are read from the files of `shoal warehouse`, one question at a time.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import Final

import msgspec

from app.errors import UserError
from app.events.instants import iso
from app.offline.uplift import ExposedUsers, Metric, Plan, Uplift, compute_uplift, count_exposed
from app.offline.uplift_warehouse import Warehouse
from app.segments.definitions.definition import Catalog
from app.segments.definitions.experiment import HELD_OUT, STEPS_OF_ONE_PER_CENT, Experiment
from app.segments.language.durations import DurationError, parse_duration
from app.service.access.access import Access
from app.service.definitions import Definitions
from app.service.http.http_problem import Problem
from app.settings import Settings

EXPOSURES_MAX: Final = 1_000_000
GOAL_CHARACTERS_MAX: Final = 500
RETRY_AFTER_S: Final = 5
ENGINE: Final[Mapping[str, str]] = MappingProxyType({"threads": "1", "memory_limit": "512MB"})
"""What DuckDB may take of a process that has other things to do."""


class ExperimentGroup(msgspec.Struct, frozen=True):
    """A group. `share`: in per cent of all users. `starts_at`: its place from 0 to 100."""

    name: str
    share: float
    starts_at: float


class ExperimentView(msgspec.Struct, kw_only=True, frozen=True):
    """An experiment. `start`: entries before it are not part of it; null: none. `layer`: null: it is in none.
    `is_universal`: it is the holdout of the catalog, about all segments. `segments`: with their status."""

    name: str
    groups: list[ExperimentGroup]
    salt: str
    start: str | None
    layer: str | None
    is_universal: bool
    segments: dict[str, str]


class ExperimentList(msgspec.Struct, kw_only=True, frozen=True):
    """All experiments of the definitions, by name."""

    version: str
    experiments: list[ExperimentView]


class ExperimentReport(ExperimentView, kw_only=True, frozen=True):
    """An experiment with its users. `exposed`: null: this service has no warehouse. `uplift`: the groups compared;
    null: no goal was asked for, or `no_uplift` says why."""

    exposed: ExposedUsers | None
    uplift: Uplift | None
    no_uplift: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """A question about outcomes: the name of their events, until how long after an exposure they count, the property
    with their value, and the group that the others are compared with."""

    goal: str
    within: str | None
    value: str | None
    control: str | None


def experiments_of(catalog: Catalog) -> list[Experiment]:
    """Each experiment of the catalog once, by name."""
    every = [each.experiment for each in catalog.segments if each.experiment is not None]
    if catalog.settings.holdout is not None:
        every.append(catalog.settings.holdout)
    return [found for _, found in sorted({each.name: each for each in every}.items())]


def views_of(catalog: Catalog) -> list[ExperimentView]:
    """All experiments with their segments."""
    return [
        ExperimentView(
            name=each.name,
            groups=list(_groups(each)),
            salt=each.salt,
            start=iso(each.start_ms) if each.start_ms else None,
            layer=each.layer,
            is_universal=each.is_universal,
            segments={
                segment.name: segment.status
                for segment in sorted(catalog.segments, key=lambda segment: segment.name)
                if segment.experiment is not None and segment.experiment.name == each.name
            },
        )
        for each in experiments_of(catalog)
    ]


def _groups(experiment: Experiment) -> Iterable[ExperimentGroup]:
    step = experiment.from_step
    for name, share in experiment.groups:
        yield ExperimentGroup(name, share / STEPS_OF_ONE_PER_CENT, step / STEPS_OF_ONE_PER_CENT)
        step += share


class Experiments:
    """The answers, apart from HTTP."""

    def __init__(self, settings: Settings, access: Access, definitions: Definitions) -> None:
        self.access = access
        self._warehouse = settings.warehouse
        self._definitions = definitions
        self._reading = asyncio.Semaphore(1)

    def all(self) -> ExperimentList:
        """All experiments."""
        catalog = self._definitions.catalog
        return ExperimentList(version=catalog.version, experiments=views_of(catalog))

    async def report(self, name: str, question: Comparing | None) -> ExperimentReport:
        """An experiment with its users, and if there is a question its groups compared. Problem 400, 404, 413, 503."""
        catalog = self._definitions.catalog
        view = next((each for each in views_of(catalog) if each.name == name), None)
        if view is None:
            raise Problem(404, "no-experiment", f"no definition has the experiment {name!r:.80}: see /v1/experiments")
        shares = {group.name: group.share for group in view.groups}
        plan = None if question is None else _plan(question, shares)
        fields = msgspec.structs.asdict(view)
        if not self._warehouse:
            if question is not None:
                raise Problem(400, "no-warehouse", "this service has no warehouse: set SHOAL_WAREHOUSE")
            return ExperimentReport(**fields, exposed=None, uplift=None, no_uplift=None)
        if self._reading.locked():
            raise Problem(503, "busy", "another experiment is being computed: ask again", retry_after_s=RETRY_AFTER_S)
        async with self._reading:
            found = await asyncio.to_thread(_read, self._warehouse, name, shares, question, plan)
        exposed, uplift, no_uplift = found
        return ExperimentReport(**fields, exposed=exposed, uplift=uplift, no_uplift=no_uplift)


def _plan(question: Comparing, shares: Mapping[str, float]) -> Plan:
    """The plan of a question. Problem 400."""
    if not 0 < len(question.goal.strip()) <= GOAL_CHARACTERS_MAX:
        raise Problem(400, "goal", "goal names the events that the experiment is for, such as Order Completed")
    if len(question.value or "") > GOAL_CHARACTERS_MAX:
        raise Problem(400, "value", f"value has at most {GOAL_CHARACTERS_MAX} characters")
    try:
        within_ms = parse_duration(question.within or "")
    except DurationError:
        within_ms = 0
    if not within_ms:
        told = (question.within or "")[:40]
        raise Problem(400, "within", f"within is {told!r}; a duration above zero for outcomes, such as 7d")
    control = question.control or (HELD_OUT if HELD_OUT in shares else next(iter(shares)))
    if control not in shares:
        raise Problem(400, "control", f"there is no group {control!r:.80}: {', '.join(shares)}")
    metric: Metric = "value" if question.value else "conversion"
    return Plan(control=control, within_ms=within_ms, metric=metric, shares=shares)


def _read(
    place: str, name: str, shares: Mapping[str, float], question: Comparing | None, plan: Plan | None
) -> tuple[ExposedUsers, Uplift | None, str | None]:
    """The exposed users, the comparison, and why there is none. Problem 413, 503."""
    try:
        warehouse = Warehouse(place, engine=ENGINE)
        exposures = list(islice(warehouse.exposures(name), EXPOSURES_MAX + 1))
        if len(exposures) > EXPOSURES_MAX:
            told = f"{name} has more than {EXPOSURES_MAX:,} exposed users: shoal uplift --warehouse compares them"
            raise Problem(413, "too-many", told)
        known = shares if {each.group for each in exposures} <= shares.keys() else {}
        exposed = count_exposed(exposures, known)
        if question is None or plan is None:
            return exposed, None, None
        until_ms = warehouse.until_ms()
    except UserError as error:
        raise Problem(503, "warehouse", str(error)) from None
    outcomes = warehouse.outcomes(question.goal, question.value or None)
    try:
        found = compute_uplift(exposures, outcomes, replace(plan, shares=known), now_ms=until_ms)
    except UserError as error:
        return exposed, None, str(error)
    return exposed, found, None
