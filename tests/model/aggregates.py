"""`count(...)`, `sum(...)` and the like: each read from the list of everything that its pattern ever found."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from app.segments.language.syntax import Aggregate, Sequence
from tests.model.history import History
from tests.model.plain import (
    LIST_VALUES_MAX,
    LONG_TEXT_BYTES_MAX,
    MILLION,
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
Counted: TypeAlias = tuple[Name | None, Value]
LIMITED = (
    "count",
    "sum",
    "avg",
    "min",
    "max",
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


def entries(aggregate: Aggregate, history: History, now: int) -> list[Entry]:
    """All that counts at `now`, in the order (t, arrival)."""
    found = happenings(aggregate.pattern, history, now)
    resets = happenings(aggregate.since_last, history, now) if aggregate.since_last else []
    kept = history.once("entries", aggregate, lambda: fold(aggregate, found, resets), len(found), len(resets))
    inside = [entry for entry in kept if is_inside(entry.t, now, aggregate.within_ms)]
    return sorted(inside, key=lambda entry: (entry.t, entry.order))


def is_inside(t: int, now: int, within_ms: int | None) -> bool:
    """Windows are half-open: `now - W < t <= now`."""
    return t <= now and (within_ms is None or now - within_ms < t)


def fold(aggregate: Aggregate, found: list[Happening], resets: list[Happening]) -> list[Entry]:
    """Returns the state after all events, taken in the order in which they became known; each Q before the rest."""
    steps = [
        (happening.place, happening.known_ms, is_counted, happening)
        for is_counted, happening in [*((False, reset) for reset in resets), *((True, one) for one in found)]
    ]
    steps.sort(key=lambda step: step[:3])
    kept: list[Entry] = []
    known: list[Entry] = []
    last_reset: Happening | None = None
    for order, (_, _, is_counted, happening) in enumerate(steps):
        if not is_counted:
            kept = [entry for entry in kept if entry.t > happening.t]
            known = [entry for entry in known if entry.t > happening.t]
            if last_reset is None or happening.t >= last_reset.t:
                last_reset = happening
            continue
        if last_reset is not None and happening.t < last_reset.t:
            continue
        if any(reset.place == happening.place and reset.t == happening.t for reset in resets):
            continue  # it is Q itself, or time brought both about at one instant
        if not is_inside(happening.t, happening.known_ms, aggregate.within_ms):
            continue
        if aggregate.pattern.once_per is not None and not is_new(aggregate, happening, order, known):
            continue
        for name, value in remembered_of(aggregate, counted(aggregate, happening)):
            kept.append(Entry(t=happening.t, order=order, found=happening, name=name, value=value))
            keep_values_to_the_limit(kept, happening.known_ms, aggregate)
        keep_events_to_the_limit(kept, happening.known_ms, aggregate)
    return kept


def is_new(aggregate: Aggregate, happening: Happening, order: int, known: list[Entry]) -> bool:
    """True if `once per` lets an event count; if so its values are known from now on."""
    assert aggregate.pattern.once_per is not None
    names = dict(remembered_of(aggregate, different(happening.arrival.value(aggregate.pattern.once_per)).items()))
    known_names = {entry.name for entry in known if is_inside(entry.t, happening.known_ms, aggregate.within_ms)}
    if names and all(name in known_names for name in names):
        return False
    for name in names:
        known.append(Entry(t=happening.t, order=order, found=happening, name=name))
        keep_values_to_the_limit(known, happening.known_ms, aggregate)
    return True


def counted(aggregate: Aggregate, happening: Happening) -> Iterable[Counted]:
    """Returns what an event adds: nothing, once, or once for each of its values."""
    value = happening.arrival.value(aggregate.of) if aggregate.of is not None else None
    match aggregate.function:
        case "count" if aggregate.per is not None:
            return different(happening.arrival.value(aggregate.per)).items()
        case "distinct":
            return different(value).items()
        case "count" | "exists" | "never" | "since":
            return [(None, None)]
        case "sum" | "avg" | "min" | "max":
            return [(None, item) for item in map(millionths, each(value)) if item is not None]
        case "first" | "last":
            if isinstance(value, tuple):
                kept = remembered_list(item for item in value if isinstance(item, int | float | str))
                return [(None, kept)] if kept else []
            return [(None, remembered(value, LONG_TEXT_BYTES_MAX))] if isinstance(value, int | float | str) else []
    raise AssertionError(aggregate.function)


def remembered_of(aggregate: Aggregate, values: Iterable[Counted]) -> list[Counted]:
    """Of a list in an event that waits for its `no R` the first 20 values are remembered."""
    source = aggregate.pattern.source
    waits = isinstance(source, Sequence) and source.absent is not None
    return list(values)[: LIST_VALUES_MAX if waits else None]


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


def keep_events_to_the_limit(kept: list[Entry], now: int, aggregate: Aggregate) -> None:
    """With `within` or `since last` the latest 1,000 stay; of `first` as many of them as take 64 KB together."""
    if aggregate.function not in LIMITED or (aggregate.within_ms is None and aggregate.since_last is None):
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
        case "avg":
            return number(Fraction(round(Fraction(sum(numbers), len(numbers))), MILLION))
        case "min":
            return number(Fraction(min(numbers), MILLION))
        case "max":
            return number(Fraction(max(numbers), MILLION))
    raise AssertionError(aggregate.function)


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
    """The instants at which something of it leaves its window."""
    if aggregate.within_ms is None:
        return []
    return [entry.t + aggregate.within_ms for entry in entries(aggregate, history, now)]
