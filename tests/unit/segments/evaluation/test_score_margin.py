"""An event that a margin lets pass changes nothing that a comparison says, and turns it no earlier."""

import random

import msgspec
import pytest

from app.events.instants import iso
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import PointsWhen, Score
from app.segments.evaluation.operators import score_crossing
from app.segments.evaluation.score_margin import Margin, margin_of
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import syntax
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord
from tables.tallies import Decay

HALF_LIFE_MS = 1_000
SIGNS = ("<", "<=", ">", ">=")


def score(*adds: float) -> Score:
    return Score("s", tuple(PointsWhen(syntax.Boolean(True), add) for add in adds), half_life_ms=HALF_LIFE_MS)


def margin(bound: float, *adds: float) -> Margin:
    found = margin_of(score(*adds), ">=", bound)
    assert found is not None
    return found


def passes(around: Margin, state: list[float], points: float, now: int) -> bool:
    """True if nobody looks at the event."""
    test = around.touched("r", points)
    return test is not None and not eval(test, {"r": state, "now": now})


@pytest.mark.parametrize("seed", range(60))
def test_what_is_let_pass_changes_no_comparison(seed: int) -> None:
    chance = random.Random(seed)
    kind = Decay(HALF_LIFE_MS)
    adds = chance.choice([(), (3,), (-2,), (3, -2, 0.1)])
    bound = chance.choice([0, 1, 5, 20.5, -3])
    around = margin(bound, *adds)
    fixed = sum(add for add in adds if chance.random() < 0.5)
    state: list[float] | None = None
    now, let_pass = 0, 0
    for _ in range(200):
        now += chance.choice([0, 1, 100, 1_000, 5_000])
        points = chance.choice([-1, 0.0000001, 0.1, 1, 5, 30])
        before = {sign: score_crossing(sign, state, HALF_LIFE_MS, fixed, bound, now) for sign in SIGNS}
        state = kind.add(state, now - chance.choice([0, 0, 0, 700]), points, now)
        if not passes(around, state, points, now):
            continue
        let_pass += 1
        for sign in SIGNS:
            truth, until = score_crossing(sign, state, HALF_LIFE_MS, fixed, bound, now)
            assert truth == before[sign][0]
            assert until >= before[sign][1]
    assert let_pass or not adds or bound <= 1


def test_points_far_below_the_bound_pass_and_those_that_come_near_do_not() -> None:
    around = margin(50, 10)
    assert passes(around, [39, 1], 20, 1)
    assert passes(around, [39, 1], 20, 5)
    assert not passes(around, [40, 1], 20, 1)


def test_points_far_above_the_bound_pass_if_the_score_is_known_at_this_instant() -> None:
    around = margin(50, 10)
    assert passes(around, [71, 1], 20, 1)
    assert not passes(around, [71, 1], 20, 2)
    assert not passes(around, [70, 1], 20, 1)


@pytest.mark.parametrize("points", [0, -1, 1e-9, 1e7])
def test_points_that_do_not_raise_a_score_or_are_lost_in_it_never_pass(points: float) -> None:
    assert not passes(margin(50), [1, 1], points, 1)


@pytest.mark.parametrize("sign", ["=", "!="])
def test_a_score_that_leaps_over_a_number_may_meet_it_after_more_points(sign: str) -> None:
    assert margin_of(score(), sign, 1) is None


def test_a_bound_at_which_rounding_is_too_coarse_has_no_margin() -> None:
    assert margin_of(score(), ">=", 1e7) is None
    assert margin_of(score(1e7), ">=", 1) is None


def test_who_depends_on_a_score_hears_until_when_it_holds_although_its_timer_comes_too_early() -> None:
    definitions = {
        "s.yaml": "score: s\nhalf_life: 10s\npoints:\n- {on: \"'A'\", add: 5}\n",
        "near.yaml": "segment: near\nwhen: score('s') >= 1\n",
        "on-top.yaml": "segment: on-top\nwhen: segment('near') and exists('D')\n",
    }
    rules = TimeRules()
    partition = Partition(compile_catalog(load_catalog(definitions), rules), rules)
    start_ms = 1_767_600_000_000
    records = [
        PipedRecord(offset, -1, b"u", msgspec.json.encode(message))
        for offset, message in enumerate(
            {"type": "track", "event": name, "userId": "u", "timestamp": iso(start_ms + 1_000 * offset)}
            for offset, name in enumerate("AAD")
        )
    ]
    (change,) = [change for change in partition.process(records).changes if change.segment == "on-top"]
    left = partition.advance(start_ms + 3_600_000).changes
    assert [each.at for each in left] == [change.valid_until] * 2
    assert change.valid_until == iso(start_ms + 33_728)
