"""An OpenID provider: its addresses, its keys, and the tokens that it gives for codes."""

import asyncio
import ipaddress
import time
from base64 import b64encode
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus, urlsplit

import aiohttp
import jwt
import msgspec

from app.settings import Settings

DOCUMENT: Final = "/.well-known/openid-configuration"
TIMEOUT_S: Final = 10
ANSWER_BYTES_MAX: Final = 1 << 20
KEPT_S: Final = 3_600.0
ASKED_AGAIN_S: Final = 10.0
"""Shortest time between two readings of the keys: a token with an unknown key costs nothing more."""
SKEW_S: Final = 60
T = TypeVar("T")
TYPES: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


class OidcError(Exception):
    """A login that did not come about. `code`: what the page says of it; the text is for the log, without tokens."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Metadata(msgspec.Struct):
    """The part of a provider's discovery document that the console needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(default_factory=lambda: ["client_secret_basic"])


class _Tokens(msgspec.Struct):
    id_token: str


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


class Provider:
    """One OpenID provider. Everything that it says is read with a limit of time and size, without redirects."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.console_oidc_issuer
        self._client = settings.console_oidc_client
        self._secret = settings.console_oidc_secret
        self._algorithm = settings.console_oidc_algorithm
        self._metadata: Metadata | None = None
        self._read_at_s = -KEPT_S
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at_s = -KEPT_S
        self._reading = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Its discovery document, kept for an hour. OidcError `unreachable` if there is none that can be used."""
        async with self._reading:
            if self._metadata is None or time.monotonic() - self._read_at_s >= KEPT_S:
                found = await _asked("GET", self._issuer.rstrip("/") + DOCUMENT, Metadata)
                if found.issuer != self._issuer:
                    raise OidcError(
                        "unreachable", f"the discovery document is that of the issuer {found.issuer[:200]!r}"
                    )
                for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    if not is_safe(url):
                        raise OidcError(
                            "unreachable", f"the discovery document names {url[:200]!r}, which is not https"
                        )
                self._metadata, self._read_at_s = found, time.monotonic()
            return self._metadata

    async def id_token(self, code: str, verifier: str, back: str) -> str:
        """The ID token that a code is good for, not yet checked. OidcError."""
        metadata = await self.metadata()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        headers = {}
        if self._secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(self._client)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client} | ({"client_secret": self._secret} if self._secret else {})
        return (await _asked("POST", metadata.token_endpoint, _Tokens, data=form, headers=headers)).id_token

    async def claims(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token. OidcError `refused` for one that is not of this provider, client and login."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != self._algorithm:
                raise OidcError("refused", f"the ID token is signed by {str(header.get('alg'))[:40]!r}")
            claims: dict[str, Any] = jwt.decode(
                token,
                key=await self._key(header.get("kid")),
                algorithms=[self._algorithm],
                audience=self._client,
                issuer=self._issuer,
                leeway=SKEW_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise OidcError("refused", f"the ID token: {type(error).__name__}") from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._client) != self._client:
            raise OidcError("refused", "the ID token is for another client")
        if claims.get("nonce") != nonce:
            raise OidcError("refused", "the ID token is of another login")
        return claims

    async def _key(self, wanted: object) -> jwt.PyJWK:
        """The key of a name; without a name the only one. Keys are read again for a name that is not known."""
        metadata = await self.metadata()
        async with self._reading:
            age_s = time.monotonic() - self._keys_at_s
            unknown = wanted is not None and wanted not in self._keys
            if not self._keys or age_s >= KEPT_S or (unknown and age_s >= ASKED_AGAIN_S):
                self._keys_at_s = time.monotonic()
                self._keys = self._usable(await _asked("GET", metadata.jwks_uri, _Keys))
        found = self._keys.get(wanted) if isinstance(wanted, str) else None
        if wanted is None and len(self._keys) == 1:
            (found,) = self._keys.values()
        if found is None:
            raise OidcError("refused", "the ID token is signed by a key that the provider does not publish")
        return found

    def _usable(self, published: _Keys) -> dict[str, jwt.PyJWK]:
        """Keys for signatures by the algorithm; a key of another kind is left out, also one that cannot be read."""
        found: dict[str, jwt.PyJWK] = {}
        for each in published.keys:
            fits = each.get("kty") == TYPES[self._algorithm] and each.get("use", "sig") == "sig"
            if not fits or each.get("alg", self._algorithm) != self._algorithm:
                continue
            try:
                found[str(each.get("kid", ""))] = jwt.PyJWK(each, algorithm=self._algorithm)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
        return found


def is_safe(url: str) -> bool:
    """True for an https address; for http only on this machine, where nobody listens on the way.

    >>> is_safe("https://login.example"), is_safe("http://login.example"), is_safe("http://127.0.0.1:5556/dex")
    (True, False, True)
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme != "http":
        return parts.scheme == "https" and bool(host)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _asked(method: str, url: str, kind: type[T], **given: Any) -> T:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.request(method, url, allow_redirects=False, **given) as answer,
        ):
            body = await answer.content.read(ANSWER_BYTES_MAX)
            while not answer.content.at_eof() and len(body) < ANSWER_BYTES_MAX:
                body += await answer.content.read(ANSWER_BYTES_MAX - len(body))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise OidcError("unreachable", f"{method} {url}: {type(error).__name__}") from None
    if answer.status != 200:
        code = "refused" if 400 <= answer.status < 500 and method == "POST" else "unreachable"
        raise OidcError(code, f"{method} {url} answers {answer.status}")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise OidcError("unreachable", f"{method} {url} answers what cannot be read: {type(error).__name__}") from None
