"""The visits of a user, replayed from the first event each time."""

from dataclasses import dataclass, replace

from tests.model.history import Arrival, Gift, History
from tests.model.messages import scalars
from tests.model.plain import LONG_TEXT_BYTES_MAX, Length, Value, shortened


@dataclass(slots=True)
class Visit:
    number: int
    first: Arrival
    last_ms: int
    pages: int = 0
    events: int = 0

    def count(self, arrival: Arrival) -> None:
        self.events += 1
        self.pages += arrival.message.type in ("page", "screen")


def latest_visit(history: History) -> Visit | None:
    """The latest visit, going on or over."""

    def replay() -> Visit | None:
        visit: Visit | None = None
        for part in history.parts():
            if isinstance(part, Gift):
                visit = of_both(visit, latest_visit(part.history), history.session_gap_ms)
                continue
            arrival = part
            if visit is None or arrival.t >= visit.last_ms + history.session_gap_ms:
                visit = Visit(number=1 if visit is None else visit.number + 1, first=arrival, last_ms=arrival.t)
            elif arrival.t <= visit.first.t - history.session_gap_ms:
                continue
            elif arrival.t < visit.first.t:
                visit.first = arrival
            else:
                visit.last_ms = max(visit.last_ms, arrival.t)
            visit.count(arrival)
        return visit

    return history.once("visit", None, replay)


def of_both(one: Visit | None, other: Visit | None, gap_ms: int) -> Visit | None:
    """One visit, if less than the gap lies between them; else the later one. All visits of both are counted."""
    if one is None or other is None:
        found = one or other
        return None if found is None else replace(found)
    earlier, later = sorted((one, other), key=lambda visit: visit.first.t)
    if later.first.t - earlier.last_ms >= gap_ms:
        return replace(later, number=one.number + other.number)
    return Visit(
        number=one.number + other.number - 1,
        first=earlier.first,
        last_ms=max(one.last_ms, other.last_ms),
        pages=one.pages + other.pages,
        events=one.events + other.events,
    )


def end(history: History) -> int | None:
    """The instant at which the latest visit is over, if no event comes."""
    latest = latest_visit(history)
    return None if latest is None else latest.last_ms + history.session_gap_ms


def value(name: str, history: History, now: int) -> Value:
    latest = latest_visit(history)
    if name == "number":
        return 0 if latest is None else latest.number
    if latest is None or now >= latest.last_ms + history.session_gap_ms:
        return None
    context = latest.first.message.context
    match name:
        case "duration":
            return Length(latest.last_ms - latest.first.t)
        case "idle":
            return Length(now - latest.last_ms)
        case "pages":
            return latest.pages
        case "events":
            return latest.events
        case "source":
            return text(scalars(context, ("campaign", "source")))
        case "landing_page":
            page = text(scalars(context, ("page", "path")))
            return page if page is not None else text(scalars(latest.first.message.properties, ("path",)))
    raise AssertionError(name)


def text(value: Value) -> str | None:
    return shortened(value, LONG_TEXT_BYTES_MAX) if isinstance(value, str) else None
