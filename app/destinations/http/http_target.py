"""Target of the kind `http`: a request for each kind of change, and how the answer is read."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.destinations.destination import Occasion
from app.destinations.http.http_request import HttpRequest, RequestTemplate, prepare_request
from app.destinations.template import Node, Text

SHOWN_HEADERS = ("content-type", "idempotency-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """HMAC-SHA256 over `<timestamp>.<body>`."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """A token by client credentials (RFC 6749, 4.4), a refresh token (6), or a JWT of a service account (RFC 7523).

    method: how the service wants to be asked for it. account: None: no service account.
    """

    url: str = field(repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    method: Literal["POST", "GET"] = "POST"
    account: "ServiceAccount | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """Account of a program, which signs for its tokens with a private key (RS256)."""

    email: str = field(repr=False)
    private_key: str = field(repr=False)
    key_id: str = field(repr=False)
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Requirement on an answer with a good status: at `path` in its JSON stands `value`.

    If it does not, `code_path` leads to a code: those of `retry` pass by themselves, those of `token` want a new token.
    """

    path: tuple[str, ...]
    value: Any
    code_path: tuple[str, ...] = ()
    retry: frozenset[str] = frozenset()
    token: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """The contract: `app.destinations.destination.Target`."""

    requests: Mapping[Occasion, RequestTemplate]
    headers: Mapping[str, Text] = field(repr=False)
    signature: Signature | None = None
    oauth: OAuth | None = None
    answer: Answer | None = None

    @property
    def changes(self) -> Collection[Occasion]:
        return self.requests.keys()

    def templates(self) -> Iterator[Node]:
        for request in self.requests.values():
            yield request.url
            yield request.body
        yield from self.headers.values()

    def prepare(self, change: Mapping[str, Any], value: bytes, *, source: str) -> HttpRequest:
        return prepare_request(self.requests, self.headers, change, value, source=source)

    def shown(self, item: HttpRequest) -> str:
        lines = [f"{item.method} {item.url}"]
        for name, value in item.headers.items():
            if name.lower() not in SHOWN_HEADERS and name.lower() == "authorization":
                value = f"{value.split()[0]} (secret)"
            lines.append(f"{name}: {value}")
        if self.oauth is not None:
            lines.append("Authorization: Bearer (by oauth)")
        if self.signature is not None:
            lines.append("Shoal-Timestamp, Shoal-Signature: at the moment of sending")
        lines.append(item.body.decode())
        return "\n".join(f"  {line}" for line in lines)
