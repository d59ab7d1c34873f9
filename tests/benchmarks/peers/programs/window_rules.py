"""The five rules of windows, for engines that keep a value a user: what an event touches, and what that changes.

Written to be fast, so that a peer's figure is its engine's: an event that no rule counts touches nothing; of a window
only the latest events that together reach what is needed are kept, since those before them leave it first anyway.
"""

from typing import Any, Final, NamedTuple, TypeAlias

import orjson

DAY_MS: Final = 86_400_000


class Rule(NamedTuple):
    """In the segment while what counts, of the last `span_ms`, comes to `needed`."""

    segment: str
    span_ms: int
    needed: int


#: By segment: whether the user is in it, and [instant, amount] of what is in the window.
Profile: TypeAlias = dict[str, list[Any]]
Touched: TypeAlias = tuple[Rule, int]

SHOE_VIEWERS: Final = Rule("shoe-viewers", 7 * DAY_MS, 4)
BUYERS: Final = Rule("buyers", 30 * DAY_MS, 3)
SPENDERS: Final = Rule("spenders", 30 * DAY_MS, 20_000)
ACTIVE: Final = Rule("active", DAY_MS, 3)
COLLECTORS: Final = Rule("collectors", DAY_MS, 4)
_SHOES: Final = ((SHOE_VIEWERS, 1),)
_PAGE: Final = ((ACTIVE, 1),)


def touched_by(message: dict[str, Any]) -> tuple[Touched, ...]:
    """The rules for which a message counts, and how much: one each time, pieces, or cents."""
    event = message.get("event")
    if event == "Product Viewed":
        return _SHOES if message["properties"]["category"] == "shoes" else ()
    if event == "Product Added":
        return ((COLLECTORS, message["properties"]["quantity"]),)
    if event == "Order Completed":
        return ((BUYERS, 1), (SPENDERS, round(message["properties"]["total"] * 100)))
    return _PAGE if message["type"] == "page" else ()


def follow(profile: Profile, touched: tuple[Touched, ...], at_ms: int) -> list[tuple[str, str]]:
    """Brings a user's profile to an instant and adds an event. What changes: (segment, `entered` or `left`)."""
    changes = []
    for (segment, span_ms, needed), amount in touched:
        inside, window = profile.get(segment) or (False, [])
        since_ms = at_ms - span_ms
        window = [entry for entry in window if entry[0] > since_ms]
        total = sum(entry[1] for entry in window)
        if inside and total < needed:
            inside = False
            changes.append((segment, "left"))
        window.append([at_ms, amount])
        total += amount
        if not inside and total >= needed:
            inside = True
            changes.append((segment, "entered"))
        while total - window[0][1] >= needed:
            total -= window.pop(0)[1]
        profile[segment] = [inside, window]
    return changes


def encode(user: str, segment: str, action: str, at_ms: int) -> bytes:
    """A change as it is written."""
    return orjson.dumps({"user": user, "segment": segment, "action": action, "at": at_ms})
