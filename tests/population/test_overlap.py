"""Overlap of pairs of segments."""

import random
from dataclasses import replace
from itertools import combinations

import pytest

from app.population import overlap as subject
from app.population.overlap import Overlap, Pair, Wish, overlap
from tests.population.filled import Filled, people


def named(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.smaller, pair.larger) for pair in pairs]


async def test_a_pair_has_its_counts_its_share_of_the_smaller_and_its_jaccard_index(filled: Filled) -> None:
    await filled.enter("large", people(0, 300))
    await filled.enter("small", people(200, 400))
    await filled.enter("apart", people(900, 1_000))
    found = await overlap(filled.sets, ["large", "small", "apart"], Wish())
    (pair,) = found.pairs
    assert (pair.smaller, pair.larger, pair.users_smaller, pair.users_larger) == ("small", "large", 200, 300)
    assert (pair.users_both, pair.share, pair.jaccard, pair.exact, pair.candidate) == (100, 0.5, 0.25, True, None)
    assert (found.pairs_total, found.sampled) == (3, False)


async def test_candidates_to_be_merged_are_the_same_nested_or_nearly_so(filled: Filled) -> None:
    await filled.enter("all", people(0, 1_000))
    await filled.enter("most", people(0, 950))
    await filled.enter("part", people(100, 300))
    await filled.enter("edge", people(895, 1_015))
    await filled.enter("tiny", people(0, 3))
    found = await overlap(filled.sets, await filled.sets.names(), replace(Wish(), skips_small=True))
    assert {(pair.smaller, pair.larger): pair.candidate for pair in found.candidates} == {
        ("most", "all"): "same",
        ("part", "all"): "nested",
        ("part", "most"): "nested",
    }
    assert {named([pair])[0]: pair.candidate for pair in found.pairs}["edge", "all"] is None, "105 of 120"
    assert found.small == {"tiny": 3}
    assert "tiny" not in {name for pair in found.pairs for name in named([pair])[0]}


@pytest.mark.parametrize("focus", [None, "s-7", "s-29"])
@pytest.mark.parametrize("order", ["share", "jaccard", "users"])
async def test_a_sample_of_everybody_finds_the_pairs_that_counting_all_finds(
    filled: Filled, focus: str | None, order: subject.Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(18)
    everyone = people(0, 300)
    segments = {f"s-{number}": chance.sample(everyone, chance.randrange(5, 250)) for number in range(30)}
    for name, users in segments.items():
        await filled.enter(name, users)
    wish = Wish(focus=focus, order=order, pairs_max=12)
    all_pairs = await overlap(filled.sets, list(segments), replace(wish, pairs_max=500))
    assert not all_pairs.sampled
    monkeypatch.setattr(subject, "CANDIDATES_MAX", 20)
    sampled = await overlap(filled.sets, list(segments), wish)
    assert sampled.sampled
    assert [measure(pair, order) for pair in sampled.pairs] == [measure(pair, order) for pair in all_pairs.pairs[:12]]
    both = {frozenset(pair): len(set(segments[pair[0]]) & set(segments[pair[1]])) for pair in combinations(segments, 2)}
    for pair in all_pairs.pairs:
        assert pair.users_both == both[frozenset((pair.smaller, pair.larger))]
    assert focus is None or all(focus in pair for pair in named(sampled.pairs))


def measure(pair: Pair, order: subject.Order) -> float:
    return {"share": pair.share, "jaccard": pair.jaccard, "users": pair.users_both}[order]


async def test_large_pairs_are_estimated_within_their_error(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled.enter("a", people(0, 6_000))
    await filled.enter("b", people(3_000, 10_000))
    monkeypatch.setattr(subject, "EXACT_USERS_MAX", 1_000)
    monkeypatch.setattr(subject, "LARGE_SAMPLE_USERS", 2_000)
    (pair,) = (await overlap(filled.sets, ["a", "b"], Wish())).pairs
    assert not pair.exact
    assert abs(pair.share - 0.5) < 0.06, "five standard errors of 2,000 users"


async def test_segments_without_users_have_no_pairs(filled: Filled) -> None:
    await filled.enter("a", ["ann"])
    found: Overlap = await overlap(filled.sets, ["a", "nobody"], Wish())
    assert (found.pairs, found.candidates, found.small) == ([], [], {"a": 1, "nobody": 0})
