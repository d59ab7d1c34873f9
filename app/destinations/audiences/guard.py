"""Guard of a list: what looks like a mistake waits until somebody confirms it. Pure.

Exits are held where more than half of the list would be removed within `WINDOW_S`, or of a part of it in one batch;
people who were refused are held where they are more than `REFUSED_SHARE` of a batch.
What a person demands is never held.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

WINDOW_S: Final = 900.0
CONFIRMED_S: Final = 3_600.0
"""Time for which a confirmation holds."""
LIST_MIN: Final = 100
"""Smaller lists are not guarded."""
PART_MIN: Final = 20
SHARE: Final = 0.5
REFUSED_SHARE: Final = 0.2
ASKED_MIN: Final = 10


@dataclass(slots=True)
class Guard:
    """Guard of one list in a process. on: False: nothing is held, as the file says."""

    on: bool = True
    _confirmed_s: float = float("-inf")
    _removed: deque[tuple[float, int]] = field(default_factory=deque)

    def confirm(self, at_s: float) -> None:
        """Somebody has confirmed what is held."""
        self._confirmed_s = max(self._confirmed_s, at_s)

    def is_off(self, now_s: float) -> bool:
        """True if nothing is held now."""
        return not self.on or now_s - self._confirmed_s < CONFIRMED_S

    def holds_removals(self, leaving: int, *, part: int, members: int, now_s: float) -> str:
        """Reason to hold back the exits of a batch; empty: there is none.

        leaving: people who would be removed, of `part` in this partition and `members` in the list, both before it.
        """
        while self._removed and now_s - self._removed[0][0] >= WINDOW_S:
            self._removed.popleft()
        before = sum(number for _, number in self._removed)
        whole = members + before
        if self.is_off(now_s) or whole < LIST_MIN or not leaving:
            return ""
        if part >= PART_MIN and leaving > part * SHARE:
            return f"{leaving:,} of {part:,} people in this part of the list would be removed at once"
        if before + leaving > whole * SHARE:
            return f"{before + leaving:,} of {whole:,} people would be removed within {WINDOW_S / 60:.0f} minutes"
        return ""

    def removed(self, number: int, now_s: float) -> None:
        """So many people were removed."""
        if number:
            self._removed.append((now_s, number))

    def holds_refusals(self, refused: int, asked: int, now_s: float) -> str:
        """Reason to hold those who were refused; empty: each is refused for a reason of its own."""
        if self.is_off(now_s) or asked < ASKED_MIN or refused <= asked * REFUSED_SHARE:
            return ""
        return f"{refused:,} of {asked:,} people were refused"
