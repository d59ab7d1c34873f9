"""Neighbours, popular items, ranking and the measure, on small histories that can be counted by hand."""

import json
import random
from collections import Counter
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from app.errors import UserError
from app.recommendations.histories import Histories, Stays, read_histories, read_stays
from app.recommendations.measuring import Measured, cases_of, measure, split_of
from app.recommendations.model import (
    Recommendations,
    ranked,
    read_recommendations,
    version_of,
    write_recommendations,
)
from app.recommendations.training import ITEMS_OF_USER_MAX, NEIGHBOURS_MAX, SEGMENT_USERS_LEAST, train

VIEWED = ("Product Viewed",)
DAY_MS = 86_400_000


def histories(of: dict[str, str]) -> Histories:
    """Each user with their items, one letter an item, a second apart."""
    return Histories({user: [(1_000 * at, item) for at, item in enumerate(items)] for user, items in of.items()})


def learnt(of: dict[str, str], until_ms: int | None = None) -> Recommendations:
    return train(histories(of), events=VIEWED, item="product_id", until_ms=until_ms)


def test_a_weight_is_the_cosine_made_smaller_for_few_users() -> None:
    of = {"u1": "ab", "u2": "ab", "u3": "aab", "u4": "ac", "u5": "bc"}
    found = learnt(of)
    assert found.neighbours == {
        "a": (("b", round(3 / sqrt(4 * 4) * 3 / 23, 6)),),
        "b": (("a", round(3 / sqrt(4 * 4) * 3 / 23, 6)),),
    }
    assert found.popular == ("a", "b", "c")


def test_what_one_user_did_is_told_nobody() -> None:
    found = learnt({"u1": "ab", "u2": "cd", "u3": "c"})
    assert found.neighbours == {}
    assert found.popular == ("c",)


def test_weights_are_those_of_counting_every_pair_of_users() -> None:
    chance = random.Random(7)
    of = {f"u{number}": "".join(chance.choices("abcdefgh", k=chance.randrange(1, 7))) for number in range(60)}
    found = learnt(of)
    for one in "abcdefgh":
        expected = {}
        for other in set("abcdefgh") - {one}:
            both = sum(one in items and other in items for items in of.values())
            users = [sum(item in items for items in of.values()) for item in (one, other)]
            if both >= 2:
                expected[other] = round(both / sqrt(users[0] * users[1]) * both / (both + 20), 6)
        assert dict(found.neighbours.get(one, ())) == expected
        weights = [weight for _, weight in found.neighbours.get(one, ())]
        assert weights == sorted(weights, reverse=True)


def test_neighbours_and_items_of_a_user_are_bounded() -> None:
    steps = [(at, f"i{at:03d}") for at in range(ITEMS_OF_USER_MAX + 30)]
    found = train(Histories({"robot": steps, "other": list(steps)}), events=VIEWED, item="product_id")
    assert {len(each) for each in found.neighbours.values()} == {NEIGHBOURS_MAX}
    assert min(found.neighbours) == "i030"  # the latest count


def test_only_steps_before_the_split_are_learnt() -> None:
    of = {"u1": "abc", "u2": "abc"}
    assert set(learnt(of, until_ms=2_000).neighbours) == {"a", "b"}
    with pytest.raises(UserError, match="no event Product Viewed"):
        learnt(of, until_ms=0)


def test_popular_items_of_a_segment_are_those_of_its_members_at_that_time() -> None:
    users = [f"u{number}" for number in range(SEGMENT_USERS_LEAST)]
    given = Histories({user: [(1_000, "early"), (2_000, "late")] for user in users})
    stays = Stays({user: {"vip": [(2_000, 1, True)]} for user in users[1:]} | {"u0": {"vip": [(1_999, 1, True)]}})
    assert train(given, events=VIEWED, item="product_id", stays=stays).segments == ()
    stays = Stays({user: {"vip": [(1_500, 1, True)], "gone": [(0, 1, True), (900, 2, False)]} for user in users})
    (found,) = train(given, events=VIEWED, item="product_id", stays=stays).segments
    assert (found.segment, found.users, found.items) == ("vip", SEGMENT_USERS_LEAST, ("late",))


def test_later_items_count_more_and_the_reason_is_the_strongest() -> None:
    neighbours = {"a": [("x", 0.5), ("y", 0.1)], "b": [("y", 0.42), ("b", 0.9)]}
    found = ranked(["a", "b"], neighbours, [], most=5)
    assert [(each.item, each.because) for each in found] == [("x", "a"), ("y", "b")]
    found = ranked(["b", "a"], neighbours, [], most=5)
    assert [(each.item, each.because) for each in found] == [("y", "b"), ("x", "a")]


def test_nothing_is_shown_twice_or_that_is_known() -> None:
    neighbours = {"a": [("x", 0.5), ("z", 0.5)]}
    found = ranked(["a", "a", "q"], neighbours, ["x", "q", "p", "p", "z", "o"], most=3, left_out={"z"})
    assert [(each.item, each.because) for each in found] == [("x", "a"), ("p", None), ("o", None)]


def test_a_file_says_the_same_as_what_was_written() -> None:
    found = learnt({"u1": "ab", "u2": "ab"})
    assert read_recommendations(write_recommendations(found)) == found
    assert version_of(found) == version_of(learnt({"u2": "ab", "u1": "ab"}))
    for wrong in (
        b"",
        b"[]",
        b'{"format":2}',
        b"\xff",
        write_recommendations(found).replace(b'"format":1', b'"format":9'),
    ):
        with pytest.raises(ValueError, match=r"."):
            read_recommendations(wrong)


