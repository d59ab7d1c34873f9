"""Margins of decaying scores: the events that cannot change a comparison with a number need no settlement.

Theory of operation. A score is a decayed sum, `v * 2 ** -(age / half-life)`, and nearly every event changes it a
little. Of `score >= 50` only the crossing matters. Points above zero only raise a score. So a score far below the
bound after an event was below it before, and one far above the bound without the event is still above, only for longer
than was thought. In both cases nothing is settled. The timer then comes too early, which `SegmentCode.lags` declares:
when it fires, the comparison is made again and sets the timer that is right by then.

"Far" is a margin that covers rounding to six places and every condition of the score. Inside the margin the event
settles as usual, so the margin decides only the cost, never a result; seeded bugs test that.
"""

from dataclasses import dataclass

from app.segments.definitions.definition import PointsWhen, Score
from app.segments.evaluation.operators import NEAR, ORDERED

_LEAST_POINTS = 0.001
_LARGEST = 1e6


@dataclass(frozen=True, slots=True, order=True)
class Margin:
    """Margin of a score. A decayed value below `low` stays below the bound; above `high`, it is above it now.

    Whatever of the conditions of the score holds, and however it is rounded. `low` 0: nothing is that low.
    """

    low: float
    high: float

    def touched(self, state: str, points: int | float) -> str | None:
        """A Python expression: whether an event may have changed what the comparison says, or turned it earlier.

        `state` names the score's [v, t] after the event. None: it always may.
        """
        if not _LEAST_POINTS <= points <= _LARGEST:  # below this, the added points may be lost in the rounding of v
            return None
        below = f"{state}[1] != now or {state}[0] <= {self.high + points!r}"
        return f"{state}[0] >= {self.low!r} and ({below})" if self.low else below


def margin_of(score: Score, sign: str, bound: int | float) -> Margin | None:
    """The margin of a decaying score around a number that it is compared with; None where there is none to trust.

    Of `=` and `!=` there is none: a score may leap over a number, and after more points meet it.
    """
    if sign not in ORDERED:
        return None
    steps = [entry.add for entry in score.points if isinstance(entry, PointsWhen)]
    most = sum(add for add in steps if add > 0)
    least = sum(add for add in steps if add < 0)
    if max(abs(bound), most, -least) > _LARGEST:
        return None
    return Margin(max(bound - most - NEAR, 0.0), bound - least + NEAR)
