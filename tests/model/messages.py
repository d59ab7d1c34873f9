"""What a record says: its user, its time, its content; or why it says nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from tests.model.plain import Scalar

TYPES = ("track", "page", "screen", "identify", "group", "alias", "watermark")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the partition. `timestamp` in milliseconds, -1: none. A dict stands for its JSON."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Advance:
    """A journalled move of the clock, between two records."""

    clock_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is well formed. Times in milliseconds."""

    type: str
    name: str | None
    user: str
    identified: bool
    id: str | None
    t: int
    received: int
    properties: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)


class Unreadable(Exception):
    """A record that goes to the dead letters; the reason is its only argument."""


def read(record: Record, skew_max_ms: int) -> Message:
    """The message of a record; raises Unreadable."""
    try:
        said = json.loads(record.value or b"")
    except ValueError:
        raise Unreadable("not JSON") from None
    if not isinstance(said, dict) or said.get("type") not in TYPES:
        raise Unreadable("no message")
    user = said.get("userId") or said.get("anonymousId") or ""
    if said["type"] != "watermark":
        if not isinstance(user, str) or not user:
            raise Unreadable("no user")
        if record.key != user.encode():
            raise Unreadable("wrong-key")
    received_times = [record.timestamp] if record.timestamp >= 0 else []
    if "receivedAt" in said:
        received_times.append(instant_ms(said["receivedAt"]))
    if all(name in said for name in ("sentAt", "receivedAt", "originalTimestamp")):
        t = instant_ms(said["receivedAt"]) - (instant_ms(said["sentAt"]) - instant_ms(said["originalTimestamp"]))
    elif "timestamp" in said:
        t = instant_ms(said["timestamp"])
    elif received_times:
        t = min(received_times)
    else:
        raise Unreadable("no time")
    received = min(received_times, default=t)
    if t > received + skew_max_ms:
        raise Unreadable("future")
    return Message(
        type=said["type"],
        name=said.get("event") if said["type"] == "track" else None,
        user=user,
        identified=bool(said.get("userId")),
        id=said.get("messageId"),
        t=t,
        received=received,
        properties=said.get("properties") or NOTHING,
        context=said.get("context") or NOTHING,
        traits=said.get("traits") or NOTHING,
    )


def instant_ms(text: str) -> int:
    """An ISO 8601 instant as milliseconds since the epoch; fractions are cut."""
    return (datetime.fromisoformat(text).astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def scalars(value: object, path: tuple[str, ...]) -> Scalar | tuple[Scalar, ...] | None:
    """The value at a path: a scalar; a tuple where it is a list or lies in one; None where there is none.

    An object, or a list in a list, is no value; an empty list is missing.
    """
    if isinstance(value, list):
        items = [item for item in (scalars(item, path) for item in value) if is_scalar(item)]
        return tuple(items) or None
    if path:
        return scalars(value.get(path[0]), path[1:]) if isinstance(value, dict) else None
    return value if is_scalar(value) else None


def is_scalar(value: object) -> TypeGuard[Scalar]:
    return isinstance(value, int | float | str)
