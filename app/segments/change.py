"""A change: one user entered, left or was updated in one segment. What others read: see the schema of changes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal, get_args

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CauseKind = Literal["event", "time", "catalog", "forgotten"]
ChangeKind = Literal["entered", "exited", "updated"]


class Cause(msgspec.Struct, omit_defaults=True, frozen=True, gc=False):
    """Why: an event (with its id, if it had one), the passing of time, a new catalog, or being forgotten."""

    kind: CauseKind
    message_id: str | None = None


class Atom(msgspec.Struct, frozen=True, gc=False):
    """One part of a condition and its value then."""

    expression: str
    value: Any


class Change(msgspec.Struct, kw_only=True, gc=False):
    """One change, in the order of its JSON. Instants are ISO 8601 texts, UTC, milliseconds."""

    id: str
    user: str
    segment: str
    version: str
    value: None = None
    change: ChangeKind
    times: int
    at: str
    sequence: int
    cause: Cause
    evidence: list[Atom]
    attach: dict[str, Any]
    valid_until: str | None
    group: None = None

    def encode(self) -> bytes:
        """The JSON of outputs."""
        return _encode(self)

    def headers(self, source: str) -> list[tuple[str, bytes]]:
        """CloudEvents 1.0, Kafka binding, binary mode. `source` is a URI reference of the sender."""
        return [
            _SPECVERSION,
            ("ce_id", self.id.encode()),
            _TYPES[self.change],
            ("ce_source", source.encode()),
            ("ce_subject", self.user.encode()),
            ("ce_time", self.at.encode()),
            _CONTENT_TYPE,
        ]


_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")
_TYPES = {kind: ("ce_type", f"shoal.segment.{kind}.v1".encode()) for kind in get_args(ChangeKind)}
_EMPTY_DIGEST = blake2b(digest_size=12)
_encode = msgspec.json.Encoder().encode


def change_id(user: str, sequence: int) -> str:
    """24 characters that are the same whenever the same change is made again.

    >>> change_id('u-42', 1795430000017)
    '8257c9bdc30c027c5f5085fa'
    """
    digest = _EMPTY_DIGEST.copy()  # takes less time than a new one
    digest.update(f"{user}\x00{sequence}".encode(errors="replace"))
    return digest.hexdigest()


_SECONDS = [f"{second // 60:02d}:{second % 60:02d}." for second in range(3_600)]
_MILLIS = [f"{millis:03d}Z" for millis in range(1_000)]
_HOUR_MS = 3_600_000
_hours: dict[int, str] = {}
_HOURS_MAX = 10_000


def iso_slowly(instant_ms: int) -> str:
    """An instant as text; OverflowError outside of the years 1 to 9999.

    >>> iso_slowly(1470035121239)
    '2016-08-01T07:05:21.239Z'
    """
    hour = instant_ms // _HOUR_MS
    text = _hours.get(hour)
    if text is None:
        if len(_hours) >= _HOURS_MAX:
            _hours.clear()
        text = _hours[hour] = (_EPOCH + timedelta(hours=hour)).isoformat()[: len("YYYY-MM-DDThh:")]
    rest = instant_ms - hour * _HOUR_MS
    second = rest // 1_000
    return text + _SECONDS[second] + _MILLIS[rest - second * 1_000]


iso: Callable[[int], str]
try:
    from app.segments._fast_path import iso as _quick_iso
except ImportError:  # no C compiler where this was installed
    iso = iso_slowly
else:
    iso = _quick_iso  # the same; there are two in every change
