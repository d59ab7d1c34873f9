"""Clusters of users, out of rows of features, and the definitions that say who is in which.

Theory of operation. The latest row of each user is a point; counts and amounts are skewed, so they are taken as
log(1 + x), then scaled. K-Means is run for each number of clusters. The number is chosen by agreement: the points are
halved at random, each half makes clusters of its own, and both say where all points belong; only clusters that
really are in the data come out alike. Labels are outcomes: they are told, and never used.

A cluster is deployed as definitions, not as a model: a small decision tree over the values as they are says the same
as the clusters for nearly all users, and its leaves are conditions that a marketer can read, edit and test.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import inf
from typing import Any, Final

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from app.errors import UserError
from app.learning.points import Numbers, Points
from app.offline.clustering import AGREEMENT_LEAST, Cluster, Clustering, Count, Split, Trait
from app.offline.recalibration import Merged

HALVINGS: Final = 4
STARTS: Final = 10
SILHOUETTE_POINTS: Final = 5_000
SILHOUETTE_LOSS_MAX: Final = 0.1
"""So much less clear may a larger number of clusters be than the clearest one."""
SHARE_LEAST: Final = 0.01
USERS_LEAST: Final = 100
TOLD_MAX: Final = 4
DIFFERENT_LEAST: Final = 0.3
"""A difference of means, in standard deviations, that is worth telling."""

Members = np.ndarray[Any, np.dtype[np.int64]]


def find_clusters(
    points: Points, *, least: int = 2, most: int = 8, seed: int = 0, tries: Callable[[int], None] = lambda _: None
) -> Clustering:
    """The clusters of the points: as many as agree, from `least` to `most`. UserError where there are none.

    `tries` is told each number of clusters before it is tried.
    """
    users = len(points.values)
    smallest_allowed = _smallest_allowed(users, least)
    scaled = scaled_values(points.values)
    counts: list[Count] = []
    found: dict[int, Members] = {}
    distinct = len(np.unique(scaled, axis=0))
    for clusters in range(least, min(most, distinct) + 1):
        tries(clusters)
        members = _kmeans(scaled, clusters, seed).labels_
        sizes = np.bincount(members, minlength=clusters)
        counts.append(
            Count(clusters, _agreement(scaled, clusters, seed), _silhouette(scaled, members, seed), int(sizes.min()))
        )
        found[clusters] = members
    large = [count for count in counts if count.smallest >= smallest_allowed]
    if not large:
        fewest = min(found)
        raise UserError(
            f"every number of clusters makes one with fewer than {smallest_allowed:,} users",
            detail=_small_ones(points, scaled, _by_size(found[fewest]), smallest_allowed),
            hint="leave out values that nearly all users have in common, or make rows of more events",
        )
    clear = max(count.silhouette for count in large) - SILHOUETTE_LOSS_MAX
    stable = [count for count in large if count.agreement >= AGREEMENT_LEAST and count.silhouette >= clear]
    chosen = stable[-1] if stable else max(large, key=lambda count: count.agreement)
    members = _by_size(found[chosen.clusters])
    return _clustering(points, scaled, members, tuple(counts), seed=seed, is_stable=bool(stable))


def _smallest_allowed(users: int, clusters: int) -> int:
    """The users that each cluster must have. UserError if there are too few for so many clusters."""
    smallest_allowed = max(USERS_LEAST, int(users * SHARE_LEAST))
    if users < clusters * smallest_allowed:
        raise UserError(
            f"{users:,} users are too few for clusters of {smallest_allowed:,}", hint="make rows of more events"
        )
    return smallest_allowed


def merged_clusters(points: Points, clusters: int, *, seed: int = 0) -> tuple[Clustering, tuple[Merged, ...]]:
    """As many clusters of the points; one that is too small joins the nearest one. UserError if only one is left."""
    smallest_allowed = _smallest_allowed(len(points.values), 2)
    scaled = scaled_values(points.values)
    wanted = min(clusters, len(np.unique(scaled, axis=0)))
    members = _by_size(_kmeans(scaled, wanted, seed).labels_)
    merged: list[tuple[str, int, int]] = []  # name, users, a user of the one that took it in
    while (sizes := np.bincount(members)).min() < smallest_allowed and len(sizes) > 1:
        small = int(sizes.argmin())
        nearest = _nearest(scaled, members, small)
        merged.append((_names(points, scaled, members)[small], int(sizes[small]), int((members == nearest).argmax())))
        members = _by_size(np.unique(np.where(members == small, nearest, members), return_inverse=True)[1])
    if len(sizes) == 1:
        raise UserError(
            f"of {wanted} clusters all but one have fewer than {smallest_allowed:,} users",
            hint="leave out values that nearly all users have in common, or make rows of more events",
        )
    agreement = _agreement(scaled, len(sizes), seed)
    count = Count(len(sizes), agreement, _silhouette(scaled, members, seed), int(sizes.min()))
    clustering = _clustering(points, scaled, members, (count,), seed=seed, is_stable=agreement >= AGREEMENT_LEAST)
    into = (clustering.clusters[members[user]].name for _, _, user in merged)
    return clustering, tuple(Merged(name, users, other) for (name, users, _), other in zip(merged, into, strict=True))


def _nearest(scaled: Numbers, members: Members, cluster: int) -> int:
    """The other cluster whose centre is the nearest one."""
    centres = np.array([scaled[members == each].mean(axis=0) for each in range(int(members.max()) + 1)])
    away = np.linalg.norm(centres - centres[cluster], axis=1)
    away[cluster] = inf
    return int(away.argmin())


def _names(points: Points, scaled: Numbers, members: Members) -> list[str]:
    """A name for each cluster."""
    names: list[str] = []
    for cluster in range(int(members.max()) + 1):
        names.append(_name(_traits(points, scaled, members == cluster), set(names), cluster))
    return names


def members_by_rules(clustering: Clustering, points: Points) -> Members:
    """The number of the cluster whose rules hold for each user; those of all clusters exclude each other."""
    told = np.zeros((len(clustering.clusters), len(points.values)), dtype=bool)
    for number, cluster in enumerate(clustering.clusters):
        for rule in cluster.rules:
            path = np.ones(len(points.values), dtype=bool)
            for split in rule:
                values = points.values[:, points.columns.index(split.column)]
                with np.errstate(invalid="ignore"):
                    side = values > split.threshold if split.above else values <= split.threshold
                path &= side | (np.isnan(values) & split.with_missing)
            told[number] |= path
    found: Members = told.argmax(axis=0)
    return found


def _small_ones(points: Points, scaled: Numbers, members: Members, smallest_allowed: int) -> str:
    """The clusters that are too small, each with the one that it is nearest to: they belong together."""
    sizes = np.bincount(members)
    names = _names(points, scaled, members)
    lines = []
    for cluster, name in enumerate(names):
        if sizes[cluster] < smallest_allowed:
            nearest = names[_nearest(scaled, members, cluster)]
            lines.append(f"of {len(names)} clusters, {name} has {sizes[cluster]:,} users: it is nearest to {nearest}")
    return "\n".join(lines)


def scaled_values(values: Numbers) -> Numbers:
    """Counts and amounts as their logarithm, all with mean 0 and deviation 1.

    A missing amount is none: 0. Of columns with negative values a missing one is an ordinary one.
    """
    positive = ~(values < 0).any(axis=0)
    made = np.where(np.isnan(values), np.where(positive, 0.0, np.nanmedian(values, axis=0)), values)
    made[:, positive] = np.log1p(made[:, positive])
    deviation = made.std(axis=0)
    scaled: Numbers = (made - made.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return scaled


def _kmeans(scaled: Numbers, clusters: int, seed: int) -> KMeans:
    with threadpool_limits(1):  # threads wait for each other in loops: 15 times the CPU time on a busy machine
        return KMeans(clusters, n_init=STARTS, random_state=seed).fit(scaled)


def _agreement(scaled: Numbers, clusters: int, seed: int) -> float:
    """The mean agreement (adjusted Rand index) of clusters made of halves."""
    chance = np.random.default_rng(seed)
    said = []
    for _ in range(HALVINGS):
        order = chance.permutation(len(scaled))
        half = len(order) // 2
        one, other = (_kmeans(scaled[part], clusters, seed) for part in (order[:half], order[half:]))
        said.append(adjusted_rand_score(one.predict(scaled), other.predict(scaled)))
    return float(np.mean(said))


def _silhouette(scaled: Numbers, members: Members, seed: int) -> float:
    size = min(SILHOUETTE_POINTS, len(scaled))
    chosen = np.random.default_rng(seed).choice(len(scaled), size, replace=False)
    if len(set(members[chosen])) < 2:
        return 0.0
    with threadpool_limits(1):
        return float(silhouette_score(scaled[chosen], members[chosen]))


def _by_size(members: Members) -> Members:
    """The same clusters, the largest with the number 0."""
    order = np.argsort(-np.bincount(members), kind="stable")
    numbers = np.empty_like(order)
    numbers[order] = np.arange(len(order))
    numbered: Members = numbers[members]
    return numbered


def _clustering(
    points: Points, scaled: Numbers, members: Members, counts: tuple[Count, ...], *, seed: int, is_stable: bool
) -> Clustering:
    number = int(members.max()) + 1
    tried, held = train_test_split(np.arange(len(members)), test_size=0.3, random_state=seed, stratify=members)
    leaves = number + 2
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=seed, class_weight="balanced")
    tree.fit(points.values[tried], members[tried])
    said = tree.predict(points.values[held])
    rules = _rules(tree, points)
    clusters: list[Cluster] = []
    for cluster, name in enumerate(_names(points, scaled, members)):
        inside = members == cluster
        traits = _traits(points, scaled, inside)
        clusters.append(
            Cluster(
                name=name,
                users=int(inside.sum()),
                share=float(inside.mean()),
                traits=traits,
                rules=tuple(rules.get(cluster, ())),
                recall=float((said[members[held] == cluster] == cluster).mean()),
                outcomes={label: (_mean(values[inside]), _mean(values)) for label, values in points.labels.items()},
            )
        )
    accuracy = float((said == members[held]).mean())
    return Clustering(len(members), counts, tuple(clusters), accuracy, is_stable)


def _traits(points: Points, scaled: Numbers, inside: Any) -> tuple[Trait, ...]:
    """The columns in which a cluster differs most from the others."""
    distances = scaled[inside].mean(axis=0) - scaled[~inside].mean(axis=0)
    order = np.argsort(-np.abs(distances), kind="stable")[:TOLD_MAX]
    return tuple(
        Trait(
            points.columns[column],
            median_of(points.values[inside, column]),
            median_of(points.values[:, column]),
            float(distances[column]),
        )
        for column in order
        if abs(distances[column]) >= DIFFERENT_LEAST
    )


def _mean(values: Numbers) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def median_of(values: Numbers) -> float | None:
    """The median of the values that are known; None if there are none."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _name(traits: Sequence[Trait], taken: set[str], number: int) -> str:
    """A name out of what distinguishes the cluster, such as `high-adds-7d`; `rest` if it has less of everything."""
    words: list[str] = [f"{'high' if each.distance > 0 else 'low'}-{each.column.replace('_', '-')}" for each in traits]
    if words and not any(each.distance > 0 for each in traits):
        words.insert(0, "rest")
    names = [*words[:1], *("-".join(pair) for pair in combinations(words, 2)), f"cluster-{number + 1}"]
    return next(name for name in names if name not in taken)


