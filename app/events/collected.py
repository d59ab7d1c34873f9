"""From an event as a library sends it to a message as the clickstream holds it: times, ids, and the checks of a worker.

What passes here no worker sets aside. The sender's clock may be wrong: `timestamp` becomes the time of receipt less the
time that the event waited at the sender (`sentAt` less its own `timestamp`), as in the Segment specification. A sender
that is trusted may pass on events that were received before: their times stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.events.instants import iso_text
from app.events.lenient_json import encode
from app.events.message import (
    EVENT_KINDS,
    INSTANT_MS_MAX,
    WATERMARK,
    MessageDecoder,
    MessageError,
    checked_value,
    instant_ms,
    no_user,
    times_of,
    user_of,
)
from app.events.user_ids import USUAL_IDS, UserIds

#: Fields of a sender's event that are never stored, because they are secret.
_DROPPED: Final = ("writeKey", "write_key")
#: A worker has difficulty with more than some thousand levels; no sender needs so many.
DEPTH_MAX: Final = 256
_decode: Final = MessageDecoder().decode


@dataclass(frozen=True, slots=True)
class Collected:
    """A record for the clickstream: its key and value, and the instant of its arrival as its timestamp.

    age_ms: from the event to its receipt, which lies before the arrival if it was received elsewhere before.
    repairs: what was wrong with the event and is left out, as short codes, for counting.
    """

    user: bytes
    value: bytes
    received_ms: int
    age_ms: int = 0
    repairs: tuple[str, ...] = ()


def collected(
    event: Any,
    *,
    kind: str | None = None,
    sent_at: Any = None,
    received_ms: int,
    skew_max_ms: int,
    new_id: Callable[[], str],
    user_ids: UserIds = USUAL_IDS,
    keep_receipt: bool = False,
) -> Collected:
    """One event, checked; MessageError, with the worker's own reason, for one that a worker would set aside.

    `kind` is the type where the way it was sent says so; `sent_at` counts for an event that has none of its own.
    `keep_receipt`: a `receivedAt` that the event has is believed, and its times stay.
    The event, if it is an object, is changed in place.
    """
    if event.__class__ is not dict:
        raise MessageError("invalid-message", "an event is a JSON object")
    repairs: list[str] = []
    for name in _DROPPED:
        event.pop(name, None)
    if kind is not None:
        event["type"] = kind
    if event.get("messageId") in (None, ""):
        event["messageId"] = new_id()
    if event.get("type") != WATERMARK:
        user_ids.cover(event)
        _settle_ids(event, user_ids, repairs)
    if not (keep_receipt and _was_received(event, repairs)):
        event["receivedAt"] = iso_text(received_ms)
        _correct_time(event, sent_at, received_ms, repairs)
    value = checked_value(encode(event))
    if value.count(b"{") + value.count(b"[") > DEPTH_MAX and _is_deeper(event, DEPTH_MAX):
        raise MessageError("invalid-message", f"nested more than {DEPTH_MAX} levels deep")
    message = _decode(value)
    if message.type not in EVENT_KINDS:
        raise MessageError("invalid-message", f"unknown type {message.type!r:.40}")
    if message.type == "track" and not (message.event or "").strip():
        raise MessageError("no-event", "a track needs the name of its event: event is missing or blank")
    user, _ = user_of(message, user_ids)
    event_ms, receipt_ms = times_of(message, received_ms)
    if event_ms > receipt_ms + skew_max_ms:
        raise MessageError("future", f"{event_ms - receipt_ms} ms ahead of its receipt; is sentAt missing?")
    return Collected(user.encode(), value, received_ms, receipt_ms - event_ms, tuple(repairs))


def _settle_ids(event: dict[str, Any], user_ids: UserIds, repairs: list[str]) -> None:
    """Ids without blanks around them, and none that names nobody. MessageError if no id is left."""
    user_id, anonymous_id = event.get("userId"), event.get("anonymousId")
    found = 0
    for name, given in (("userId", user_id), ("anonymousId", anonymous_id)):
        if given is None or given == "":
            continue
        settled = user_ids.id_of(given)
        if settled is None:
            del event[name]
            repairs.append("id")
            continue
        found += 1
        if given.__class__ is not int or settled != str(given):
            event[name] = settled
    if not found:
        raise no_user(user_id, anonymous_id)


def _was_received(event: dict[str, Any], repairs: list[str]) -> bool:
    """True if the event says when it was received, in a way that can be read."""
    receipt = event.get("receivedAt")
    if receipt is None or receipt == "":
        return False
    if _instant_ms(receipt) is None:
        repairs.append("receivedAt")
        return False
    if event.get("timestamp") in (None, ""):
        event.pop("timestamp", None)
    return True


def _correct_time(event: dict[str, Any], sent_at: Any, received_ms: int, repairs: list[str]) -> None:
    """`timestamp`, and what it came from. What is no time stays as it is: the check that follows names it."""
    original, stamp = event.pop("originalTimestamp", None), event.get("timestamp")
    if original is not None and original != "" and _instant_ms(original) is None and _instant_ms(stamp) is not None:
        original = None
        repairs.append("originalTimestamp")
    own = stamp if original is None or original == "" else original
    sent = event.pop("sentAt", None)
    if sent is None or sent == "":
        sent = sent_at
    if own is None or own == "":
        event["timestamp"] = event["receivedAt"]
        return
    event["timestamp"] = own
    own_ms = _instant_ms(own)
    if sent is None or own_ms is None:
        return
    sent_ms = _instant_ms(sent)
    if sent_ms is None:
        repairs.append("sentAt")
        return
    corrected_ms = received_ms - (sent_ms - own_ms)
    if not 0 <= corrected_ms <= INSTANT_MS_MAX:
        repairs.append("sentAt")
        return
    event["originalTimestamp"] = own
    event["sentAt"] = sent
    event["timestamp"] = iso_text(corrected_ms)


def _instant_ms(text: Any) -> int | None:
    """The instant of a text; None for what is none."""
    if text.__class__ is not str:
        return None
    try:
        return instant_ms(text)
    except ValueError:
        return None


def _is_deeper(value: Any, depth: int) -> bool:
    """True if containers stand in each other more than `depth` deep."""
    if value.__class__ not in (dict, list):
        return False
    return depth == 0 or any(
        _is_deeper(each, depth - 1) for each in (value.values() if value.__class__ is dict else value)
    )
