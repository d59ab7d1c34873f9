"""Content of a record: its user, its time, its fields; or why it has none."""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from app.events.user_ids import BLOCKED_IDS
from tests.model.plain import Scalar

TYPES = ("track", "page", "screen", "identify", "group", "alias", "watermark")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS_MAX = 4_300
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
class Order:
    """Another `order:` takes effect, between two records. `wait_ms` 0: none."""

    wait_ms: int


@dataclass(frozen=True, slots=True)
class Regroup:
    """Other experiments take effect, between two records: the value of `experiment` of each segment that has one, and
    of `holdout`, as YAML; empty for none."""

    experiments: Mapping[str, str]
    holdout: str = ""


@dataclass(frozen=True, slots=True)
class Clean:
    """Another `cleaning.yaml` takes effect, between two records; an empty text: none."""

    text: str


@dataclass(frozen=True, slots=True)
class Merge:
    """A user turns out to be another one, between two records: all that `given` remembers goes to `user`."""

    user: str
    given: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is well formed. Times in milliseconds. An id that names nobody is empty."""

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
    anonymous_id: str = ""
    previous_id: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A user is on a static list from here on, or is not."""

    user: str
    name: str
    on: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class Erased:
    """Nothing is remembered of a key from here on, if it belongs to `owner` or to itself. `at_ms`: by the command.

    suppress: its later events are dropped, too. is_end: nothing is erased, but that ends.
    """

    key: str
    owner: str
    at_ms: int
    suppress: bool = False
    is_end: bool = False


class Unreadable(Exception):
    """A record that goes to the dead letters; the reason is its only argument."""


def read(record: Record, skew_max_ms: int, blocked: Collection[str] = BLOCKED_IDS) -> Message:
    """The message of a record; raises Unreadable."""
    try:
        text = (record.value or b"").decode().removeprefix("\ufeff")
        said = json.loads(text, parse_float=number, parse_int=whole_number)
    except ValueError:
        raise Unreadable("invalid-json") from None
    if not isinstance(said, dict) or said.get("type") not in TYPES:
        raise Unreadable("invalid-message")
    user_id, anonymous_id = (user_text(said.get(name), blocked) for name in ("userId", "anonymousId"))
    user = user_id or anonymous_id
    try:
        t, received = times(said, record.timestamp)
    except (TypeError, ValueError):
        raise Unreadable("invalid-time") from None
    if t > received + skew_max_ms:
        raise Unreadable("future")
    if said["type"] != "watermark":
        if not user:
            raise Unreadable("no-user")
        if record.key != user.encode():
            raise Unreadable("wrong-key")
    name = {"track": said.get("event"), "page": said.get("name"), "screen": said.get("name")}.get(said["type"])
    return Message(
        type=said["type"],
        name=name if isinstance(name, str) else None,
        user=user,
        identified=bool(user_id),
        id=said.get("messageId"),
        t=t,
        received=received,
        properties=an_object(said.get("properties")),
        context=an_object(said.get("context")),
        traits=an_object(said.get("traits")),
        anonymous_id=anonymous_id,
        previous_id=user_text(said.get("previousId"), blocked),
    )


def read_listed(record: Record, app: str) -> Listed | None:
    """Content of a list record; None for another record. Raises Unreadable; the reason is empty for another app's."""
    try:
        said = json.loads(record.value or b"")
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("type") != "list":
        return None
    if not {"list", "app", "is_on", "at_ms"} <= said.keys() or not re.fullmatch("[a-z0-9-]+", said["list"]):
        raise Unreadable("invalid-list")
    if said["app"] != app:
        raise Unreadable("")
    if not record.key:
        raise Unreadable("wrong-key")
    return Listed(record.key.decode(), said["list"], said["is_on"], said["at_ms"])


def read_erased(record: Record, app: str) -> Erased | None:
    """Content of the control record of an erasure, or of the end of a suppression; None for another record. Raises
    Unreadable; the reason is empty for another app's."""
    try:
        said = json.loads(record.value or b"")
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("type") != "control":
        return None
    if said.get("deed") not in ("erase", "unsuppress"):
        return None
    if not {"app", "from", "to", "at_ms"} <= said.keys():
        raise Unreadable("invalid-control")
    if said["app"] != app:
        raise Unreadable("")
    if record.key != said["from"].encode():
        raise Unreadable("wrong-key")
    suppress, is_end = said.get("suppress", False), said["deed"] == "unsuppress"
    return Erased(said["from"], said["to"], said["at_ms"], suppress, is_end)


def number(text: str) -> float | None:
    """One that no double holds is null."""
    value = float(text)
    return None if math.isinf(value) else value


def whole_number(text: str) -> int | None:
    """One of more than 4,300 digits is null."""
    return int(text) if len(text.lstrip("-")) <= DIGITS_MAX else None


def user_text(value: object, blocked: Collection[str] = BLOCKED_IDS) -> str:
    """A text or a whole number, as text, without blanks around it; anything else, and what is blocked, is missing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    text = str(value).strip()
    compared = re.sub(r"""^[\s"'`]+|[\s"'`]+$""", "", text).casefold()
    is_blocked = not compared or compared in blocked or ("0" in blocked and set(compared) <= {"0", "-"})
    return "" if is_blocked else text


def an_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else NOTHING


def times(said: Mapping[str, Any], timestamp: int) -> tuple[int, int]:
    """Returns the time of an event by the sender's corrected clock, and the time it was received."""
    received_times = [timestamp] if timestamp >= 0 else []
    if "receivedAt" in said:
        received_times.append(instant_ms(said["receivedAt"]))
    if all(name in said for name in ("sentAt", "receivedAt", "originalTimestamp")):
        try:
            t = instant_ms(said["receivedAt"]) - (instant_ms(said["sentAt"]) - instant_ms(said["originalTimestamp"]))
        except (TypeError, ValueError):
            if "timestamp" not in said:
                raise ValueError("no time") from None
            t = instant_ms(said["timestamp"])
    elif "timestamp" in said:
        t = instant_ms(said["timestamp"])
    elif received_times:
        t = min(received_times)
    else:
        raise ValueError("no time")
    return t, min(received_times, default=t)


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
