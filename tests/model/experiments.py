"""Experiments, as the oracle understands them: the group of a user, and what becomes of two users with groups."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.segments.definitions.definition import Catalog, Segment
from app.segments.definitions.experiment import Experiment
from tests.model.plain import instant_text


@dataclass(frozen=True, slots=True)
class Exposed:
    """The group in one experiment, since an exposure at `at_ms`; the user themselves has had it since `known_ms`."""

    group: str
    at_ms: int
    known_ms: int
    crossed: bool = False


Exposures = dict[str, Exposed]
"""By the name of an experiment."""


def experiments_of(segment: Segment, catalog: Catalog) -> Iterator[Experiment]:
    """That of the catalog comes first."""
    if catalog.settings.holdout is not None:
        yield catalog.settings.holdout
    if segment.experiment is not None:
        yield segment.experiment


def group_of(experiment: Experiment, user: str) -> str | None:
    """Of the hundredths of a per cent from `from_step` on, each group takes its share in turn."""
    digest = hashlib.sha256(b"\0".join(text.encode() for text in (experiment.salt, user))).hexdigest()
    taken: list[str | None] = [None] * experiment.from_step
    for group, share in experiment.groups:
        taken += [group] * share
    step = int(digest[:16], 16) % 10_000
    return taken[step] if step < len(taken) else None


def join(own: Exposures, other: Exposures, now: int) -> None:
    """Another user turns out to be this one at `now`."""
    for name, theirs in other.items():
        mine = own.get(name)
        if mine is None:
            own[name] = replace(theirs, known_ms=now)
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
            exposures[experiment.name] = Exposed(group, now, now)
        if is_held_out(experiment, exposures.get(experiment.name)):
            break


def told(exposures: Exposures, segment: Segment, catalog: Catalog, entered_ms: int | None) -> dict[str, Any]:
    """The fields of a change of a membership that began at `entered_ms`."""
    assert entered_ms is not None
    group, experiments = None, []
    for experiment in experiments_of(segment, catalog):
        exposed = exposures.get(experiment.name)
        if exposed is None or exposed.known_ms > entered_ms:
            continue
        entry = {"experiment": experiment.name, "group": exposed.group, "exposed_at": instant_text(exposed.at_ms)}
        experiments.append(entry | ({"crossed": True} if exposed.crossed else {}))
        if experiment is segment.experiment or is_held_out(experiment, exposed):
            group = exposed.group
        if is_held_out(experiment, exposed):
            break
    return {"group": group} | ({"experiments": experiments} if experiments else {})
