"""Records of a topic as rows of a table: one row a record, also for a record that cannot be read. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.events.instants import iso_text
from app.events.link_record import LINK_MARK
from app.events.message import (
    LINK,
    WATERMARK,
    MessageDecoder,
    MessageError,
    checked_value,
    instant_ms,
    times_of,
    user_of,
)
from app.events.user_ids import UserIds

DAY_MS: Final = 86_400_000
BEFORE_MS_MAX: Final = 400 * DAY_MS
AHEAD_MS_MAX: Final = DAY_MS

Row: TypeAlias = dict[str, Any]
"""Values by column; what is absent is null. Times are milliseconds since the epoch."""
ReadRow: TypeAlias = Callable[[Any], Row]


class _Context(msgspec.Struct, gc=False):
    context: Raw | UnsetType = UNSET


_decoder = MessageDecoder()
_decode_context = msgspec.json.Decoder(_Context).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def event_row(user_ids: UserIds) -> ReadRow:
    """Returns the function that reads records of the clickstream."""

    def read(record: Any) -> Row:
        row = _place(record)
        if record.value is not None and record.value.startswith(LINK_MARK):
            return row | {"type": LINK, "user_key": _text(record.key)}
        try:
            message = _decoder.decode(checked_value(record.value))
            row["type"] = message.type
            if message.type != WATERMARK:
                row["user_key"], _ = user_of(message, user_ids)
            row["happened_at"], row["received_at"] = times_of(message, record.timestamp)
        except MessageError as error:
            return row | {"problem": error.reason}
        row["event"] = message.event
        row["name"] = message.name if isinstance(message.name, str) else None
        row["user_id"], row["anonymous_id"] = _id(message.userId), _id(message.anonymousId)
        row["message_id"] = _id(message.messageId)
        row["properties"], row["traits"] = _json(message.properties), _json(message.traits)
        row["context"] = _context_of(record.value)
        return row

    return read


def change_row(record: Any) -> Row:
    """A change of a segment."""
    row = _place(record)
    try:
        change = _decode_object(checked_value(record.value, bytes_max=len(record.value or b"")))
        row["happened_at"] = instant_ms(change["at"])
        valid_until = change.get("valid_until")
        row["valid_until"] = None if valid_until is None else instant_ms(valid_until)
        row["user_key"] = _string(change["user"])
        for name in ("id", "segment", "version", "change"):
            row[name] = _string(change[name])
        for name in ("times", "sequence"):
            row[name] = _number(change[name])
        cause = change.get("cause") or {}
        row["cause"] = _string(cause.get("kind"))
        row["group_name"] = _string(change.get("group"))
        for name in ("cause", "evidence", "attach", "experiments"):
            row[f"{name}_json"] = _encode(change[name]).decode() if name in change else None
        row["value_json"] = None if change.get("value") is None else _encode(change["value"]).decode()
    except (MessageError, msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError):
        return _place(record) | {"user_key": _text(record.key), "problem": "invalid-change"}
    row["source"] = _text(_headers(record).get("ce_source"))
    return row


def identity_row(record: Any) -> Row:
    """The result of a claim on an anonymousId."""
    row = _place(record)
    try:
        said = _decode_object(checked_value(record.value, bytes_max=len(record.value or b"")))
        row["happened_at"] = instant_ms(said["at"])
        row["from_id"], row["to_user"] = _string(said["from"]), _string(said["to"])
        for name in ("id", "why", "result"):
            row[name] = _string(said[name])
    except (MessageError, msgspec.MsgspecError, LookupError, TypeError, ValueError):
        return _place(record) | {"to_user": _text(record.key), "problem": "invalid-identity"}
    return row


def dead_letter_row(record: Any) -> Row:
    """A record that could not be used, or a change that a destination did not get."""
    headers = _headers(record)
    row = _place(record) | {"key": _text(record.key), "value": _text(record.value)}
    for name in ("reason", "detail", "destination"):
        row[name] = _text(headers.get(f"shoal-{name}"))
    row["source_topic"] = _text(headers.get("shoal-source-topic"))
    for name in ("partition", "offset"):
        row[f"source_{name}"] = _whole_number(headers.get(f"shoal-source-{name}"))
    return row


def day_of(row: Mapping[str, Any]) -> str:
    """The day of a row, UTC: of its `happened_at`, or of its record where that is absent or far from the record.

    A wrong clock thus makes no folders of days that were never.

    >>> day_of({"happened_at": 1470035121239, "kafka_time": 1470035121999})
    '2016-08-01'
    >>> day_of({"happened_at": 0, "kafka_time": 1470035121999})
    '2016-08-01'
    """
    at_ms, record_ms = row.get("happened_at"), row.get("kafka_time")
    if record_ms is None:
        record_ms = at_ms or 0
    if at_ms is None or not record_ms - BEFORE_MS_MAX <= at_ms <= record_ms + AHEAD_MS_MAX:
        at_ms = record_ms
    return iso_text(at_ms)[:10]


def _place(record: Any) -> Row:
    time_ms = record.timestamp if 0 <= record.timestamp < 253_402_300_800_000 else None  # until the year 9999
    return {"kafka_offset": record.offset, "kafka_time": time_ms}


def _headers(record: Any) -> dict[str, bytes]:
    return dict(record.headers or ())


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _string(value: object) -> str | None:
    """A text that can be written as UTF-8."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _id(value: str | int | None) -> str | None:
    return None if value is None else _string(str(value))


def _number(value: object) -> int | None:
    return value if type(value) is int and abs(value) < 1 << 63 else None


def _whole_number(value: bytes | None) -> int | None:
    return int(value) if value is not None and value.isdigit() and len(value) < 19 else None


def _json(raw: Raw | UnsetType) -> str | None:
    text = None if raw is UNSET else bytes(raw).decode(errors="replace")
    return None if text == "null" else text


def _context_of(value: bytes) -> str | None:
    try:
        return _json(_decode_context(value).context)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
