"""`count(...)`, `sum(...)` and the like: each read from the list of everything that its pattern ever found."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from typing import TypeAlias
from zoneinfo import ZoneInfo

from app.segments.language.syntax import Aggregate, Arithmetic, Sequence
from tests.model import dates
from tests.model.history import History
from tests.model.plain import (
    LIST_VALUES_MAX,
    LONG_TEXT_BYTES_MAX,
    MILLION,
    SHORT_TEXT_BYTES_MAX,
    Length,
    Name,
    Scalar,
    Value,
    different,
    each,
    millionths,
    number,
    remembered,
    remembered_list,
    size,
)
from tests.model.sequences import Happening, happenings

EVENTS_MAX = 1_000
FIRST_BYTES_MAX = 65_536
VALUES_MAX = 100
DAYS_MAX = 400
ONE_DAY = timedelta(days=1)
QUARTER_HOUR_MS = 900_000
Counted: TypeAlias = tuple[Name | None, Value]
LIMITED = (
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "percentile",
    "first",
    "last",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something counted: at `t`, the `order`-th to be found; `value` is what is counted of it."""

    t: int
    order: int
    found: Happening
    name: Name | None = None
    value: Value = None


def entries(aggregate: Aggregate, history: History, now: int, *, of_score: bool = False) -> list[Entry]:
    """All that counts at `now`, in the order (t, arrival). `of_score`: the value of a score with a half-life."""
    found = happenings(aggregate.pattern, history, now)
    resets = happenings(aggregate.since_last, history, now) if aggregate.since_last else []
    kept = history.once(
        "entries",
        aggregate,
        lambda: fold(aggregate, history, found, resets, of_score=of_score),
        len(found),
        len(resets),
    )
    inside = [entry for entry in kept if is_inside(entry.t, now, aggregate.within_ms)]
    return sorted(inside, key=lambda entry: (entry.t, entry.order))


def is_inside(t: int, now: int, within_ms: int | None) -> bool:
    """Windows are half-open: `now - W < t <= now`."""
    return t <= now and (within_ms is None or now - within_ms < t)


def is_in_span(happening: Happening, aggregate: Aggregate) -> bool:
    """True if something happened from the first instant on and before the second one, if there are such."""
    span, zone = aggregate.span_of_time, happening.arrival.zone
    if span is None:
        return True
    start = dates.instant(span.start, zone)
    end = None if span.end is None else dates.instant(span.end, zone)
    assert start is not None
    return start <= happening.t and (end is None or happening.t < end)


@dataclass(frozen=True, slots=True)
class Step:
    """A happening, in the order in which all became known: one that counts, or a Q, which comes before the rest."""

    happening: Happening
    is_counted: bool
    order: int = 0


def fold(
    aggregate: Aggregate, history: History, found: list[Happening], resets: list[Happening], *, of_score: bool
) -> list[Entry]:
    """Returns the state after all events, taken in the order in which they became known.

    What `once per` lets count of a gift is decided without the user's own; then the two come together.
    """
    steps = [*(Step(reset, is_counted=False) for reset in resets), *(Step(one, is_counted=True) for one in found)]
    steps.sort(key=lambda step: (step.happening.place, step.happening.known_first_ms, step.is_counted))
    steps = [replace(step, order=order) for order, step in enumerate(steps)]
    state = State(aggregate, resets)
    for given, part in groupby(steps, key=lambda step: step.happening.given):
        if given == 0 or aggregate.pattern.once_per is None:
            for step in part:
                state.take(step, step.happening.known_ms)
            continue
        other = State(aggregate, resets)
        for step in part:
            other.take(step, step.happening.known_first_ms)
        state.receive(other, history.gifts[given - 1].now, history.places.get(id(aggregate)), of_score=of_score)
    return state.kept


