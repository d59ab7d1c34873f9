"""Request that tells a service of a change: address, headers, body. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.destinations.destination import ERASED, Occasion, occasion_of
from app.destinations.template import Text, fill, in_url
from app.destinations.unusable import UnusableError

USER_AGENT: Final = "shoal"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTemplate:
    """One request with its placeholders. `body` None: the change itself."""

    method: str
    url: Text = field(repr=False)
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request, but for what depends on the moment: signature and token. What is in it may be secret or personal.

    is_erasure: it deletes somebody; that they are not there is as good.
    """

    id: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_erasure: bool = False


def prepare_request(
    requests: Mapping[Occasion, RequestTemplate],
    headers: Mapping[str, Text],
    change: Mapping[str, Any],
    value: bytes,
    *,
    source: str,
) -> HttpRequest:
    """The request for a change. Raises UnusableError, MissingValueError."""
    occasion = occasion_of(change, requests)
    request = requests[occasion]
    url = request.url.text(change, in_url)
    filled = {name: text.text(change) for name, text in headers.items()}
    body = value if request.body is None else _encode(fill(request.body, change))
    if any(part in (".", "..") for part in url.split("/")):
        raise UnusableError("no-value", "a value would change the path of the URL: . and .. are not allowed")
    for name, text in filled.items():
        if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
            raise UnusableError("no-value", f"the header {name} would contain control characters")
    there = {name.lower() for name in filled}
    own = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Idempotency-Key": change["id"],
    }
    if request.body is None:
        own |= _event_headers(change, source)
    sent = {name: text for name, text in own.items() if name.lower() not in there} | filled
    is_erasure = occasion == ERASED
    return HttpRequest(id=change["id"], method=request.method, url=url, headers=sent, body=body, is_erasure=is_erasure)


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
