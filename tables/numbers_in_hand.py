"""A large state of `tables.pairs.Numbers` that is used often: its sum, its highest or lowest number.

The same meaning, one event at a time; see `tables.in_hand`.
"""

from bisect import bisect_right

from tables import in_hand
from tables.counted import EVENT_DROPPED, Counted
from tables.windows import EVENTS_MAX, FOREVER


class NumbersInHand(list[list[int]]):
    """[instants, numbers] as a profile keeps them; the first `_gone` are at or before `_start` and count no more.

    `sign`: 1 for the highest number, -1 for the lowest, 0 for neither.
    `_leaders`, for the extreme: the numbers that none after them exceeds, so that the first is the highest of all, and
    the next one follows when it has gone; in `_leads` their instants. All times `sign`.
    """

    __slots__ = ("_gone", "_leaders", "_leads", "_sign", "_start", "_uses", "is_built", "total")

    def __init__(self, state: list[list[int]], *, sign: int) -> None:
        super().__init__(state)
        self._sign = sign
        self._uses = 0
        self.is_built = False
        self._gone = 0
        self._start = -FOREVER
        self._leads: list[int] = []
        self._leaders: list[int] = []
        self.total = 0

    def use(self, start: int) -> bool:
        """Before an event. True if it is to be inserted here, False if it has to be inserted without an index."""
        self._uses += 1
        if self.is_built and self.move(start):
            return True
        self.is_built = self._uses >= in_hand.OFTEN
        if self.is_built:
            self._build()
            self.move(start)
        return self.is_built

    def _build(self) -> None:
        instants, numbers = self
        self._gone = 0
        self._start = -FOREVER
        self.total = sum(numbers)
        self._leads, self._leaders = [], []
        if self._sign:
            for t, number in zip(reversed(instants), reversed(numbers), strict=True):
                signed = number * self._sign
                if not self._leaders or signed >= self._leaders[-1]:
                    self._leads.append(t)
                    self._leaders.append(signed)
            self._leads.reverse()
            self._leaders.reverse()

    def move(self, start: int) -> bool:
        """Leaves out numbers at or before `start`. False, and nothing happens, if it has moved farther before, or
        there is no index."""
        if not self.is_built or start < self._start:
            return False
        self._start = start
        self._leave_until(start)
        return True

    def _leave_until(self, start: int) -> None:
        instants = self[0]
        while self._gone < len(instants) and instants[self._gone] <= start:
            self._leave(self._gone)
            self._gone += 1

    def _leave(self, where: int) -> None:
        number = self[1][where]
        self.total -= number
        if self._leaders and self._leaders[0] == number * self._sign:
            del self._leaders[0], self._leads[0]

    def forget(self, t: int) -> "NumbersInHand | None":
        """Without what is at or before `t`; None if nothing is left. There must be an index."""
        self._leave_until(t)
        self._forget_gone()
        return self if self[0] else None

    def _forget_gone(self) -> None:
        if self._gone:
            del self[0][: self._gone], self[1][: self._gone]
            self._gone = 0

    @property
    def size(self) -> int:
        """The number of numbers that count."""
        return len(self[0]) - self._gone

    def extreme(self) -> int:
        """The highest or the lowest number; there must be one."""
        return self._leaders[0] * self._sign

    def put(self, t: int, number: int, counted: Counted) -> None:
        """An event inside the window, to whose beginning this has been moved."""
        self._forget_gone()
        instants, numbers = self
        where = bisect_right(instants, t)
        instants.insert(where, t)
        numbers.insert(where, number)
        self.total += number
        if self._sign:
            self._lead(t, number * self._sign)
        if len(instants) > EVENTS_MAX:
            self._leave(0)
            del instants[0], numbers[0]
            counted[EVENT_DROPPED] += 1

    def _lead(self, t: int, signed: int) -> None:
        leads, leaders = self._leads, self._leaders
        end = bisect_right(leads, t)
        if end < len(leaders) and leaders[end] > signed:
            return
        begin = end
        while begin and leaders[begin - 1] < signed:
            begin -= 1
        leads[begin:end] = [t]
        leaders[begin:end] = [signed]