def test_cases_are_new_items_after_the_split_three_of_a_user_at_most() -> None:
    given = histories({"u1": "abacdefg", "u2": "aa", "u3": "b"})
    found = list(cases_of(given, 1_000))
    assert [(case.user, case.next, "".join(case.history)) for case in found] == [
        ("u1", "b", "a"),
        ("u1", "c", "ab"),
        ("u1", "d", "cab"),
    ]
    assert split_of(given) == 5_250


def shop(users: int, seed: int) -> Histories:
    """Three kinds of taste; who has come to one item of a taste goes on within it."""
    chance = random.Random(seed)
    found = Histories()
    for number in range(users):
        begin = chance.randrange(30 * DAY_MS)
        taste = chance.choice(("a", "b", "c"))
        items = [f"{taste}{place}" for place in chance.sample(range(20), 5)]
        found.of[f"u{number}"] = [(begin + at * 60_000, item) for at, item in enumerate(items)]
    return found


def measured(given: Histories) -> Measured:
    split_ms = split_of(given)
    found = train(given, events=VIEWED, item="product_id", until_ms=split_ms)
    return measure(found, list(cases_of(given, split_ms)), most=5, split="then")


def test_neighbours_beat_popular_items_where_tastes_differ() -> None:
    found = measured(shop(600, 1))
    assert found.is_better
    popular, neighbours = found.ways
    assert neighbours.hit_rate.value > 2 * popular.hit_rate.value
    assert neighbours.hit_rate.low < 5 / 17 < neighbours.hit_rate.high + 0.05
    assert neighbours.items_shown > popular.items_shown


def test_neighbours_are_not_called_better_where_there_is_one_taste() -> None:
    chance = random.Random(3)
    given = shop(600, 3)
    for steps in given.of.values():
        steps[:] = [(at_ms, f"i{chance.randrange(60)}") for at_ms, _ in steps]
    found = measured(given)
    assert found.cases > 100
    assert not found.is_better


def test_an_interval_is_as_wide_as_the_users_are_few() -> None:
    given = shop(600, 5)
    alike = measure_all_of_one(given)
    assert alike.ways[0].hit_rate.low == -1.0
    share = measured(given).ways[1].hit_rate
    drawn = [measured_of_some(given, seed) for seed in range(20)]
    inside = sum(share.low - 0.02 <= each <= share.high + 0.02 for each in drawn)
    assert inside >= 15, (share, drawn)


def measure_all_of_one(given: Histories) -> Measured:
    found = train(given, events=VIEWED, item="product_id")
    cases = [case for case in cases_of(given, 0) if case.user == "u1"]
    return measure(found, cases, most=5, split="then")


def measured_of_some(given: Histories, seed: int) -> float:
    """The hit rate of users drawn anew."""
    split_ms = split_of(given)
    found = train(given, events=VIEWED, item="product_id", until_ms=split_ms)
    by_user: dict[str, list[bool]] = {}
    for case in cases_of(given, split_ms):
        items = {each.item for each in ranked(case.history, found.neighbours, found.popular, most=5)}
        by_user.setdefault(case.user, []).append(case.next in items)
    chance = random.Random(seed)
    hits = Counter(hit for user in chance.choices(sorted(by_user), k=len(by_user)) for hit in by_user[user])
    return hits[True] / hits.total()


def test_without_cases_there_is_no_measure() -> None:
    given = histories({"u1": "ab", "u2": "ab"})
    with pytest.raises(UserError, match="no user came to a new item"):
        measure(learnt({"u1": "ab", "u2": "ab"}), list(cases_of(given, 9_000)), most=5, split="then")


def test_histories_are_read_as_a_worker_reads_events(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = [
        {
            "type": "track",
            "event": "Product Viewed",
            "userId": "ann",
            "anonymousId": "x",
            "properties": {"product_id": 7},
        },
        {"type": "track", "event": "Product Viewed", "anonymousId": "x", "properties": {"product_id": " B "}},
        {"type": "track", "event": "Product Viewed", "userId": "null", "properties": {"product_id": "C"}},
        {"type": "track", "event": "Product Viewed", "userId": "ann", "properties": {"product_id": None}},
        {"type": "track", "event": "Other", "userId": "ann", "properties": {"product_id": "D"}},
        {"type": "page", "name": "Product Viewed", "userId": "ann"},
    ]
    lines = [json.dumps(each | {"timestamp": "2026-01-05T10:00:00Z"}) for each in events]
    lines.append(json.dumps(events[0] | {"timestamp": "2026-01-05T09:00:00Z", "properties": {"product_id": "A"}}))
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join([*lines, "{"]))
    found = read_histories([file], VIEWED, "product_id")
    assert {user: [item for _, item in steps] for user, steps in found.of.items()} == {"ann": ["A", "7"], "x": ["B"]}
    assert found.without_item == 1
    assert found.unusable.total() == 2


def test_stays_are_those_of_the_changes(tmp_path: Path) -> None:
    def change(kind: str, at: str, sequence: int) -> str:
        return json.dumps({"user": "ann", "segment": "vip", "change": kind, "at": at, "sequence": sequence})

    file = tmp_path / "changes.jsonl"
    instants = ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z", "1970-01-01T00:00:03Z", "1970-01-01T00:00:03Z")
    kinds = ("entered", "updated", "exited", "entered")
    file.write_text("\n".join(change(kind, at, n) for n, (kind, at) in enumerate(zip(kinds, instants, strict=True))))
    stays = read_stays(file)
    assert [stays.at("ann", at_ms) for at_ms in (1_000, 1_001, 3_000, 3_001)] == [[], ["vip"], ["vip"], ["vip"]]
    assert stays.at("bob", 2_000) == []
    file.write_text("{}")
    with pytest.raises(UserError, match="is no change"):
        read_stays(file)
