"""The days, weeks and months with an event, and how many days follow each other. The contract: `tables.windows`."""

from tables.calendar_days import CalendarDays, Unit, most_units
from tables.counted import VALUE_DROPPED, Counted
from tables.state_size import AN_INSTANT, TYPICAL_EVENTS, Size, StateSize
from tables.windows import FOREVER, Windowed

DAYS_MAX = 400
"""Days, weeks or months that one state keeps."""

_A_NUMBER_OF_DAYS = Size(5, 5)


class Days(Windowed):
    """`days`, `weeks`, `months`. State: number of the day, week or month -> latest t in it."""

    __slots__ = ("calendar", "counted", "number", "unit")

    def __init__(self, unit: Unit, within_ms: int | None, zone: str, counted: Counted) -> None:
        super().__init__(within_ms)
        self.unit = unit
        self.calendar = CalendarDays(zone)
        self.number = self.calendar.numbers(unit)
        self.counted = counted

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        most = DAYS_MAX if self.within_ms is None else min(DAYS_MAX, most_units(self.unit, self.within_ms))
        limits = (f"{DAYS_MAX} {self.unit}s",) if most == DAYS_MAX else ()
        return StateSize((_A_NUMBER_OF_DAYS + AN_INSTANT).times(min(most, TYPICAL_EVENTS), most), limits)

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"the {self.unit}s with {pattern}"

    def add(self, state: dict[int, int] | None, t: int, item: None, now: int) -> dict[int, int] | None:
        start = self.start(now)
        if t <= start:
            return state
        number = self.number(t)
        if state is None:
            return {number: t}
        latest = state.get(number)
        if latest is not None:
            if t > latest:
                state[number] = t
            return state
        state[number] = t
        return self._kept(state, start)

    def _kept(self, state: dict[int, int], start: int) -> dict[int, int] | None:
        """The state without what has left the window, and without all but the latest 400."""
        kept = {number: t for number, t in state.items() if t > start}
        beyond = len(kept) - DAYS_MAX
        if beyond > 0:
            for number in sorted(kept, key=lambda number: (kept[number], number))[:beyond]:
                del kept[number]
            self.counted[VALUE_DROPPED] += beyond
        return kept or None

    def value(self, state: dict[int, int] | None, now: int) -> int:
        if not state:
            return 0
        if self.within_ms is None:
            return len(state)
        start = now - self.within_ms
        return sum(1 for t in state.values() if t > start)

    def until(self, state: dict[int, int] | None, now: int) -> int:
        if self.within_ms is None or not state:
            return FOREVER
        start = now - self.within_ms
        return min((t for t in state.values() if t > start), default=FOREVER - self.within_ms) + self.within_ms

    def forget(self, state: dict[int, int] | None, t: int) -> dict[int, int] | None:
        return None if state is None else {number: at for number, at in state.items() if at > t} or None

    def merge(self, state: dict[int, int] | None, other: dict[int, int] | None, now: int) -> dict[int, int] | None:
        united = dict(state or {})
        for number, t in (other or {}).items():
            united[number] = max(united.get(number, t), t)
        return self._kept(united, self.start(now))


class Streak(Days):
    """`streak`: the days up to today without a gap. State: that of `Days`.

    A day without an event is a gap only once it is over.
    """

    __slots__ = ()

    def __init__(self, zone: str, counted: Counted) -> None:
        super().__init__("day", None, zone, counted)

    def value(self, state: dict[int, int] | None, now: int) -> int:
        if not state:
            return 0
        day = self.number(now)
        if day not in state:
            day -= 1
        length = 0
        while day - length in state:
            length += 1
        return length

    def until(self, state: dict[int, int] | None, now: int) -> int:
        """The next midnight at which it is another: it drops, or comes back where a clock is put back over midnight."""
        if not state:
            return FOREVER
        length, last = self.value(state, now), max(state)
        instant = now
        while self.number(instant) <= last + 2:
            instant = self.calendar.next_day_ms(instant)
            if self.value(state, instant) != length:
                return instant
        return FOREVER