def _rules(tree: DecisionTreeClassifier, points: Points) -> dict[int, list[tuple[Split, ...]]]:
    """Cluster -> the paths of the tree that end in it."""
    nodes = tree.tree_
    found: dict[int, list[tuple[Split, ...]]] = {}

    def walk(node: int, path: tuple[Split, ...]) -> None:
        if nodes.children_left[node] < 0:
            found.setdefault(int(nodes.value[node].argmax()), []).append(path)
            return
        column = int(nodes.feature[node])
        values = points.values[:, column]
        threshold = _round_between(values, float(nodes.threshold[node]))
        missing = bool(np.isnan(values).any())
        left = bool(nodes.missing_go_to_left[node])
        for child, above in ((nodes.children_left[node], False), (nodes.children_right[node], True)):
            walk(child, (*path, Split(points.columns[column], threshold, above, missing and left != above)))

    walk(0, ())
    return found


def _round_between(values: Numbers, threshold: float) -> float:
    """The shortest number that divides the values as the threshold does; infinite where it divides known and missing.

    That is the greatest value below the threshold, or a round number.
    """
    known = values[~np.isnan(values)]
    if not (known > threshold).any():
        return inf
    below, above = float(known[known <= threshold].max()), float(known[known > threshold].min())
    rounded = (round(threshold, digits) for digits in range(-6, 7))
    return min((below, *(each for each in rounded if below <= each < above)), key=lambda each: len(f"{each:g}"))
