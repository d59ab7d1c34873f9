"""Puts a field of a message that has a value of the wrong kind into words, for those who send it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

TIMES: Final = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
_SECONDS_BELOW: Final = 10**11
_MILLISECONDS_BELOW: Final = 10**14
_SHOWN_MAX: Final = 40


def wrong_field(message: Mapping[str, Any]) -> str | None:
    """The first field with a value of the wrong kind, the value, and what it must be; None if no field is wrong.

    >>> wrong_field({"type": "track", "timestamp": 1700000000})
    "timestamp is 1700000000, a number of seconds; a time is a text: '2023-11-14T22:13:20Z'"
    """
    if message.get("type") is None:
        return "a message has a `type`: track, page, screen, identify, group or alias"
    for name in ("type", "event"):
        value = message.get(name)
        if value is not None and not isinstance(value, str):
            return f"{name} is {_shown(value)}; it must be a text"
    value = message.get("messageId")
    if value is not None and (not isinstance(value, str | int) or isinstance(value, bool)):
        return f"messageId is {_shown(value)}; an id is a text or a whole number"
    for name in TIMES:
        value = message.get(name)
        if value is not None and not isinstance(value, str):
            return f"{name} is {_shown(value)}{_as_instant(value)}"
    return None


def _as_instant(value: Any) -> str:
    example, kind = "2026-01-05T10:00:00Z", ""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _MILLISECONDS_BELOW:
        unit, seconds = ("seconds", value) if value < _SECONDS_BELOW else ("milliseconds", value / 1_000)
        kind = f", a number of {unit}"
        example = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="auto").replace("+00:00", "Z")
    return f"{kind}; a time is a text: '{example}'"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
