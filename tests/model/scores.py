"""Scores: points of events, and points that count while a condition is true."""

import math
from collections.abc import Callable

from app.segments.definitions.definition import PointsOn, PointsWhen, Score
from app.segments.language.syntax import Aggregate, Expression
from tests.model import aggregates
from tests.model.history import History

DIGITS = 6


def counting(score: Score, history: History) -> list[tuple[Aggregate, float]]:
    """The entries with an event pattern, each as what it counts and what one is worth."""
    return history.once(
        "counting",
        score,
        lambda: [
            (
                Aggregate(
                    function="count",
                    of=None,
                    pattern=points.pattern,
                    per=None,
                    within_ms=score.within_ms,
                    since_last=None,
                ),
                points.add,
            )
            for points in score.points
            if isinstance(points, PointsOn)
        ],
    )


def value(score: Score, history: History, now: int, is_true: Callable[[Expression], bool]) -> float:
    """Rounded to six places."""
    if score.half_life_ms is None:
        total: float = 0
        for count, add in counting(score, history):
            total += add * len(aggregates.entries(count, history, now))
    else:
        total = decayed(score, score.half_life_ms, history, now)
    for points in score.points:
        if isinstance(points, PointsWhen) and is_true(points.condition):
            total += points.add
    return round(total, DIGITS)


def decayed(score: Score, half_life_ms: int, history: History, now: int) -> float:
    """The points of events taken as they became known; an older one is added already decayed."""
    found = [
        (entry.found.place, entry.found.known_ms, number, entry.order, entry.t, add)
        for number, (count, add) in enumerate(counting(score, history))
        for entry in aggregates.entries(count, history, now, of_score=True)
    ]
    total, at = 0.0, 0
    for *_, t, add in sorted(found):
        if t >= at:
            total *= math.pow(2.0, -(t - at) / half_life_ms)
            total += add
            at = t
        else:
            total += add * math.pow(2.0, -(at - t) / half_life_ms)
    return total * math.pow(2.0, -(now - at) / half_life_ms)
