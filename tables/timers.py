"""Timers of users: a timing wheel of two levels (Varghese and Lauck, "Hashed and Hierarchical Timing
Wheels", 1987).

Near timers are in buckets of about a second, at most one entry a user and bucket. Most are days away: these wait in
lists of some hours, which are opened, into buckets, when the clock gets there. An entry says that the user's timer is
not before its bucket. The true timer stands with the profile; one that moved later is armed again when its old bucket
comes up (lazily), one that moved earlier is armed at once.
"""

from array import array
from collections.abc import Callable
from heapq import heappop, heappush

BUCKET_BITS = 10
FAR_BITS = 24
PLACES = 1 << FAR_BITS - BUCKET_BITS  # of buckets among those of their hours: each fits two bytes
NOTHING_OPENED = -1 << 63
REPEATED_MIN = 64


class Timers:
    """Users by the bucket of their timer. What comes out, and in which order, does not depend on the levels.

    Most buckets have one user: such a bucket is the user, and no dict.
    """

    __slots__ = ("_buckets", "_far", "_far_order", "_opened", "_order")

    def __init__(self) -> None:
        self._buckets: dict[int, str | dict[str, None]] = {}
        self._order: list[int] = []
        self._far: dict[int, _Far] = {}
        self._far_order: list[int] = []
        self._opened = NOTHING_OPENED

    @property
    def pending(self) -> int:
        """Number of waiting entries, about the users with a timer (walks over the buckets: not for every batch)."""
        near = sum(1 if isinstance(users, str) else len(users) for users in self._buckets.values())
        return near + sum(len(far.users) for far in self._far.values())

    def arm(self, user: str, timer_ms: int) -> None:
        """The user is looked at when the clock reaches `timer_ms`."""
        number = timer_ms >> FAR_BITS
        if number > self._opened:
            far = self._far.get(number)
            if far is None:
                far = self._far[number] = _Far()
                heappush(self._far_order, number)
            far.add(user, (timer_ms >> BUCKET_BITS) % PLACES)
            return
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
        """No timer is before this instant, and one was armed for the second after it; None if there is no timer."""
        if self._order:
            return self._order[0] << BUCKET_BITS
        if self._far_order:
            number = self._far_order[0]
            return (number << FAR_BITS) + (self._far[number].earliest << BUCKET_BITS)
        return None

    def due(self, clock_ms: int, timer_of: Callable[[str], int | None]) -> list[str]:
        """Takes out the users whose timer is at or before `clock_ms`, in order of arming.

        `timer_of` gives a user's timer, None for one who is gone.
        """
        self._open(clock_ms >> FAR_BITS)
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

    def _open(self, number: int) -> None:
        """Moves entries that are near now into the near buckets, before anything else comes into these."""
        if number <= self._opened:
            return
        self._opened = number
        while self._far_order and self._far_order[0] <= number:
            opened = heappop(self._far_order)
            far = self._far.pop(opened)
            for user, second in zip(far.users, far.seconds, strict=True):
                self.arm(user, (opened << FAR_BITS) + (second << BUCKET_BITS))


class _Far:
    """Entries of some hours, in order of arming: two arrays take a tenth of what a dict does."""

    __slots__ = ("earliest", "repeated", "seconds", "users")

    def __init__(self) -> None:
        self.users: list[str] = []
        self.seconds = array("H")
        self.earliest = PLACES
        self.repeated = REPEATED_MIN

    def add(self, user: str, second: int) -> None:
        if second < self.earliest:
            self.earliest = second
        self.users.append(user)
        self.seconds.append(second)
        if len(self.users) >= self.repeated:
            self._leave_out_repeated()

    def _leave_out_repeated(self) -> None:
        """Drops repeated entries of users who are armed again for the same second; runs when entries have doubled."""
        entries = dict.fromkeys(zip(self.users, self.seconds, strict=True))
        if len(entries) < len(self.users):
            self.users = [user for user, _ in entries]
            self.seconds = array("H", [second for _, second in entries])
        self.repeated = max(REPEATED_MIN, 2 * len(self.users))
