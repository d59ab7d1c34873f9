"""Records that other services push: a message of Google Pub/Sub, or those of a request of Amazon Data Firehose.

Both send again what is not answered with success, and both would send a record that cannot be used again for ever, or
for hours: such a record is taken, and becomes a dead letter.
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.events import lenient_json
from app.events.message import INSTANT_MS_MAX, MessageError, instant_ms
from app.runtime.records.dead_letters import Origin
from app.service.http.http_problem import Problem

PUSHED_BYTES_MAX: Final = 14 << 20
"""A message of Pub/Sub has at most 10 MB, which are 13.4 MB in base64; a request of Firehose as much as its buffer."""
RECORDS_MAX: Final = 50_000
PLACE: Final = "message"
"""Stands for the partition of a message of Pub/Sub, as where `shoal intake` reads the subscription."""
UNKNOWN: Final = "unknown"

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{1,200}")
_STREAM: Final = re.compile(r"arn:[^:]*:firehose:[^:]*:[^:]*:deliverystream/([a-zA-Z0-9_.-]{1,64})")
_SUBSCRIPTION: Final = re.compile(r"projects/([^/\s]{1,100})/subscriptions/([^/\s]{1,255})")


@dataclass(frozen=True, slots=True)
class PushedRecord:
    """A record as it was pushed. `event`: what it holds, or the error for which it holds none. `new_id`: for an event
    without an id, the same whenever the record comes; None: it has none of its own."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    event: Any
    new_id: str | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Pushed:
    """The records of a request, each read when it is its turn. `received_ms`: their arrival at the service that pushes
    them; None: not known."""

    records: Iterator[PushedRecord]
    count: int
    received_ms: int | None


def read_pubsub(body: bytes, headers: Mapping[str, str]) -> Pushed:
    """The message of a push subscription, with or without its wrapper. There is no body that is refused."""
    wrapper = None if "x-goog-pubsub-message-id" in headers else _wrapper(body)
    error: MessageError | None = None
    if wrapper is None:
        value: bytes | None = body
        name, message_id = headers.get("x-goog-pubsub-subscription-name"), headers.get("x-goog-pubsub-message-id")
        published, key = headers.get("x-goog-pubsub-publish-time"), headers.get("x-goog-pubsub-ordering-key")
    else:
        message = wrapper["message"]
        value, error = _data_of(message)
        name, message_id = wrapper.get("subscription"), message.get("messageId") or message.get("message_id")
        published, key = message.get("publishTime") or message.get("publish_time"), message.get("orderingKey")
    found = _SUBSCRIPTION.fullmatch(name) if isinstance(name, str) else None
    source = f"pubsub:{found[1]}/{found[2]}" if found else f"pubsub:{UNKNOWN}"
    known_id = message_id if isinstance(message_id, str) and _PRINTABLE.fullmatch(message_id) else None
    record = PushedRecord(
        Origin(topic=source, partition=PLACE, offset=known_id or UNKNOWN),
        key=key.encode(errors="replace") or None if isinstance(key, str) else None,
        value=value,
        event=error or _event_of(value),
        new_id=None if known_id is None else f"{source}-{PLACE}-{known_id}-0",
    )
    return Pushed(iter((record,)), 1, _instant_ms(published))


def read_firehose(body: bytes, headers: Mapping[str, str]) -> Pushed:
    """The records of a request. Problem 400 or 413 for a body that is none of Firehose's."""
    try:
        request = lenient_json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "invalid-json", f"the body is not JSON: {error}") from None
    records = request.get("records") if request.__class__ is dict else None
    if records.__class__ is not list:
        raise Problem(400, "invalid-message", "a request of Firehose has the list of its records under records")
    if len(records) > RECORDS_MAX:
        raise Problem(413, "too-large", f"{len(records)} records, at most {RECORDS_MAX}: set a smaller buffer")
    request_id = request_id_of(headers)
    if request_id is None:
        raise Problem(400, "invalid-message", "a request of Firehose has its id in X-Amz-Firehose-Request-Id")
    found = _STREAM.fullmatch(headers.get("x-amz-firehose-source-arn", ""))
    source = f"firehose:{found[1] if found else UNKNOWN}"
    timestamp = request.get("timestamp")
    is_instant = timestamp.__class__ is int and 0 <= timestamp <= INSTANT_MS_MAX
    return Pushed(
        (_record(each, index, source, request_id) for index, each in enumerate(records)),
        len(records),
        timestamp if is_instant else None,
    )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The id of a request of Firehose, which stays the same when it is sent again; None for none."""
    given = headers.get("x-amz-firehose-request-id", "")
    return given if _PRINTABLE.fullmatch(given) else None


def _record(given: Any, index: int, source: str, request_id: str) -> PushedRecord:
    value, error = _data_of(given)
    return PushedRecord(
        Origin(topic=source, partition=request_id, offset=str(index)),
        key=None,
        value=value,
        event=error or _event_of(value),
        new_id=f"firehose-{request_id}-{index}",
    )


def _wrapper(body: bytes) -> dict[str, Any] | None:
    """The wrapper of a message; None for a message without one."""
    try:
        value = lenient_json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_one = value.__class__ is dict and value.get("message").__class__ is dict and "type" not in value
    return value if is_one else None


def _data_of(holder: Any) -> tuple[bytes | None, MessageError | None]:
    """The bytes under `data`, and the error if there are none."""
    data = holder.get("data") if holder.__class__ is dict else None
    if data is None or data == "":
        return None, MessageError("empty", "the record has no data")
    if data.__class__ is not str:
        return None, MessageError("invalid-message", "the data of the record is no text")
    try:
        return b64decode(data, validate=True), None
    except ValueError:  # binascii.Error, and what is not ASCII
        return data.encode(errors="replace"), MessageError("invalid-message", "the data of the record is not base64")


def _event_of(value: bytes | None) -> Any:
    """The content of a record, or the error for which it cannot be used."""
    if not value:
        return MessageError("empty", "the record has no data")
    try:
        return lenient_json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return MessageError("invalid-json", str(error))


def _instant_ms(text: Any) -> int | None:
    if not isinstance(text, str):
        return None
    try:
        return instant_ms(text)
    except (ValueError, OverflowError):
        return None
