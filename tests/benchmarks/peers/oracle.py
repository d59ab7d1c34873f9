"""The six rules in the plainest way there is: at every instant at which anything can change, all of a user's events are
gone through again. Slow, and nothing is shared with any engine.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from tests.benchmarks.peers.moments import Moment

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
IDLE_MS: Final = 30 * MINUTE_MS
SHOES_MS: Final = 7 * DAY_MS
MONTH_MS: Final = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Event:
    """`what` is the name of a track message, else its type; `at_ms` its instant."""

    at_ms: int
    what: str
    properties: dict[str, Any]


def moments_of(user: str, events: Iterable[Event], *, until_ms: int) -> list[Moment]:
    """Everything that the rules say about one user up to and with an instant; no two events have the same."""
    history = sorted(events, key=lambda event: event.at_ms)
    at_instant = {event.at_ms: event for event in history}
    inside: set[str] = set()
    said: list[Moment] = []
    for now_ms in _instants(history, until_ms):
        before = [event for event in history if event.at_ms < now_ms]
        for known in (before, [*before, at_instant[now_ms]]) if now_ms in at_instant else (before,):
            for segment, holds in RULES.items():
                if holds(known, now_ms) != (segment in inside):
                    said.append(Moment(user, segment, "left" if segment in inside else "entered", now_ms))
                    inside ^= {segment}
    return said


def events_by_user(lines: Iterable[bytes], users: set[str]) -> dict[str, list[Event]]:
    """The events of some users, as the messages say."""
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    found: dict[str, list[Event]] = {user: [] for user in users}
    for line in lines:
        message = decode(line)
        if message["userId"] in users:
            at_ms = instant_ms(message["timestamp"])
            found[message["userId"]].append(Event(at_ms, message.get("event", message["type"]), message["properties"]))
    return found


def instant_ms(text: str) -> int:
    """ISO 8601 with an offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def _instants(history: list[Event], until_ms: int) -> Iterator[int]:
    spans = (0, IDLE_MS, DAY_MS, SHOES_MS, MONTH_MS)
    instants = {event.at_ms + span_ms for event in history for span_ms in spans}
    return iter(sorted(instant for instant in instants if instant <= until_ms))


def _within(events: list[Event], what: str, now_ms: int, span_ms: int) -> list[Event]:
    """An event at t counts from t on until before t + span."""
    return [event for event in events if event.what == what and now_ms - span_ms < event.at_ms <= now_ms]


def _shoe_viewers(events: list[Event], now_ms: int) -> bool:
    views = _within(events, "Product Viewed", now_ms, SHOES_MS)
    return len([event for event in views if event.properties["category"] == "shoes"]) > 3


def _buyers(events: list[Event], now_ms: int) -> bool:
    return len(_within(events, "Order Completed", now_ms, MONTH_MS)) >= 3


def _spenders(events: list[Event], now_ms: int) -> bool:
    orders = _within(events, "Order Completed", now_ms, MONTH_MS)
    return sum((Decimal(event.properties["total"]) for event in orders), Decimal()) >= 200


def _active(events: list[Event], now_ms: int) -> bool:
    return len(_within(events, "page", now_ms, DAY_MS)) >= 3


def _collectors(events: list[Event], now_ms: int) -> bool:
    additions = _within(events, "Product Added", now_ms, DAY_MS)
    return sum(int(event.properties["quantity"]) for event in additions) >= 4


def _abandoned(events: list[Event], now_ms: int) -> bool:
    cart = [event for event in events if event.what in ("Product Added", "Order Completed")]
    return bool(cart) and cart[-1].what == "Product Added" and now_ms - cart[-1].at_ms >= IDLE_MS


RULES: Final[dict[str, Callable[[list[Event], int], bool]]] = {
    "shoe-viewers": _shoe_viewers,
    "buyers": _buyers,
    "spenders": _spenders,
    "active": _active,
    "collectors": _collectors,
    "abandoned": _abandoned,
}
