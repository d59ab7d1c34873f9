"""Sends requests: to public addresses only, without redirects, signed at the moment of sending."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from app.destinations.destination import Destination
from app.destinations.http.addresses import ForbiddenAddressError, connector_options, host_of, is_forbidden_host
from app.destinations.http.answers import judge
from app.destinations.http.http_request import HttpRequest, signature_headers
from app.destinations.http.http_target import HttpTarget, OAuth, Signature
from app.destinations.http.oauth_tokens import ANSWER_BYTES_MAX, TokenError, Tokens, read_start
from app.destinations.outcome import Fate, Outcome

CONNECTIONS_MAX: Final = 512
GONE: Final = frozenset({404, 410})
UNASKABLE: Final = Outcome(fate=Fate.REFUSED, status="invalid-url", detail="the address cannot be asked")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came, or what of its body may be read."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class HttpConnection:
    """One client for all destinations of a process. The contract: `app.destinations.kind.Connection`."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._session: aiohttp.ClientSession | None = None
        self._tokens: dict[str, Tokens] = {}

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, **connector_options(private=self._private))
        self._session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,  # a proxy would resolve names itself
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, destination: Destination, items: Sequence[Any]) -> Sequence[Outcome]:
        return [await self.send(destination, item) for item in items]

    async def send(self, destination: Destination, prepared: HttpRequest) -> Outcome:
        """One try. Never raises for what the world does."""
        target: Any = destination.target
        assert isinstance(target, HttpTarget), destination.kind
        reply = await self.ask(
            destination.name,
            prepared,
            timeout_s=destination.timeout_ms / 1000,
            oauth=target.oauth,
            signature=target.signature,
        )
        if isinstance(reply, Outcome):
            return reply
        if prepared.is_erasure and reply.status in GONE:
            return Outcome(fate=Fate.DELIVERED, status=str(reply.status))
        outcome = judge(reply.status, reply.headers, reply.body, target.answer, now_s=time.time())
        if outcome.wants_token:
            self.forget_token(destination.name)
        return outcome

    async def ask(
        self,
        name: str,
        prepared: HttpRequest,
        *,
        timeout_s: float,
        oauth: OAuth | None = None,
        signature: Signature | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Reply | Outcome:
        """Sends a request of the destination `name`; an outcome if there is no answer. Never raises for what the
        world does."""
        assert self._session is not None, "not entered"
        try:
            host = host_of(prepared.url)
        except ValueError:
            return UNASKABLE
        # A retry is useless: the address is in the file, and is not the present answer of a name server.
        if not self._private and is_forbidden_host(host):
            return Outcome(fate=Fate.REFUSED, status="forbidden", detail=f"{host} is not a public address")
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        headers = dict(prepared.headers)
        if signature is not None:
            now_ms = int(time.time() * 1000)
            headers |= signature_headers(signature.secret, prepared.body, now_ms=now_ms)
        try:
            tokens = self._tokens_of(name, oauth)
            if tokens is not None:
                headers["Authorization"] = f"Bearer {await tokens.get(self._session, timeout)}"
            async with self._session.request(
                prepared.method,
                prepared.url,
                data=prepared.body if prepared.method != "GET" else None,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                return Reply(response.status, response.headers, await read_start(response, bytes_max=bytes_max))
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddressError):
                return Outcome(fate=Fate.AGAIN, status="forbidden", detail=str(error.os_error))
            return Outcome(fate=Fate.AGAIN, status="unreachable", detail=f"{host}: {error.os_error.strerror or 'away'}")
        except TimeoutError:
            return Outcome(fate=Fate.AGAIN, status="timeout", detail=f"no answer in {timeout_s * 1000:.0f} ms")
        except TokenError as error:
            return Outcome(fate=Fate.AGAIN, status="no-token", detail=str(error))
        except aiohttp.InvalidURL:
            return UNASKABLE
        # A ValueError here says nothing about the change. Only the service's own answer, and an address that was parsed
        # before anything was sent, may refuse one.
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(fate=Fate.AGAIN, status="broken", detail=f"{host}: {type(error).__name__}")

    def forget_token(self, name: str) -> None:
        """The token of a destination was refused: the next request asks for another."""
        if (tokens := self._tokens.get(name)) is not None:
            tokens.forget()

    def _tokens_of(self, name: str, oauth: OAuth | None) -> Tokens | None:
        if oauth is None:
            return None
        found = self._tokens.get(name)
        if found is None:
            found = self._tokens[name] = Tokens(oauth)
        return found