@dataclass(slots=True)
class State:
    """State of one aggregate: all that counts, and for `once per` all that brought a value that was new."""

    aggregate: Aggregate
    resets: list[Happening]
    kept: list[Entry] = field(default_factory=list)
    known: list[Entry] = field(default_factory=list)
    last_reset: Happening | None = None
    places: list[tuple[int, int]] = field(default_factory=list)

    def take(self, step: Step, now: int) -> None:
        aggregate, happening = self.aggregate, step.happening
        if not step.is_counted:
            self.reset(happening)
            return
        if self.last_reset is not None and happening.t < self.last_reset.t:
            return
        if any(reset.place == happening.place and reset.t == happening.t for reset in self.resets):
            return  # it is Q itself, or time caused both at one instant
        if not is_inside(happening.t, now, aggregate.within_ms) or not is_in_span(happening, aggregate):
            return
        if aggregate.pattern.once_per is not None and not self.is_new(step, now):
            return
        values = remembered_of(aggregate, counted(aggregate, happening))
        self.places.append((happening.t, step.order))
        for name, value in values:
            self.kept.append(Entry(t=happening.t, order=step.order, found=happening, name=name, value=value))
            keep_values_to_the_limit(self.kept, now, aggregate)
        keep_events_to_the_limit(self.kept, now, aggregate)
        self.keep_latest()

    def keep_latest(self) -> None:
        """Of `last 3 P` the latest three by (t, arrival) stay, also those that have nothing to count."""
        latest = self.aggregate.pattern.latest
        if latest is not None:
            self.places = sorted(self.places)[-latest:]
            self.kept = [entry for entry in self.kept if (entry.t, entry.order) in self.places]

    def reset(self, last: Happening) -> None:
        """A Q."""
        self.leave_out(last.t)
        if self.last_reset is None or last.t >= self.last_reset.t:
            self.last_reset = last

    def leave_out(self, t: int) -> None:
        """Drops all that happened at `t` or before."""
        self.kept = [entry for entry in self.kept if entry.t > t]
        self.places = [place for place in self.places if place[0] > t]
        self.known = [entry for entry in self.known if entry.t > t]

    def is_new(self, step: Step, now: int) -> bool:
        """True if `once per` lets an event count; if so its values are known from now on."""
        aggregate, happening = self.aggregate, step.happening
        assert aggregate.pattern.once_per is not None
        values = different(happening.arrival.value(aggregate.pattern.once_per), SHORT_TEXT_BYTES_MAX)
        names = dict(remembered_of(aggregate, values.items()))
        known_names = self.latest_known(now)
        if names and all(name in known_names for name in names):
            return False
        for name in names:
            self.known.append(Entry(t=happening.t, order=step.order, found=happening, name=name))
            keep_values_to_the_limit(self.known, now, aggregate)
        return True

    def latest_known(self, now: int) -> dict[Name | None, int]:
        """The values known at `now`, each with the latest event that brought it."""
        latest: dict[Name | None, int] = {}
        for entry in self.known:
            if is_inside(entry.t, now, self.aggregate.within_ms):
                latest[entry.name] = max(latest.get(entry.name, entry.t), entry.t)
        return latest

    def receive(self, other: "State", now: int, places: int | None, *, of_score: bool) -> None:
        """Takes over what another's events came to, at `now`, after all that is here.

        An instant at which the other learned only values that are known here is taken out of the other, where single
        events are kept: with `within` or `since last`, and of an all-time count, in which one event goes for it.
        """
        own_reset = self.last_reset
        if other.last_reset is not None and (own_reset is None or other.last_reset.t >= own_reset.t):
            self.reset(other.last_reset)
        if own_reset is not None:
            other.leave_out(own_reset.t - 1)
        if places is not None:
            other.kept = latest_places(other.kept, places)
        own, theirs = self.latest_known(now), other.latest_known(now)
        repeated = set(theirs.values()) - {t for name, t in theirs.items() if name not in own}
        aggregate = self.aggregate
        bounded = keeps_events(aggregate)
        if aggregate.pattern.latest is not None:
            other.kept = [entry for entry in other.kept if entry.t not in repeated]
            other.places = [place for place in other.places if place[0] not in repeated]
        elif bounded and aggregate.function in LIMITED and aggregate.function != "last":
            other.kept = [entry for entry in other.kept if entry.t not in repeated]
        elif aggregate.function == "count" and aggregate.per is None and not bounded and not of_score:
            for t in repeated:
                other.kept.remove(next(entry for entry in other.kept if entry.t == t))
        else:
            repeated = set()
        self.kept += other.kept
        self.places += other.places
        self.keep_latest()
        self.known += [
            entry
            for entry in other.known
            if entry.name in theirs and entry.t == theirs[entry.name] and entry.t not in repeated
        ]


