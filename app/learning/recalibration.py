"""Published clusters against those of newer rows.

Theory of operation. Both are definitions, so both are asked about the same rows: which condition holds for whom. New
clusters are found in the rows, as many as are published; those that are too small go to the nearest one. A new cluster
takes the place and the name of the published one with which it shares most users, so that the difference is about
users, not about names. Published centres are not kept anywhere: the users in a published cluster tell where it is now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from app.errors import UserError
from app.learning.clusters import DIFFERENT_LEAST, Members, median_of, members_by_rules, merged_clusters, scaled_values
from app.learning.conditions import Columns, holds
from app.learning.points import Points, latest_rows, numbers_of_column, read_rows
from app.offline.clustering import Clustering
from app.offline.recalibration import NONE, Comparison, Recalibration, Shift, name_for
from app.segments.definitions.definition import Segment
from app.segments.language import canonical
from app.segments.language.parser import parse_expression

NOBODY = -1


def read_columns(path: Path) -> Columns:
    """The columns of numbers of the latest row of each user. UserError."""
    table, metadata = read_rows(path)
    latest = latest_rows(table)
    found: dict[str, Any] = {}
    for name, expression in metadata.values.items():
        numbers = numbers_of_column(latest, name)
        if numbers is not None:
            found[canonical.text(parse_expression(expression))] = numbers
    if not found:
        raise UserError(f"no value of {path} is a number", hint="clusters need values that are numbers")
    return found


def recalibrate(
    points: Points, columns: Columns, published: Sequence[Segment], *, prefix: str, clusters: int | None, seed: int = 0
) -> Recalibration:
    """Finds clusters anew, and compares. UserError where that cannot be done."""
    names = [segment.name for segment in published]
    before, several = _members_now(published, columns)
    clustering, merged = merged_clusters(points, clusters or len(names), seed=seed)
    members = members_by_rules(clustering, points)
    shared = np.zeros((len(names), len(clustering.clusters)), dtype=np.int64)
    inside = before != NOBODY
    np.add.at(shared, (before[inside], members[inside]), 1)
    places = _places(shared)
    renamed = _renamed(clustering, places, names, prefix)
    own = [cluster.name for cluster in clustering.clusters]
    after_names = [f"{prefix}-{cluster.name}" for cluster in renamed.clusters]
    numbers = {name: number for number, name in enumerate(dict.fromkeys((*names, *after_names)))}
    old = np.array([*(numbers[name] for name in names), NOBODY])[before]  # who is in none has the last place
    new = np.array([numbers[name] for name in after_names])[members]
    return Recalibration(
        users=len(members),
        agreement=float(adjusted_rand_score(old, new)),
        moved=int((old != new).sum()),
        outside=int((~inside).sum()),
        several=several,
        clusters=tuple(_comparison(name, number, old, new, points) for name, number in numbers.items()),
        flows=_flows(old, new, list(numbers)),
        merged=tuple(replace(each, into=after_names[own.index(each.into)]) for each in merged),
        clustering=renamed,
    )


def _members_now(published: Sequence[Segment], columns: Columns) -> tuple[Members, int]:
    """The number of the first cluster whose condition holds for each user, NOBODY if none does; users with several."""
    truths = []
    for segment in published:
        if segment.when is None:
            raise UserError(f"{segment.name} has enter and exit", hint="a cluster that can be compared has when")
        truths.append(holds(segment.when, columns, where=segment.name))
    told = np.array(truths)
    first: Members = np.where(told.any(axis=0), told.argmax(axis=0), NOBODY)
    return first, int((told.sum(axis=0) > 1).sum())


def _places(shared: Any) -> dict[int, int]:
    """New cluster -> the published one that it takes the place of: those that share most users first."""
    left = shared.copy()
    found: dict[int, int] = {}
    while left.any():
        before, after = (int(each) for each in np.unravel_index(left.argmax(), left.shape))
        found[after] = before
        left[before, :] = 0
        left[:, after] = 0
    return found


def _renamed(clustering: Clustering, places: Mapping[int, int], names: Sequence[str], prefix: str) -> Clustering:
    taken = {name.removeprefix(f"{prefix}-") for name in names}
    made = []
    for number, cluster in enumerate(clustering.clusters):
        if number in places:
            name = names[places[number]].removeprefix(f"{prefix}-")
        else:
            name = name_for(cluster.name, taken)
            taken.add(name)
        made.append(replace(cluster, name=name))
    return replace(clustering, clusters=tuple(made))


def _comparison(name: str, number: int, old: Members, new: Members, points: Points) -> Comparison:
    before, after = old == number, new == number
    shifts = _shifts(before, after, points) if before.any() and after.any() else ()
    return Comparison(name, int(before.sum()), int(after.sum()), shifts)


def _shifts(before: Any, after: Any, points: Points) -> tuple[Shift, ...]:
    """Columns whose mean is another one among the users of the new condition, the largest difference first."""
    scaled = scaled_values(points.values)
    distances = scaled[after].mean(axis=0) - scaled[before].mean(axis=0)
    return tuple(
        Shift(
            points.columns[column],
            median_of(points.values[before, column]),
            median_of(points.values[after, column]),
            float(distances[column]),
        )
        for column in np.argsort(-np.abs(distances), kind="stable")
        if abs(distances[column]) >= DIFFERENT_LEAST
    )


def _flows(old: Members, new: Members, names: Sequence[str]) -> tuple[tuple[str, str, int], ...]:
    pairs, counts = np.unique(np.column_stack([old, new]), axis=0, return_counts=True)
    found = [
        (NONE if before == NOBODY else names[before], names[after], int(count))
        for (before, after), count in zip(pairs.tolist(), counts, strict=True)
        if before != after
    ]
    return tuple(sorted(found, key=lambda flow: (-flow[2], flow[:2])))
