"""The progress of a backfill: its stage, how much of that is done, and the time that is left of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from app.segments.language.durations import format_duration

Stage = Literal["looking", "waiting", "beginning", "files", "reading", "filling", "ending"]
ESTIMATE_AFTER_S: Final = 1.0
_TEXTS: Final[dict[Stage, str]] = {
    "looking": "looking for the topics",
    "waiting": "waiting for the workers to use the definitions",
    "beginning": "looking where the topic begins",
    "files": "reading: {done:,} events of the files",
    "reading": "reading: to offset {done:,} of {total:,}",
    "filling": "filling: {done:,} of {total:,} users written",
    "ending": "waiting for the workers",
}


@dataclass(slots=True)
class Progress:
    """`done` of `total`, which is 0 where nobody knows it: offsets of a log, events of files, or users."""

    clock: Callable[[], float] = time.monotonic
    stage: Stage = "looking"
    done: int = 0
    total: int = 0
    _began_s: float = 0.0
    _began_at: int = 0

    def at(self, stage: Stage, done: int = 0, total: int = 0) -> None:
        """Notes how far it is."""
        if stage != self.stage:
            self._began_s, self._began_at = self.clock(), done
        self.stage, self.done, self.total = stage, done, total

    @property
    def left_s(self) -> int | None:
        """Seconds until the end of this stage at the present speed; None where nobody knows."""
        passed_s, more = self.clock() - self._began_s, self.done - self._began_at
        if more <= 0 or self.total <= self.done or passed_s < ESTIMATE_AFTER_S:
            return None
        return max(1, round((self.total - self.done) * passed_s / more))

    @property
    def told(self) -> str:
        """In words, for a terminal.

        >>> progress = Progress(iter([0.0, 10.0]).__next__)
        >>> progress.at("filling", 0, 400)
        >>> progress.at("filling", 100, 400)
        >>> progress.told
        'filling: 100 of 400 users written, 30s to go'
        """
        told = _TEXTS[self.stage].format(done=self.done, total=self.total)
        left_s = self.left_s
        return told if left_s is None else f"{told}, {format_duration(left_s * 1000)} to go"
