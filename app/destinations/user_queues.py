"""The changes in hand for one destination and one partition: a queue for each user, one change after the other. Pure.

What is delivered may run ahead of what waits: a user whose changes do not get through keeps nobody else waiting. The
position of the whole is the first offset that is not done; the offsets done beyond it are kept as ranges.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(slots=True, eq=False)
class Waiting(Generic[ItemT]):
    """One change in hand. `due_s`: not to be tried before; `failed_s`: when it failed first."""

    offset: int
    user: str
    item: ItemT
    due_s: float = 0.0
    tries: int = 0
    failed_s: float | None = None
    in_flight: bool = False


class UserQueues(Generic[ItemT]):
    """Queues of changes by user. Offsets are added in ascending order."""

    def __init__(self, offset: int, done: Iterable[tuple[int, int]] = ()) -> None:
        """`offset` and `done` (ranges, the ends not included) as `position` and `done` were."""
        self.position = offset
        self._end = offset
        self._done = sorted((start, end) for start, end in done if end > offset)
        self._queues: dict[str, deque[Waiting[ItemT]]] = {}
        self.waiting = 0

    @property
    def done(self) -> Sequence[tuple[int, int]]:
        """Offset ranges that are done beyond the position, in order, ends not included."""
        return tuple(self._done)

    def is_done(self, offset: int) -> bool:
        """True if an offset needs nothing more."""
        return offset < self.position or any(start <= offset < end for start, end in self._done)

    def add(self, offset: int, user: str, item: ItemT) -> None:
        """A change to be delivered after all earlier ones of its user."""
        if self.is_done(offset):
            return
        self._queues.setdefault(user, deque()).append(Waiting(offset, user, item))
        self.waiting += 1

    def reach(self, offset: int) -> None:
        """All records before this offset were seen: what was not added needs nothing."""
        self._end = max(self._end, offset)
        self.settle()

    def heads(self, now_s: float) -> list[Waiting[ItemT]]:
        """The changes that may be tried now: the first of each queue, those tried least first."""
        found = [queue[0] for queue in self._queues.values() if not queue[0].in_flight and queue[0].due_s <= now_s]
        return sorted(found, key=lambda each: (each.tries, each.offset))

    def runs(self, now_s: float, *, most: int) -> list[Waiting[ItemT]]:
        """Up to `most` changes that may be tried together now: whole runs of users, each in order."""
        found: list[Waiting[ItemT]] = []
        for head in self.heads(now_s):
            for each in self._queues[head.user]:
                if len(found) >= most:
                    return found
                found.append(each)
        return found

    def oldest(self) -> Waiting[ItemT] | None:
        """The change that waits longest."""
        return min((queue[0] for queue in self._queues.values()), key=lambda each: each.offset, default=None)

    def next_due_s(self) -> float | None:
        """Instant at which the next change may be tried; None if nothing waits for a time."""
        return min((queue[0].due_s for queue in self._queues.values() if not queue[0].in_flight), default=None)

    def begin(self, each: Waiting[ItemT]) -> None:
        """It is being tried."""
        each.in_flight = True
        each.tries += 1

    def finish(self, each: Waiting[ItemT]) -> None:
        """It is done with, delivered or not: the user's next may be tried."""
        self.remove(each)
        self.settle()

    def remove(self, each: Waiting[ItemT]) -> None:
        """As `finish`, but the position stays until `settle`: for many changes at once."""
        queue = self._queues[each.user]
        assert queue[0] is each, "only the first of a queue is tried"
        queue.popleft()
        if not queue:
            del self._queues[each.user]
        self.waiting -= 1

    def retry(self, each: Waiting[ItemT], *, due_s: float, now_s: float) -> None:
        """It failed, and is tried again from `due_s` on."""
        each.in_flight = False
        each.due_s = due_s
        if each.failed_s is None:
            each.failed_s = now_s

    def put_back(self, each: Waiting[ItemT]) -> None:
        """It was begun, and not tried: one before it did not get through."""
        each.in_flight = False
        each.tries -= 1

    def hurry(self, now_s: float) -> None:
        """Allows every change that waits after a failure to be tried now."""
        for queue in self._queues.values():
            queue[0].due_s = min(queue[0].due_s, now_s)

    def settle(self) -> None:
        """Moves the position to the first offset that waits; what lies between waiting ones is done."""
        waiting = sorted(each.offset for queue in self._queues.values() for each in queue)
        self.position = max(self.position, min(waiting[0] if waiting else self._end, self._end))
        ranges: list[tuple[int, int]] = []
        for before, after in pairwise([*waiting, self._end] if waiting else ()):
            if before + 1 < after:
                ranges.append((before + 1, after))
        beyond = [(start, end) for start, end in self._done if end > self._end]
        self._done = _joined([*ranges, *beyond])


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
