"""A login at an OpenID provider: authorization code with PKCE, bound to the browser that began it.

The browser that begins a login gets a signed cookie with an id. State, nonce and verifier are made of the id and the
console's secret: each process with the same secret can end the login, and nothing is stored but which were ended.
"""

import hmac
import logging
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from app.errors import UserError
from app.events.visible_text import visible_line
from app.settings import Settings
from app.web.access.oidc_provider import OidcError, Provider, is_safe
from app.web.access.proxy_login import NAME_CHARACTERS_MAX, Person
from app.web.access.role_table import role_table
from app.web.access.signed_text import SignedText

PENDING_S: Final = 600
GROUPS_MAX: Final = 10_000
TO_CHARACTERS_MAX: Final = 1_000
CALLBACK: Final = "/console/v1/oidc/callback"
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of this console: one `/`, no `\\` that browsers take for one, no blank, nothing that is not ASCII."""

log = logging.getLogger(__name__)


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A login that was begun: its id, the page to show after it, until when it lasts."""

    id: str
    to: str
    until_s: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The provider's page to go to, and the cookie of the browser that goes."""

    url: str
    cookie: str


class OidcLogin:
    """Logins at the provider of the settings."""

    def __init__(self, settings: Settings, secret: bytes) -> None:
        """UserError for settings that are missing or not safe."""
        _check(settings)
        self._settings = settings
        self._table = role_table(settings.console_roles)
        self._provider = Provider(settings)
        self._signed = SignedText(secret, b"login")
        self._back = settings.console_url.rstrip("/") + CALLBACK
        self._secret = secret
        self._used: dict[str, int] = {}
        about = (settings.console_oidc_issuer, settings.console_oidc_client, settings.console_roles)
        self.seal = sha256("\0".join(about).encode()).digest()
        """Part of what signs sessions: they end when the provider, the client or the table of roles is another one."""

    async def begin(self, to: str, *, now_s: float) -> Begun:
        """A new login that ends at the page `to`. OidcError `unreachable`."""
        pending = Pending(secrets.token_urlsafe(18), local_path(to), int(now_s) + PENDING_S)
        metadata = await self._provider.metadata()
        verifier = self._derived("verifier", pending.id)
        asked = {
            "response_type": "code",
            "client_id": self._settings.console_oidc_client,
            "redirect_uri": self._back,
            "scope": self._settings.console_oidc_scopes,
            "state": self._derived("state", pending.id),
            "nonce": self._derived("nonce", pending.id),
            "code_challenge": _text(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        url = metadata.authorization_endpoint
        joint = "&" if urlsplit(url).query else "?"
        return Begun(f"{url}{joint}{urlencode(asked)}", self._signed.made(msgspec.json.encode(pending)))

    async def end(self, cookie: str, query: dict[str, str], *, now_s: float) -> tuple[Person, str]:
        """The person that the provider names, and the page to show. OidcError; each login ends once."""
        pending = self._pending(cookie, now_s=now_s)
        if not hmac.compare_digest(query.get("state", "").encode(), self._derived("state", pending.id).encode()):
            raise OidcError("refused", "the state is that of another login")
        self._used = {each: until_s for each, until_s in self._used.items() if until_s > now_s}
        if pending.id in self._used:
            raise OidcError("expired", "the login was ended before")
        self._used[pending.id] = pending.until_s
        if query.get("iss", self._settings.console_oidc_issuer) != self._settings.console_oidc_issuer:
            raise OidcError("refused", "the answer is of another issuer")
        if error := query.get("error"):
            raise OidcError("denied", f"the provider says {visible_line(error[:200])!r}")
        if not (code := query.get("code")):
            raise OidcError("refused", "the answer has no code")
        token = await self._provider.id_token(code, self._derived("verifier", pending.id), self._back)
        return self._person(await self._provider.claims(token, self._derived("nonce", pending.id))), pending.to

    async def logout_url(self) -> str:
        """The provider's page that ends its own session; empty if it has none."""
        try:
            url = (await self._provider.metadata()).end_session_endpoint
        except OidcError as error:
            log.warning("the OpenID provider cannot be asked where to log out: %s", error)
            return ""
        if not is_safe(url):
            return ""
        after = f"{self._settings.console_url.rstrip('/')}/"
        joint = "&" if urlsplit(url).query else "?"
        client = quote_plus(self._settings.console_oidc_client)
        return f"{url}{joint}client_id={client}&post_logout_redirect_uri={quote_plus(after)}"

    def _pending(self, cookie: str, *, now_s: float) -> Pending:
        content = self._signed.read(cookie)
        try:
            pending = msgspec.json.decode(content or b"", type=Pending)
        except msgspec.DecodeError:
            raise OidcError("expired", "this browser has not begun a login") from None
        if pending.until_s <= now_s:
            raise OidcError("expired", "the login took too long")
        return pending

    def _person(self, claims: dict[str, Any]) -> Person:
        claim = self._settings.console_oidc_name
        name = claims.get(claim)
        if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARACTERS_MAX or visible_line(name) != name:
            raise OidcError("no-name", f"the claim {claim} of the ID token is no name")
        if claim == "email" and claims.get("email_verified", True) is not True:
            raise OidcError("no-name", "the provider has not verified the email address")
        groups = claims.get(self._settings.console_oidc_groups, [])
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        roles = self._table.roles_of([each for each in listed[:GROUPS_MAX] if isinstance(each, str)])
        if not roles:
            raise OidcError("no-role", "none of the groups in the ID token has a role")
        return Person(name, roles)

    def _derived(self, what: str, id_: str) -> str:
        return _text(hmac.digest(self._secret, f"oidc {what}\0{id_}".encode(), sha256))


def local_path(text: str) -> str:
    r"""A path of this console; `/` in place of what would lead elsewhere.

    >>> [local_path(each) for each in ("/segments?q=a", "//evil.example", "/\\evil.example", "https://evil.example")]
    ['/segments?q=a', '/', '/', '/']
    """
    fits = len(text) <= TO_CHARACTERS_MAX and _PATH.fullmatch(text) and not text.startswith("/console/")
    return text if fits else "/"


def _check(settings: Settings) -> None:
    from jwt.algorithms import has_crypto  # asked only where somebody wants it

    for name in ("console_oidc_issuer", "console_oidc_client", "console_url"):
        if not getattr(settings, name):
            raise UserError(f"console_login is oidc, but {name} is empty", hint=f"set SHOAL_{name.upper()}")
    for name in ("console_oidc_issuer", "console_url"):
        if not is_safe(getattr(settings, name)):
            raise UserError(f"{name} is {getattr(settings, name)!r}", hint="an address that begins with https://")
    if "openid" not in settings.console_oidc_scopes.split():
        raise UserError("console_oidc_scopes is without openid", hint="such as: openid profile email groups")
    if not has_crypto:
        raise UserError("signatures of an OpenID provider need a package", hint="pip install 'shoal[oidc]'")


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
