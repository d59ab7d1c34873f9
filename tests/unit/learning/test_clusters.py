"""Clusters that were planted are found, with conditions that say the same; what is no cluster is not praised."""

from typing import Any

import numpy as np
import pytest

from app.errors import UserError
from app.learning.clusters import find_clusters
from app.learning.points import Points
from app.offline.cluster_files import condition_of, definition_files, problems_of
from app.offline.clustering import Clustering, Split
from app.offline.row_files import RowsMetadata

COLUMNS = ("views", "adds", "spent", "is_known")
EXPRESSIONS = {
    "views": "count('Viewed' within 7d)",
    "adds": "count('Added' within 7d)",
    "spent": "avg(revenue of 'Bought' within 30d)",
    "is_known": "exists('Known')",
}
METADATA = RowsMetadata(features="f", version="abc123", values=EXPRESSIONS, labels=("bought",), ahead_ms={"bought": 1})


def planted(seed: int = 1) -> tuple[Points, Any]:
    """Three kinds of users, and to which of them each belongs."""
    chance = np.random.default_rng(seed)
    kinds = np.repeat([0, 1, 2], [3_000, 800, 300])
    views = chance.poisson(np.array([6, 60, 20])[kinds])
    adds = chance.poisson(np.array([0, 0, 6])[kinds])
    spent = np.where(kinds == 2, chance.gamma(5, 20, len(kinds)), np.nan)
    known = kinds == 2
    order = chance.permutation(len(kinds))
    values = np.column_stack([views, adds, spent, known]).astype(np.float64)[order]
    bought = (kinds == 2).astype(np.float64)[order]
    return Points(COLUMNS, values, {"bought": bought}), kinds[order]


@pytest.fixture(scope="module")
def found() -> tuple[Clustering, Points, Any]:
    points, kinds = planted()
    return find_clusters(points), points, kinds


def inside(rules: tuple[tuple[Split, ...], ...], points: Points) -> Any:
    """The users whom rules hold for, by their definition."""
    held = np.zeros(len(points.values), dtype=bool)
    for rule in rules:
        path = np.ones(len(points.values), dtype=bool)
        for split in rule:
            values = points.values[:, points.columns.index(split.column)]
            with np.errstate(invalid="ignore"):
                side = values > split.threshold if split.above else values <= split.threshold
            path &= side | (np.isnan(values) & split.with_missing)
        held |= path
    return held


@pytest.mark.long
def test_planted_kinds_are_found_with_their_sizes_traits_and_outcomes(found: tuple[Clustering, Points, Any]) -> None:
    clustering, _, _ = found
    assert clustering.is_stable
    assert [cluster.name for cluster in clustering.clusters] == ["rest", "high-views", "high-is-known"]
    for cluster, users in zip(clustering.clusters, (3_000, 800, 300), strict=True):
        assert abs(cluster.users - users) < 60
    own, of_all = clustering.clusters[2].outcomes["bought"]
    assert own is not None
    assert own > 0.95
    assert of_all == pytest.approx(300 / 4_100)
    assert {"adds", "spent"} <= {trait.column for trait in clustering.clusters[2].traits}
    assert clustering.accuracy > 0.95
    assert min(cluster.recall for cluster in clustering.clusters) > 0.9


@pytest.mark.long
def test_every_user_is_in_the_rules_of_one_cluster(found: tuple[Clustering, Points, Any]) -> None:
    clustering, points, kinds = found
    members = np.array([inside(cluster.rules, points) for cluster in clustering.clusters])
    assert (members.sum(axis=0) == 1).all()
    assert (members.argmax(axis=0) == kinds).mean() > 0.95


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3])
def test_no_more_kinds_are_found_than_there_are(seed: int) -> None:
    assert len(find_clusters(planted(seed)[0]).clusters) == 3


@pytest.mark.long
def test_the_same_seed_gives_the_same_clusters(found: tuple[Clustering, Points, Any]) -> None:
    assert find_clusters(planted()[0]) == found[0]


@pytest.mark.long
def test_labels_play_no_part(found: tuple[Clustering, Points, Any]) -> None:
    points, _ = planted()
    others = find_clusters(Points(points.columns, points.values, {}))
    assert [cluster.rules for cluster in others.clusters] == [cluster.rules for cluster in found[0].clusters]


@pytest.mark.long
def test_users_without_kinds_are_not_said_to_have_some() -> None:
    values = np.random.default_rng(3).normal(size=(2_000, 6))
    clustering = find_clusters(Points(tuple("abcdef"), values, {}), most=6)
    assert not clustering.is_stable


@pytest.mark.parametrize(("users", "message"), [(150, "too few for clusters"), (5_000, "fewer than 100 users")])
def test_what_cannot_be_clustered_is_told(users: int, message: str) -> None:
    values = np.zeros((users, 2))
    values[:5] = 9
    with pytest.raises(UserError, match=message):
        find_clusters(Points(("a", "b"), values, {}))


@pytest.mark.long
def test_clusters_that_are_too_small_are_named_with_the_nearest_one() -> None:
    values = np.zeros((5_000, 2))
    values[:40, 0] = 9
    with pytest.raises(UserError) as told:
        find_clusters(Points(("adds", "b"), values, {}), least=2, most=2)
    assert told.value.detail == "of 2 clusters, high-adds has 40 users: it is nearest to rest"


@pytest.mark.long
def test_the_definitions_can_be_used(found: tuple[Clustering, Points, Any]) -> None:
    files = definition_files(found[0], METADATA, frozenset({"is_known"}), prefix="kind")
    assert sorted(files) == ["kind-high-is-known.yaml", "kind-high-views.yaml", "kind-rest.yaml"]
    assert problems_of(files) == ""
    assert "status: draft" in files["kind-rest.yaml"]
    assert "outcomes, mean (of all users): bought 1 (0.07317)" in files["kind-high-is-known.yaml"].replace("\n  ", " ")


def test_a_path_becomes_the_shortest_condition() -> None:
    path = (
        Split("views", 3, above=True, with_missing=False),
        Split("spent", 20.5, above=False, with_missing=True),
        Split("views", 8, above=True, with_missing=False),
        Split("is_known", 0, above=False, with_missing=False),
    )
    known = Split("is_known", 0, above=True, with_missing=False)
    assert condition_of([path], EXPRESSIONS, frozenset({"is_known"})) == [
        "count('Viewed' within 7d) > 8",
        "and (avg(revenue of 'Bought' within 30d) <= 20.5 or (avg(revenue of 'Bought' within 30d)) is missing)",
        "and not (exists('Known'))",
    ]
    assert condition_of([(known,), path[:1]], EXPRESSIONS, frozenset({"is_known"})) == [
        "((exists('Known')))",
        "or (count('Viewed' within 7d) > 3)",
    ]
