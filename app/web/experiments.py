"""Experiments of the catalog: groups, shares and layers, and the segments that have them."""

from collections.abc import Iterable

import msgspec

from app.events.instants import iso
from app.segments.definitions.definition import Catalog
from app.segments.definitions.experiment import STEPS_OF_ONE_PER_CENT, Experiment


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


class ExperimentViews(msgspec.Struct, frozen=True):
    """All experiments, by name. `warehouse`: there are outcomes to compare the groups by."""

    experiments: list[ExperimentView]
    warehouse: bool


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
