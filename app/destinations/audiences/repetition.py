"""Turns in which all of a list is sent again, since a service cannot be asked for what it still has. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Repetition:
    """The turns of one audience in a process, of each partition its own. `every_s`: None for no turns.

    The first turn begins `every_s` after the partition was first looked at.
    """

    every_s: float | None
    _next_s: dict[int, float] = field(default_factory=dict)
    _left: dict[int, deque[str]] = field(default_factory=dict)

    def due(self, partition: int, users: Iterable[str], *, now_s: float, most: int) -> list[str]:
        """The next users of the turn that is on, at most so many. `users`: all who are in the list when one begins."""
        if self.every_s is None:
            return []
        left = self._left.setdefault(partition, deque())
        next_s = self._next_s.setdefault(partition, now_s + self.every_s)
        if now_s >= next_s and not left:
            left.extend(users)
            self._next_s[partition] = now_s + self.every_s
        return [left.popleft() for _ in range(min(most, len(left)))]

    def put_back(self, partition: int, users: Iterable[str]) -> None:
        """These could not be sent: they stay in the turn."""
        self._left.setdefault(partition, deque()).extend(users)

    def forget(self, partition: int) -> None:
        """The partition belongs to another process."""
        self._left.pop(partition, None)
        self._next_s.pop(partition, None)
