"""Which users have a timer when: buckets of about a second, at most one entry a user and bucket.

An entry says that the user's timer is not before its bucket. The true timer stands with the profile; one that moved
later is armed again when its old bucket comes up (lazily), one that moved earlier is armed at once.
"""

from collections.abc import Callable
from heapq import heappop, heappush

BUCKET_BITS = 10


class Timers:
    """Users by the bucket of their timer.

    Most buckets have one user, as most timers are days away: such a bucket is the user, and no dict.
    """

    __slots__ = ("_buckets", "_order")

    def __init__(self) -> None:
        self._buckets: dict[int, str | dict[str, None]] = {}
        self._order: list[int] = []

    @property
    def pending(self) -> int:
        """How many entries wait, about the users with a timer (walks over the buckets: not for every batch)."""
        return sum(1 if isinstance(users, str) else len(users) for users in self._buckets.values())

    def arm(self, user: str, timer_ms: int) -> None:
        """The user is looked at when the clock reaches `timer_ms`."""
        bucket = timer_ms >> BUCKET_BITS
        users = self._buckets.get(bucket)
        if users is None:
            self._buckets[bucket] = user
            heappush(self._order, bucket)
        elif not isinstance(users, str):
            users[user] = None
        elif users != user:
            self._buckets[bucket] = {users: None, user: None}

    def earliest_ms(self) -> int | None:
        """No timer is before this instant; None if there is no timer."""
        return self._order[0] << BUCKET_BITS if self._order else None

    def due(self, clock_ms: int, timer_of: Callable[[str], int | None]) -> list[str]:
        """Takes out the users whose timer is at or before `clock_ms`, in order of arming.

        `timer_of` gives a user's timer, None for one who is gone.
        """
        found: list[str] = []
        limit = clock_ms >> BUCKET_BITS
        while self._order and self._order[0] <= limit:
            bucket = heappop(self._order)
            users = self._buckets.pop(bucket)
            waiting: list[tuple[str, int]] = []
            for user in (users,) if isinstance(users, str) else users:
                timer = timer_of(user)
                if timer is None:
                    continue
                if timer <= clock_ms:
                    found.append(user)
                else:
                    waiting.append((user, timer))
            for user, timer in waiting:
                self.arm(user, timer)
            if bucket == limit:
                break
        return found
