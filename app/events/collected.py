"""From an event as a library sends it to a message as the clickstream holds it: times, id, and the checks of a worker.

What passes here no worker sets aside. The sender's clock may be wrong: `timestamp` becomes the time of receipt less the
time that the event waited at the sender (`sentAt` less its own `timestamp`), as in the Segment specification.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.events.instants import iso_text
from app.events.message import (
    INSTANT_MS_MAX,
    WATERMARK,
    MessageDecoder,
    MessageError,
    checked_value,
    instant_ms,
    times_of,
    user_of,
)

#: Of a sender's event these are never kept: they are secret, or for the collector alone.
_DROPPED: Final = ("writeKey", "write_key", "receivedAt")
#: A worker reads what is nested deeper than some thousand levels with difficulty; nobody means to send that.
DEPTH_MAX: Final = 256
_decode: Final = MessageDecoder().decode
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Collected:
    """A record for the clickstream: its key and value, and the instant of receipt as its timestamp."""

    user: bytes
    value: bytes
    received_ms: int


def collected(
    event: Any,
    *,
    kind: str | None = None,
    sent_at: Any = None,
    received_ms: int,
    skew_max_ms: int,
    new_id: Callable[[], str],
) -> Collected:
    """One event, checked; MessageError, with the worker's own reason, for one that a worker would set aside.

    `kind` is the type where the way it was sent says so; `sent_at` counts for an event that has none of its own.
    The event, if it is an object, is changed in place.
    """
    if event.__class__ is not dict:
        raise MessageError("invalid-message", "an event is a JSON object")
    for name in _DROPPED:
        event.pop(name, None)
    if kind is not None:
        event["type"] = kind
    if event.get("messageId") in (None, ""):
        event["messageId"] = new_id()
    event["receivedAt"] = iso_text(received_ms)
    _correct_time(event, sent_at, received_ms)
    try:
        value = checked_value(_encode(event))
    except (UnicodeEncodeError, RecursionError) as error:
        raise MessageError("invalid-json", f"cannot be written as JSON: {error}"[:200]) from None
    if value.count(b"{") + value.count(b"[") > DEPTH_MAX and _is_deeper(event, DEPTH_MAX):
        raise MessageError("invalid-message", f"nested more than {DEPTH_MAX} levels deep")
    message = _decode(value)
    if message.type == WATERMARK:
        raise MessageError("invalid-message", f"unknown type {message.type!r:.40}")
    user, _ = user_of(message)
    event_ms, _ = times_of(message, received_ms)
    if event_ms > received_ms + skew_max_ms:
        raise MessageError("future", f"{event_ms - received_ms} ms ahead of its receipt; is sentAt missing?")
    return Collected(user.encode(), value, received_ms)


def _correct_time(event: dict[str, Any], sent_at: Any, received_ms: int) -> None:
    """`timestamp`, and what it came from. What is no time stays as it is: the check that follows names it."""
    own = event.pop("originalTimestamp", None) or event.get("timestamp")
    sent = event.pop("sentAt", None) or sent_at
    if own is None or own == "":
        event["timestamp"] = event["receivedAt"]
        return
    event["timestamp"] = own
    if sent is None or own.__class__ is not str:
        return
    event["originalTimestamp"] = own
    event["sentAt"] = sent
    if sent.__class__ is not str:
        return
    try:
        corrected_ms = received_ms - (instant_ms(sent) - instant_ms(own))
    except ValueError:
        return
    if 0 <= corrected_ms <= INSTANT_MS_MAX:
        event["timestamp"] = iso_text(corrected_ms)


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether containers stand in each other more than `depth` deep."""
    if value.__class__ not in (dict, list):
        return False
    return depth == 0 or any(
        _is_deeper(each, depth - 1) for each in (value.values() if value.__class__ is dict else value)
    )
