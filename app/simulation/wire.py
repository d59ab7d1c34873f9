"""From what visitors did to what reaches the topic: messages in the Segment spec, and the network's faults.

Each hit waits a moment in the browser's queue, crosses the network and is stamped `receivedAt` by the collector; the
Kafka record has that instant too. So messages arrive out of order by a few seconds; some arrive twice; some are
broken; some come from a device that was offline for hours. All times are the shop's, none the machine's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, TypeAlias

import msgspec

from app.events.instants import iso_text
from app.simulation.visit import Hit
from app.simulation.visitor import Campaign, Visitor

Kind: TypeAlias = Literal["event", "duplicate", "broken"]

_encode: Final = msgspec.json.Encoder().encode
#: How long a message waits in the browser's queue before it is sent: (share, shortest ms, longest ms).
_QUEUE_MS: Final = ((0.7, 5, 60), (0.25, 60, 1_500), (0.05, 1_500, 4_200))
_NETWORK_MS: Final = (20, 350)
#: A message that is sent again comes this much later.
_RESENT_MS: Final = (400, 30_000)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record of the input topic. `arrival_ms` is its timestamp, in shop time."""

    arrival_ms: int
    key: bytes | None
    value: bytes | None
    kind: Kind
    message_id: str | None = None


def deliver(
    rng: Random,
    visitor: Visitor,
    campaign: Campaign,
    hits: list[Hit],
    *,
    duplicate_share: float,
    broken_share: float,
    offline_ms: int = 0,
) -> Iterator[Delivery]:
    """The records of one visit, unsorted. `offline_ms`: the device kept everything so long before it was sent."""
    last_ms = hits[-1].at_ms if hits else 0
    for hit in hits:
        queued_ms = _queued_ms(rng) + (offline_ms + last_ms - hit.at_ms if offline_ms else 0)
        network_ms = rng.randint(*_NETWORK_MS)
        received_ms = hit.at_ms + queued_ms + network_ms
        message_id = f"{rng.getrandbits(96):024x}"
        message = _message(visitor, campaign, hit, message_id, received_ms, queued_ms)
        key = (hit.user_id or visitor.anonymous_id).encode()
        yield Delivery(received_ms, key, _encode(message), "event", message_id)
        if rng.random() < duplicate_share:
            later_ms = rng.randint(*_RESENT_MS)
            again = {**message, "sentAt": iso_text(received_ms + later_ms - network_ms + visitor.clock_error_ms)}
            again["receivedAt"] = iso_text(received_ms + later_ms)
            yield Delivery(received_ms + later_ms, key, _encode(again), "duplicate", message_id)
        if rng.random() < broken_share:
            yield _broken(rng, message, key, received_ms)


def _queued_ms(rng: Random) -> int:
    chance = rng.random()
    for share, shortest_ms, longest_ms in _QUEUE_MS:
        chance -= share
        if chance < 0:
            return rng.randint(shortest_ms, longest_ms)
    return 0


def _message(
    visitor: Visitor, campaign: Campaign, hit: Hit, message_id: str, received_ms: int, queued_ms: int
) -> dict[str, Any]:
    """The message as the collector writes it: `timestamp` already corrected for the device's clock."""
    device_ms = hit.at_ms + visitor.clock_error_ms
    sent_ms = device_ms + queued_ms
    message: dict[str, Any] = {"type": hit.type, "messageId": message_id, "anonymousId": visitor.anonymous_id}
    if hit.user_id is not None:
        message["userId"] = hit.user_id
    match hit.type:
        case "track":
            message["event"] = hit.name
            message["properties"] = hit.body
        case "page":
            message["name"] = hit.name
            message["properties"] = hit.body
        case "identify":
            message["traits"] = hit.body
    message["context"] = {
        "device": {"type": visitor.device},
        "location": {"country": visitor.country},
        "campaign": {"source": campaign.source, "medium": campaign.medium},
        "page": {"path": hit.path, "title": hit.title},
        "library": {"name": "analytics.js", "version": "4.1.0"},
    }
    message["originalTimestamp"] = iso_text(device_ms)
    message["sentAt"] = iso_text(sent_ms)
    message["receivedAt"] = iso_text(received_ms)
    message["timestamp"] = iso_text(received_ms - queued_ms)
    return message


# ---- faults on the way


def _truncated(message: dict[str, Any]) -> bytes:
    whole = _encode(message)
    return whole[: len(whole) * 2 // 3]


def _without(*names: str) -> Callable[[dict[str, Any]], bytes]:
    return lambda message: _encode({name: value for name, value in message.items() if name not in names})


def _from_the_future(message: dict[str, Any]) -> bytes:
    ahead = {name: value for name, value in message.items() if name not in ("originalTimestamp", "sentAt")}
    year = int(ahead["timestamp"][:4])
    return _encode({**ahead, "timestamp": f"{year + 1}{ahead['timestamp'][4:10].replace('02-29', '02-28')}T00:00:00Z"})


_BREAKS: Final[tuple[Callable[[dict[str, Any]], bytes | None], ...]] = (
    _truncated,
    _without("type"),
    _without("userId", "anonymousId"),
    _from_the_future,
    lambda message: _encode({**message, "type": "teleport"}),
    lambda message: _encode({**message, "timestamp": "yesterday", "originalTimestamp": "yesterday"}),
    lambda message: _encode([message["messageId"]]),
    lambda message: b"\xff\xfe" + _encode(message),
    lambda message: b"",
    lambda message: None,
)
#: Share of the invalid records that are valid messages with the key of another user.
_WRONG_KEY_SHARE: Final = 0.1


def _broken(rng: Random, message: dict[str, Any], key: bytes, received_ms: int) -> Delivery:
    """A message that no segment may count: a copy of a good one under its own id, damaged."""
    copy = {**message, "messageId": f"{rng.getrandbits(96):024x}"}
    if rng.random() < _WRONG_KEY_SHARE:
        return Delivery(received_ms, b"a-somebody-else", _encode(copy), "broken")
    return Delivery(received_ms, key, rng.choice(_BREAKS)(copy), "broken")
