"""Experiments, as the oracle understands them: the group of a user, and what becomes of two users with groups."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.definitions.definition import Catalog, Segment
from app.segments.definitions.experiment import Experiment
from tests.model.messages import Regroup
from tests.model.plain import instant_text


@dataclass(frozen=True, slots=True)
class Exposed:
    """The group in one experiment, since an exposure at `at_ms`."""

    group: str
    at_ms: int
    crossed: bool = False


Exposures = dict[str, Exposed]
"""By the name of an experiment."""


def experiments_of(segment: Segment, catalog: Catalog) -> Iterator[Experiment]:
    """That of the catalog comes first."""
    if catalog.settings.holdout is not None:
        yield catalog.settings.holdout
    if segment.experiment is not None:
        yield segment.experiment


def experiments_said(step: Regroup) -> dict[str, Experiment]:
    """The experiments that a step names, by segment; under the empty name the holdout."""
    said = [*step.experiments.items()]
    files = {
        f"{number}.yaml": f"segment: s{number}\nwhen: never('Nothing')\nexperiment: {text}\n"
        for number, (_, text) in enumerate(said)
    }
    catalog = load_catalog(files | ({SETTINGS_FILE: f"holdout: {step.holdout}\n"} if step.holdout else {}))
    found = {said[int(each.name[1:])][0]: each.experiment for each in catalog.segments if each.experiment is not None}
    return found | ({} if catalog.settings.holdout is None else {"": catalog.settings.holdout})


def group_of(experiment: Experiment, user: str) -> str | None:
    """Of the hundredths of a per cent from `from_step` on, each group takes its share in turn."""
    digest = hashlib.sha256(b"\0".join(text.encode() for text in (experiment.salt, user))).hexdigest()
    taken: list[str | None] = [None] * experiment.from_step
    for group, share in experiment.groups:
        taken += [group] * share
    step = int(digest[:16], 16) % 10_000
    return taken[step] if step < len(taken) else None


def join(own: Exposures, other: Exposures) -> None:
    """Another user turns out to be this one."""
    for name, theirs in other.items():
        mine = own.get(name)
        if mine is None:
            own[name] = theirs
        elif mine.group != theirs.group:
            own[name] = replace(mine, crossed=True)
        else:
            at_ms = min(mine.at_ms, theirs.at_ms)
            own[name] = replace(mine, at_ms=at_ms, crossed=mine.crossed or theirs.crossed)


def is_held_out(experiment: Experiment, exposed: Exposed | None) -> bool:
    return exposed is not None and experiment.is_universal and exposed.group == "holdout"


def enter(exposures: Exposures, segment: Segment, catalog: Catalog, user: str, now: int) -> None:
    """A user enters a segment."""
    for experiment in experiments_of(segment, catalog):
        group = group_of(experiment, user)
        if experiment.name not in exposures and now >= experiment.start_ms and group is not None:
            exposures[experiment.name] = Exposed(group, now)
        if is_held_out(experiment, exposures.get(experiment.name)):
            break


def told(exposures: Exposures, segment: Segment, catalog: Catalog) -> dict[str, Any]:
    """The fields of a change of a membership that begins now."""
    group, experiments = None, []
    for experiment in experiments_of(segment, catalog):
        exposed = exposures.get(experiment.name)
        if exposed is None:
            continue
        entry = {"experiment": experiment.name, "group": exposed.group, "exposed_at": instant_text(exposed.at_ms)}
        experiments.append(entry | ({"crossed": True} if exposed.crossed else {}))
        if experiment is segment.experiment or is_held_out(experiment, exposed):
            group = exposed.group
        if is_held_out(experiment, exposed):
            break
    return {"group": group} | ({"experiments": experiments} if experiments else {})


def after_joining(groups: dict[str, Any], own: Exposures) -> dict[str, Any]:
    """The fields that a membership tells, when another user has turned out to be this one: the same groups."""
    if "experiments" not in groups:
        return groups
    entries = []
    for entry in groups["experiments"]:
        exposed = own.get(entry["experiment"])
        if exposed is not None and exposed.group == entry["group"]:
            at = min(entry["exposed_at"], instant_text(exposed.at_ms))
            entry = entry | {"exposed_at": at} | ({"crossed": True} if exposed.crossed else {})
        entries.append(entry)
    return groups | {"experiments": entries}
