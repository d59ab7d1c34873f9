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
from typing import Generic, TypeVar

BUCKET_BITS = 10
FAR_BITS = 24
PLACES = 1 << FAR_BITS - BUCKET_BITS  # of buckets among those of their hours: each fits two bytes
NOTHING_OPENED = -1 << 63
REPEATED_MIN = 64
UNBOUNDED = 1 << 62


class Timers:
    """Users by the bucket of their timer. What comes out, and in which order, does not depend on the levels.

    Most buckets have one user: such a bucket is the user, and no dict. The bucket that is looked through and the list
    of hours that is opened are taken out first (`_taking`, `_opening`), so that either can be done in several parts.
    `_joined`: between the parts somebody was armed for the bucket that is looked through, or the clock went on from
    `_looked_ms`, at which those of the first part were not due.
    """

    __slots__ = ("_buckets", "_far", "_far_order", "_joined", "_looked_ms", "_opened", "_opening", "_order", "_taking")

    def __init__(self) -> None:
        self._buckets: dict[int, str | dict[str, None]] = {}
        self._order: list[int] = []
        self._far: dict[int, _Far] = {}
        self._far_order: list[int] = []
        self._opened = NOTHING_OPENED
        self._taking: _Part[list[str]] | None = None
        self._joined = False
        self._looked_ms = 0
        self._opening: _Part[_Far] | None = None

    @property
    def pending(self) -> int:
        """Number of waiting entries, about the users with a timer (walks over the buckets: not for every batch)."""
        count = sum(1 if isinstance(users, str) else len(users) for users in self._buckets.values())
        count += sum(len(far.users) for far in self._far.values())
        if self._taking is not None:
            count += len(self._taking.what) - self._taking.done
        if self._opening is not None:
            count += len(self._opening.what.users) - self._opening.done
        return count

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
        if self._taking is not None and self._taking.number == bucket:
            self._joined = True
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
        if self._taking is None and self._opening is None and not self._order:  # otherwise no far timer is as near
            if not self._far_order:
                return None
            number = self._far_order[0]
            return (number << FAR_BITS) + (self._far[number].earliest << BUCKET_BITS)
        found = [self._order[0] << BUCKET_BITS] if self._order else []
        if self._taking is not None:
            found.append(self._taking.number << BUCKET_BITS)
        if self._opening is not None:
            found.append(self._opening.number << FAR_BITS)
        return min(found)

    def due(self, clock_ms: int, timer_of: Callable[[str], int | None]) -> list[str]:
        """Takes out the users whose timer is at or before `clock_ms`, in order of arming.

        `timer_of` gives a user's timer, None for one who is gone.
        """
        return self.take(clock_ms, timer_of, entries_max=UNBOUNDED)[0]

    def take(
        self, clock_ms: int, timer_of: Callable[[str], int | None], *, entries_max: int, found_max: int = UNBOUNDED
    ) -> tuple[list[str], bool]:
        """As `due`, but looks at no more than `entries_max` entries and finds no more than `found_max` users.

        Returns the users, and whether these were all. To open an entry of the far lists counts as a sixteenth.
        """
        found: list[str] = []
        last, hours = clock_ms >> BUCKET_BITS, clock_ms >> FAR_BITS
        left = entries_max
        if self._taking is not None:
            self._joined |= clock_ms > self._looked_ms
            self._looked_ms = min(self._looked_ms, clock_ms)
        while self._has_next(last, hours):
            if left <= 0 or len(found) >= found_max:
                return found, False
            if self._opening is not None:
                left -= self._open_some(self._opening, left)
            elif self._taking is not None:
                taking = self._taking
                left -= self._take_some(taking, clock_ms, timer_of, found, min(left, found_max - len(found)))
                if taking.done == len(taking.what):
                    self._taking = None
                    last -= taking.number == last and not self._joined  # what has come back into it is not due yet
            elif self._order and self._order[0] <= last:
                bucket = heappop(self._order)
                users = self._buckets.pop(bucket)
                self._taking = _Part(bucket, [users] if isinstance(users, str) else list(users))
                self._joined = False
                self._looked_ms = clock_ms
            else:
                self._opened = heappop(self._far_order)
                self._opening = _Part(self._opened, self._far.pop(self._opened))
        self._opened = max(self._opened, hours)
        return found, True

    def _has_next(self, last: int, hours: int) -> bool:
        """True if anything is to be looked at, up to this bucket, or opened, up to these hours."""
        if self._taking is not None or self._opening is not None:
            return True
        return bool(self._order and self._order[0] <= last) or bool(self._far_order and self._far_order[0] <= hours)

    def _take_some(
        self,
        part: "_Part[list[str]]",
        clock_ms: int,
        timer_of: Callable[[str], int | None],
        found: list[str],
        entries_max: int,
    ) -> int:
        """Looks at some entries of a bucket; returns how many."""
        waiting: list[tuple[str, int]] = []
        users = part.next(part.what, entries_max)
        for user in users:
            timer = timer_of(user)
            if timer is None:
                continue
            if timer <= clock_ms:
                found.append(user)
            else:
                waiting.append((user, timer))
        joined = self._joined
        for user, timer in waiting:
            self.arm(user, timer)
        self._joined = joined
        return len(users)

    def _open_some(self, part: "_Part[_Far]", entries_max: int) -> int:
        """Moves entries that are near now into the near buckets; returns how many sixteenths it moved."""
        begin = part.done
        users = part.next(part.what.users, 16 * entries_max)
        for user, second in zip(users, part.what.seconds[begin : part.done], strict=True):
            self.arm(user, (part.number << FAR_BITS) + (second << BUCKET_BITS))
        if part.done == len(part.what.users):
            self._opening = None
        return -(-len(users) // 16)


PartT = TypeVar("PartT")


class _Part(Generic[PartT]):
    """A bucket, or a list of hours, of which some entries are done."""

    __slots__ = ("done", "number", "what")

    def __init__(self, number: int, what: PartT) -> None:
        self.number = number
        self.what = what
        self.done = 0

    def next(self, users: list[str], entries_max: int) -> list[str]:
        """The next entries."""
        begin, self.done = self.done, min(len(users), self.done + entries_max)
        return users if begin == 0 and self.done == len(users) else users[begin : self.done]


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
