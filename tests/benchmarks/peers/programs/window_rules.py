"""The five rules of windows, for engines that keep a value a user and have no timers of event time.

Every event of a user brings all five up to its instant: what has left a window by then is told, then the event counts.
Written to be fast, so that a peer's figure is its engine's: of a window only the latest events that together reach what
is needed are kept, since those before them leave it first anyway.
"""

from typing import Any, Final, NamedTuple, TypeAlias

import orjson

DAY_MS: Final = 86_400_000


class Rule(NamedTuple):
    """In the segment while what counts, of the last `span_ms`, comes to `needed`."""

    segment: str
    span_ms: int
    needed: int


#: By segment: True if the user is in it, and [instant, amount] of each event in the window.
Profile: TypeAlias = dict[str, list[Any]]
#: (segment, `entered` or `left`)
Said: TypeAlias = list[tuple[str, str]]

SHOE_VIEWERS: Final = Rule("shoe-viewers", 7 * DAY_MS, 4)
BUYERS: Final = Rule("buyers", 30 * DAY_MS, 3)
SPENDERS: Final = Rule("spenders", 30 * DAY_MS, 20_000)
ACTIVE: Final = Rule("active", DAY_MS, 3)
COLLECTORS: Final = Rule("collectors", DAY_MS, 4)
RULES: Final = (SHOE_VIEWERS, BUYERS, SPENDERS, ACTIVE, COLLECTORS)
_SHOES: Final = ((SHOE_VIEWERS, 1),)
_PAGE: Final = ((ACTIVE, 1),)


def counts(message: dict[str, Any]) -> tuple[tuple[Rule, int], ...]:
    """The rules for which a message counts, and how much: one each time, pieces, or cents."""
    event = message.get("event")
    if event == "Product Viewed":
        return _SHOES if message["properties"]["category"] == "shoes" else ()
    if event == "Product Added":
        return ((COLLECTORS, message["properties"]["quantity"]),)
    if event == "Order Completed":
        return ((BUYERS, 1), (SPENDERS, round(message["properties"]["total"] * 100)))
    return _PAGE if message["type"] == "page" else ()


def follow(profile: Profile, message: dict[str, Any], at_ms: int) -> tuple[Said, bool]:
    """Brings a user's profile to an instant and adds an event: what changes, and whether the profile has changed."""
    said: Said = []
    for segment, span_ms, _ in RULES:
        kept = profile.get(segment)
        # A user who is in has exactly enough events in the window: without the first of them they are out.
        if kept and kept[0] and kept[1][0][0] <= at_ms - span_ms:
            kept[0] = False
            said.append((segment, "left"))
    counted = counts(message)
    for rule, amount in counted:
        _add(profile, rule, amount, at_ms, said)
    return said, bool(said or counted)


def _add(profile: Profile, rule: Rule, amount: int, at_ms: int, said: Said) -> None:
    segment, span_ms, needed = rule
    inside, window = profile.get(segment) or (False, [])
    since_ms = at_ms - span_ms
    window = [entry for entry in window if entry[0] > since_ms]
    window.append([at_ms, amount])
    total = sum(entry[1] for entry in window)
    if total >= needed and not inside:
        inside = True
        said.append((segment, "entered"))
    while total - window[0][1] >= needed:
        total -= window.pop(0)[1]
    profile[segment] = [inside, window]


def encode(user: str, segment: str, action: str, at_ms: int) -> bytes:
    """A change as it is written."""
    return orjson.dumps({"user": user, "segment": segment, "action": action, "at": at_ms})