def latest_places(kept: list[Entry], places: int) -> list[Entry]:
    """The latest entries, of each value for itself, by (t, arrival)."""
    found: list[Entry] = []
    for entry in sorted(kept, key=lambda entry: (entry.t, entry.order), reverse=True):
        if sum(1 for one in found if one.name == entry.name) < places:
            found.append(entry)
    return found


def counted(aggregate: Aggregate, happening: Happening) -> Iterable[Counted]:
    """Returns what an event adds: nothing, once, or once for each of its values."""
    if isinstance(aggregate.of, Arithmetic):
        results = happening.arrival.calculated(aggregate.of)
        return [(None, item) for item in map(millionths, results) if item is not None]
    value = happening.arrival.value(aggregate.of) if aggregate.of is not None else None
    match aggregate.function:
        case "count" if aggregate.per is not None:
            return different(happening.arrival.value(aggregate.per)).items()
        case "distinct":
            return different(value).items()
        case "count" | "exists" | "never" | "since" | "days" | "weeks" | "months" | "streak":
            return [(None, None)]
        case "sum" | "avg" | "min" | "max" | "median" | "percentile":
            return [(None, item) for item in map(millionths, each(value)) if item is not None]
        case "first" | "last":
            if isinstance(value, tuple):
                kept = remembered_list(item for item in value if isinstance(item, int | float | str))
                return [(None, kept)] if kept else []
            return [(None, remembered(value, LONG_TEXT_BYTES_MAX))] if isinstance(value, int | float | str) else []
    raise AssertionError(aggregate.function)


def remembered_of(aggregate: Aggregate, values: Iterable[Counted]) -> list[Counted]:
    """Of a list in an event that waits for its `no R`, or of `last n P`, the first 20 values are remembered."""
    source = aggregate.pattern.source
    waits = isinstance(source, Sequence) and source.absent is not None
    is_cut = waits or aggregate.pattern.latest is not None
    return list(values)[: LIST_VALUES_MAX if is_cut else None]


def keep_values_to_the_limit(kept: list[Entry], now: int, aggregate: Aggregate) -> None:
    """Of more than 100 values in view the one goes whose latest event is oldest, then smallest text."""
    if len(kept) <= VALUES_MAX:
        return
    latest: dict[Name, int] = {}
    for entry in kept:
        if entry.name is not None and is_inside(entry.t, now, aggregate.within_ms):
            latest[entry.name] = max(latest.get(entry.name, entry.t), entry.t)
    if len(latest) > VALUES_MAX:
        gone = min(latest, key=lambda name: (latest[name], name))
        kept[:] = [entry for entry in kept if entry.name != gone]


def keeps_events(aggregate: Aggregate) -> bool:
    """With `within` or `since last`; of percentiles always."""
    bounded = aggregate.within_ms is not None or aggregate.since_last is not None
    return bounded or aggregate.function in ("median", "percentile")


def keep_events_to_the_limit(kept: list[Entry], now: int, aggregate: Aggregate) -> None:
    """With `within` or `since last` the latest 1,000 stay; of `first` as many of them as take 64 KB together."""
    if aggregate.function not in LIMITED or not keeps_events(aggregate):
        return
    if len(kept) <= EVENTS_MAX and aggregate.function != "first":
        return
    inside = [entry for entry in kept if is_inside(entry.t, now, aggregate.within_ms)]
    inside.sort(key=lambda entry: (entry.t, entry.order))
    beyond = max(0, len(inside) - EVENTS_MAX)
    while aggregate.function == "first" and sum(size(entry.value) for entry in inside[beyond:]) > FIRST_BYTES_MAX:
        beyond += 1
    if beyond:
        kept[:] = inside[beyond:]


