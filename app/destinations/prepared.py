"""From a change to the request that tells it: address, headers, body. Pure."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgspec

from app.destinations.destination import Destination, Kind
from app.destinations.template import MissingValueError, fill, in_url
from app.events.instants import iso

USER_AGENT: Final = "shoal"
SOURCE: Final = "/shoal"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class UnusableError(Exception):
    """A change that this destination cannot be told of. `reason` is a short code.

    mistaken: it is not this user who lacks a value, but the segment that attaches none.
    """

    def __init__(self, reason: str, detail: str, *, mistaken: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.mistaken = mistaken


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request, but for what depends on the moment: signature and token. What is in it may be secret or personal."""

    id: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def read_change(value: bytes) -> dict[str, Any]:
    """A change as plain values. Raises UnusableError."""
    try:
        change = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableError("invalid-change", str(error)) from None
    for name in ("id", "user", "segment", "change", "at"):
        if not isinstance(change.get(name), str):
            raise UnusableError("invalid-change", f"{name} is missing")
    return change


def prepare(destination: Destination, change: Mapping[str, Any], value: bytes, *, source: str = SOURCE) -> Prepared:
    """The request for a change that the destination wants; `value` is the change as it came, `source` the deployment.

    Raises UnusableError.
    """
    request = destination.requests[cast(Kind, change["change"])]
    try:
        url = request.url.text(change, in_url)
        headers = {name: text.text(change) for name, text in destination.headers.items()}
        body = value if request.body is None else _encode(fill(request.body, change))
    except MissingValueError as error:
        raise UnusableError("no-value", str(error), mistaken=_is_mistaken(change, error.path)) from None
    if any(part in (".", "..") for part in url.split("/")):
        raise UnusableError("no-value", "a value would make it another address: . and .. are no names")
    for name, text in headers.items():
        if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
            raise UnusableError("no-value", f"the header {name} would have control characters")
    there = {name.lower() for name in headers}
    own = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Idempotency-Key": change["id"],
    }
    if request.body is None:
        own |= _event_headers(change, source)
    sent = {name: text for name, text in own.items() if name.lower() not in there} | headers
    return Prepared(id=change["id"], method=request.method, url=url, headers=sent, body=body)


def _is_mistaken(change: Mapping[str, Any], path: Sequence[str]) -> bool:
    """True if a value is missing that no change of this segment has: attached values of a user without them are null.

    Changes that no event of a user caused may lack what the segment attaches today.
    """
    attached, cause = change.get("attach"), change.get("cause")
    by_others = isinstance(cause, Mapping) and cause.get("kind") in ("catalog", "forgotten")
    return path[0] == "attach" and len(path) > 1 and path[1] not in (attached or {}) and not by_others


def source_of(record: Any) -> str:
    """Returns the deployment that a change on Kafka comes from."""
    source: bytes = dict(record.headers or ()).get("ce_source", SOURCE.encode())
    return source.decode(errors="replace")


def _event_headers(change: Mapping[str, Any], source: str) -> dict[str, str]:
    """CloudEvents 1.0, HTTP binding, binary mode."""
    return {
        "ce-specversion": "1.0",
        "ce-id": change["id"],
        "ce-type": f"shoal.segment.{change['change']}.v1",
        "ce-source": source,
        "ce-subject": in_url(change["user"]),
        "ce-time": change["at"],
    }


def signature_headers(secret: str, body: bytes, *, now_ms: int) -> dict[str, str]:
    """`Shoal-Timestamp` (seconds) and `Shoal-Signature`: `v1=` and the HMAC-SHA256, in hex, of `<timestamp>.<body>`.

    >>> signature_headers("secret", b"{}", now_ms=1_767_225_600_000)["Shoal-Timestamp"]
    '1767225600'
    """
    timestamp = str(now_ms // 1000)
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Shoal-Timestamp": timestamp, "Shoal-Signature": f"v1={digest}"}


def is_stale(destination: Destination, change: Mapping[str, Any], *, now_ms: int) -> bool:
    """True if a change is older than the destination wants."""
    return destination.max_age_ms is not None and str(change["at"]) < iso(max(0, now_ms - destination.max_age_ms))
