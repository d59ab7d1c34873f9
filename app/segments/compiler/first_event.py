"""The segments that the first event of a user settles, found with a user of whom nothing is known."""

from typing import Any

from app.segments.evaluation.settlement import SegmentCode
from tables.profile import new_profile


class _Probe:
    """Stands for a settlement to find out whether a segment holds for a user of whom nothing is known."""

    def __init__(self) -> None:
        self.warm_ms: dict[int, int] = {}
        self.filled = 0
        self.filled_ms: dict[int, int] = {}
        self.user = ""
        self.entered = False

    def enter(self, *_: Any) -> bool:
        self.entered = True
        return False


def beginning(segments: tuple[SegmentCode, ...], mask: int) -> tuple[int, int]:
    """The segments that a user's first event must settle even where it does not touch them; what the others watch."""
    watched = 0
    for segment in segments:
        probe = _Probe()
        profile = new_profile(0, 0)
        settle: Any = segment.settle
        settle(profile, 0, probe)
        if probe.entered or profile.due or segment.waits_for:
            mask |= 1 << segment.number
        watched |= profile.watched
    return mask, watched