# ---- values


def value(aggregate: Aggregate, history: History, now: int) -> Value:
    seen = entries(aggregate, history, now)
    numbers = amounts(seen)
    match aggregate.function:
        case "count" if aggregate.per is not None:
            return max(tally(seen).values(), default=0)
        case "count":
            return len(seen)
        case "distinct":
            return len({entry.name for entry in seen})
        case "days" | "weeks" | "months":
            return min(DAYS_MAX, len({part_of_year(day, aggregate.function) for day in days(seen, history)}))
        case "streak":
            return min(DAYS_MAX, in_a_row(days(seen, history), date_at(now, history)))
        case "exists":
            return bool(seen)
        case "never":
            return not seen
        case "sum":
            return number(Fraction(sum(numbers), MILLION))
        case _ if not seen:
            return None
        case "since":
            return Length(now - seen[-1].t)
        case "first":
            return seen[0].value
        case "last":
            return seen[-1].value
        case "median" | "percentile":
            return number(Fraction(at_rank(numbers, 50 if aggregate.rank is None else aggregate.rank), MILLION))
        case "avg":
            return number(Fraction(round(Fraction(sum(numbers), len(numbers))), MILLION))
        case "min":
            return number(Fraction(min(numbers), MILLION))
        case "max":
            return number(Fraction(max(numbers), MILLION))
    raise AssertionError(aggregate.function)


def date_at(instant: int, history: History) -> date:
    """The date that a calendar on the wall shows."""
    return datetime.fromtimestamp(instant // 1_000, UTC).astimezone(ZoneInfo(history.zone)).date()


def days(seen: list[Entry], history: History) -> set[date]:
    return {date_at(entry.t, history) for entry in seen}


def in_a_row(with_event: set[date], today: date) -> int:
    """The number of dates that follow each other, up to today, or to yesterday if there is nothing today."""
    day = today if today in with_event else today - ONE_DAY
    count = 0
    while day in with_event:
        day -= ONE_DAY
        count += 1
    return count


def part_of_year(day: date, part: str) -> tuple[int, int]:
    """The day, week or month that a date belongs to; a week is that of ISO 8601."""
    if part == "weeks":
        return day.isocalendar()[:2]
    return (day.year, day.month if part == "months" else day.timetuple().tm_yday)


def at_rank(numbers: list[int], rank: float) -> int:
    """The least number that at least so many of a hundred do not exceed."""
    enough = Fraction(str(rank)) * len(numbers)
    return min(one for one in numbers if 100 * sum(1 for other in numbers if other <= one) >= enough)


def amounts(seen: list[Entry]) -> list[int]:
    return [entry.value for entry in seen if isinstance(entry.value, int)]


def tally(seen: list[Entry]) -> dict[Name, int]:
    counts: dict[Name, int] = {}
    for entry in seen:
        assert entry.name is not None
        counts[entry.name] = counts.get(entry.name, 0) + 1
    return counts


def key(aggregate: Aggregate, history: History, now: int) -> Scalar | None:
    """The value with the highest count, then the latest event, then the smallest text."""
    seen = entries(aggregate, history, now)
    if not seen:
        return None
    counts = tally(seen)
    latest = {entry.name: entry.t for entry in seen if entry.name is not None}
    values = {entry.name: entry.value for entry in seen}
    best = min(counts, key=lambda name: (-counts[name], -latest[name], name))
    found = values[best]
    assert isinstance(found, int | float | str)
    return found


def ends(aggregate: Aggregate, history: History, now: int) -> list[int]:
    """The instants at which something of it leaves its window, or a day ends that may end it."""
    if aggregate.function == "streak":
        quarters = range(now - now % QUARTER_HOUR_MS + QUARTER_HOUR_MS, now + 2 * 86_400_000, QUARTER_HOUR_MS)
        return [at for at in quarters if date_at(at, history) != date_at(at - 1, history)]
    if aggregate.within_ms is None:
        return []
    return [entry.t + aggregate.within_ms for entry in entries(aggregate, history, now)]
