"""Rows of a features file over past events: point-in-time values, and labels of what came after.

The values of a row are those that a worker computes at that instant: they are attached to the entry that makes the row.
An event of a label counts at the instant at which the engine takes it. Where a key turns out to be a user
(identity.yaml), what the user does after that counts for the earlier rows of the key.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final, TypeAlias

from app.events.message import instant_ms
from app.segments.definitions.features_file import TOTAL, Features, Label
from app.segments.evaluation.batch import Linked
from app.segments.evaluation.change import Change

LINKED_RESULTS: Final = ("given", "empty")
"""Results of a claim after which the key is the user's."""


@dataclass(frozen=True, slots=True)
class Row:
    """Values of a user at an instant, in ms. `labels`: None where the history ends before the label's window does."""

    user: str
    at_ms: int
    values: tuple[Any, ...]
    labels: tuple[Any, ...]


Entry: TypeAlias = tuple[int, int]
"""An entry that a label of the next segment counts: the instant, in ms, and the place of the segment."""


@dataclass(slots=True)
class Events:
    """Events that a label counts of a user: instants in order, and the amount that each of them adds."""

    instants: list[int] = field(default_factory=list)
    added: list[float] = field(default_factory=list)
    total: float = 0.0

    def add(self, at_ms: int, total: float) -> None:
        """A running total that was reported at an instant."""
        self.instants.append(at_ms)
        self.added.append(total - self.total)
        self.total = total


class FeatureRows:
    """Hears the changes of a backtest, and gives the rows."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._rows: list[tuple[str, int, tuple[Any, ...]]] = []
        self._timed: list[tuple[str, int, tuple[Any, ...]]] = []
        self._events: list[dict[str, Events]] = [{} for _ in features.labels]
        self._entries: list[dict[str, list[Entry]]] = [{} for _ in features.labels]
        self._of: dict[str, list[int]] = {}
        for number, label in enumerate(features.labels):
            for segment in label.segments if label.segment is None else (label.segment.name,):
                self._of.setdefault(segment, []).append(number)
        self._moves: dict[str, list[tuple[int, str]]] = {}

    def hear(self, change: Change) -> None:
        """A change, those of a user in order."""
        if change.segment == self._features.moments.name:
            if change.change == "entered":
                values = tuple(change.attach[column] for column in self._features.columns)
                rows = self._timed if change.cause.kind == "time" else self._rows
                rows.append((change.user, instant_ms(change.at), values))
            return
        for number in self._of.get(change.segment, ()):
            label = self._features.labels[number]
            if label.kind == "next":
                if change.change == "entered":
                    entry = instant_ms(change.at), label.segments.index(change.segment)
                    self._entries[number].setdefault(change.user, []).append(entry)
                continue
            events = self._events[number].setdefault(change.user, Events())
            if label.segment is None:
                if change.change == "entered":
                    events.add(instant_ms(change.at), events.total + 1)
            elif change.change == "exited":
                events.total = 0.0  # the user is forgotten, or has moved
            elif change.cause.kind in ("merged", "split"):
                events.total = float(change.attach[TOTAL] or 0)  # what another key has done before
            else:
                events.add(instant_ms(change.at), float(change.attach[TOTAL] or 0))

    def hear_link(self, linked: Linked) -> None:
        """The result of a claim."""
        if linked.result in LINKED_RESULTS:
            self._moves.setdefault(linked.source, []).append((linked.at_ms, linked.to))

    def rows(self, end_ms: int) -> Iterator[Row]:
        """Yields the rows in order of their instants and users. `end_ms`: end of the history."""
        sums = [
            {user: [0.0, *accumulate(events.added)] for user, events in by_user.items()} for by_user in self._events
        ]
        for user, at_ms, values in sorted(self._rows + self._moments_in_time(), key=lambda row: (row[1], row[0])):
            labels = tuple(
                self._label(label, number, sums[number], user, at_ms) if at_ms + label.ahead_ms <= end_ms else None
                for number, label in enumerate(self._features.labels)
            )
            yield Row(user, at_ms, values, labels)

    def _moments_in_time(self) -> list[tuple[str, int, tuple[Any, ...]]]:
        """The rows that time alone has made, without those at the end of the warm-up.

        `warmup: wait` is over for all users at one instant, before any other row: their moments were before.
        """
        if self._features.moments.warmup != "wait" or not self._timed:
            return self._timed
        warm_ms = min(at_ms for _, at_ms, _ in self._timed)
        if any(at_ms < warm_ms for _, at_ms, _ in self._rows):
            return self._timed
        return [row for row in self._timed if row[1] != warm_ms]

    def _label(self, label: Label, number: int, sums: dict[str, list[float]], user: str, at_ms: int) -> Any:
        until_ms = at_ms + label.ahead_ms
        if label.kind == "next":
            return self._next(label, number, user, at_ms)
        found = self._between(number, sums, user, at_ms, until_ms)
        for moved_ms, to in self._moves.get(user, ()):
            if at_ms <= moved_ms < until_ms:
                found += self._between(number, sums, to, moved_ms, until_ms)
                break
        if label.kind in ("exists", "enters"):
            return found > 0
        if label.kind == "never":
            return not found
        return int(found) if label.kind == "count" else round(found, 6)

    def _next(self, label: Label, number: int, user: str, at_ms: int) -> str:
        """The segment that is entered first; of several at one instant the one that the label names first."""
        until_ms = at_ms + label.ahead_ms
        entries = self._entries[number]
        found = [each for each in entries.get(user, ()) if at_ms < each[0] <= until_ms]
        for moved_ms, to in self._moves.get(user, ()):
            if at_ms <= moved_ms < until_ms:
                found += [each for each in entries.get(to, ()) if moved_ms < each[0] <= until_ms]
                break
        return label.classes[min(found)[1] if found else -1]

    def _between(self, number: int, sums: dict[str, list[float]], user: str, after_ms: int, until_ms: int) -> float:
        """Returns the amount that counts for a user after an instant, until another."""
        events = self._events[number].get(user)
        if events is None:
            return 0.0
        upto = sums[user]
        return upto[bisect_right(events.instants, until_ms)] - upto[bisect_right(events.instants, after_ms)]
