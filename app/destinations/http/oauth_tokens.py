"""Access tokens by OAuth 2.0: asked for once, kept until shortly before their end."""

import asyncio
import re
import time
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import msgspec

from app.destinations.http.http_target import OAuth, ServiceAccount

ANSWER_BYTES_MAX: Final = 65_536
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EARLY_S: Final = 60.0
LIFETIME_S: Final = 3_600.0
"""Of a token that does not say."""

_VISIBLE: Final = re.compile(r"[ -~]+")
"""Characters of a token (RFC 6749, appendix A.12); others cannot stand in a header."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def read_start(response: aiohttp.ClientResponse, *, bytes_max: int = ANSWER_BYTES_MAX) -> bytes:
    """The body of an answer, or what of it may be read."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= bytes_max:
            break
    return bytes(body[:bytes_max])


def token_request(oauth: OAuth, *, now_s: float) -> dict[str, str]:
    """The form that asks for a token. Raises TokenError."""
    if oauth.account is not None:
        return {"grant_type": JWT_GRANT, "assertion": _assertion(oauth.url, oauth.account, now_s=now_s)}
    form = {"client_id": oauth.client_id, "client_secret": oauth.client_secret}
    if oauth.refresh_token:
        return {"grant_type": "refresh_token", "refresh_token": oauth.refresh_token} | form
    return {"grant_type": "client_credentials"} | form


def _assertion(url: str, account: ServiceAccount, *, now_s: float) -> str:
    claims: dict[str, Any] = {"iss": account.email, "scope": account.scope, "aud": url}
    claims |= {"iat": int(now_s), "exp": int(now_s) + int(LIFETIME_S)}
    try:
        return jwt.encode(claims, account.private_key, algorithm="RS256", headers={"kid": account.key_id})
    except NotImplementedError:
        raise TokenError(
            "no token: signatures of service accounts need a package: pip install 'shoal[audiences]'"
        ) from None
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise TokenError(f"no token: the private key of the service account: {type(error).__name__}") from None


class TokenError(Exception):
    """No token was given out."""


class Tokens:
    """The present token of one destination."""

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth
        self._token = ""
        self._until_s = 0.0
        self._asking = asyncio.Lock()

    def forget(self) -> None:
        """The token was refused: the next one who wants one asks again."""
        self._token = ""

    async def get(self, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout) -> str:  # noqa: ASYNC109  # aiohttp's own
        """A token. Raises TokenError, and what aiohttp raises."""
        async with self._asking:
            if not self._token or time.monotonic() >= self._until_s:
                await self._ask(session, timeout)
            return self._token

    async def _ask(self, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout) -> None:  # noqa: ASYNC109  # same
        oauth = self._oauth
        wanted = token_request(oauth, now_s=time.time())
        how: dict[str, Any] = {"params": wanted} if oauth.method == "GET" else {"data": wanted}
        try:
            asking = session.request(oauth.method, oauth.url, allow_redirects=False, timeout=timeout, **how)
            async with asking as response:
                body = await read_start(response)
            host = urlsplit(oauth.url).hostname
        except aiohttp.InvalidURL:
            raise TokenError("the address of the token service is not allowed") from None
        except ValueError as error:
            raise TokenError(f"no token: {type(error).__name__} while it was asked for") from None
        if response.status != 200:
            raise TokenError(f"{host} gave no token: the answer was {response.status}")
        try:
            said = _decode(body)
            token, lifetime_s = said["access_token"], float(said.get("expires_in", LIFETIME_S))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
            raise TokenError(f"{host} gave no token: its answer cannot be read") from None
        if not isinstance(token, str) or not _VISIBLE.fullmatch(token):
            raise TokenError(f"{host} gave no token: its answer cannot be read")
        self._token = token
        self._until_s = time.monotonic() + max(1.0, lifetime_s - EARLY_S)
