"""Decides who asks the console, and refuses what they may not do."""

import asyncio
import hmac
import ipaddress
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request

from app.errors import UserError
from app.runtime.audit import account
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.access.cookies import SESSION, Cookies
from app.web.access.login_throttle import LoginThrottle
from app.web.access.masking import Mask
from app.web.access.oidc_login import OidcLogin
from app.web.access.passwords import UsersFile, hash_password
from app.web.access.proxy_login import Person, ProxyLogin
from app.web.access.roles import EVERY_RIGHT, Right, Role, rights_of
from app.web.access.sessions import Session, Sessions
from app.web.texts import say

Asked = Request[Any, Any, Any]
CSRF_HEADER: Final = "x-shoal-csrf"
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
LOGINS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who asks. `session` None: nobody logs in here, and everybody may do everything."""

    name: str
    roles: tuple[Role, ...]
    rights: frozenset[Right]
    session: Session | None
    mask: Mask

    def may(self, right: Right) -> bool:
        """True if they have the right."""
        return right in self.rights

    def actor(self, settings: Settings) -> str | None:
        """The name of the session; where nobody logs in, that of the account that runs the console, if it has one."""
        return self.name or settings.audit_actor or account()


class Gate:
    """The way into the console. Every refusal is a Problem."""

    def __init__(self, settings: Settings) -> None:
        """UserError for settings with which the wrong people could come in."""
        self.login = settings.console_login
        _check_open(settings)
        self.cookies = Cookies(settings.console_url)
        self._sessions = Sessions(settings.console_secret, lasting_s=settings.console_session_ms // 1000)
        self._users = UsersFile(settings.console_users_file) if self.login == "password" else None
        self._proxy = ProxyLogin(settings) if self.login == "proxy" else None
        self.oidc = OidcLogin(settings, self._sessions.secret) if self.login == "oidc" else None
        self._throttle = LoginThrottle()
        self._checking = asyncio.Semaphore(LOGINS_AT_ONCE)
        self._nobody = hash_password(secrets.token_urlsafe())
        self._mask_key = secrets.token_bytes(16)

    def visitor(self, request: Asked) -> Visitor:
        """The person who asks. Problem 401 for nobody who is known."""
        if self.login == "none":
            return Visitor("", (), EVERY_RIGHT, None, Mask(self._mask_key, hides=False))
        if self._proxy is not None:  # each request says who it is: there is no session that could be kept or stolen
            person = self._proxy.person(request)
            return self._visitor(person.roles, Session(person.name, f"proxy {person.name}", 0))
        session = self._sessions.read(self.cookies.read(SESSION, request), self._seal, now_s=time.time())
        if session is None:
            raise Problem(401, "no-session", say("refused_no_session"))
        return self._visitor(session.roles if self._users is None else self._users.get(session.name).roles, session)

    def need(self, request: Asked, right: Right) -> Visitor:
        """The person who asks, if they have the right. Problem 401 or 403, also for a write of another page."""
        visitor = self.visitor(request)
        if request.method not in ("GET", "HEAD"):
            check_same_origin(request)
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), self.csrf(visitor).encode()):
                raise Problem(403, "csrf", say("refused_csrf"))
        if not visitor.may(right):
            raise Problem(403, "right", say(f"refused_right_{right}"))
        return visitor

    def csrf(self, visitor: Visitor) -> str:
        """The text that writes of this visitor must bring."""
        return self._sessions.csrf(visitor.session)

    async def log_in(self, request: Asked, name: str, password: str) -> tuple[Visitor, str]:
        """A new session and its cookie. Problem 401, 403 or 429."""
        check_same_origin(request)
        if self._users is None:
            raise Problem(403, "no-login", say("refused_no_password"))
        address = request.client.host if request.client else ""
        if wait_s := self._throttle.wait_s(name[:80], address, now_s=time.monotonic()):
            raise Problem(429, "too-many", say("refused_attempts"), retry_after_s=int(wait_s) + 1)
        user = self._users.find(name)
        async with self._checking:  # a name that nobody has takes as long as a wrong password
            fits = await asyncio.to_thread((self._nobody if user is None else user.password).fits, password)
        if user is None or not fits:
            raise Problem(401, "wrong-login", say("refused_login"))
        session, text = self._sessions.begin(user.name, user.password.hash, now_s=time.time())
        return self._visitor(user.roles, session), self._session_cookie(text, request)

    def let_in(self, request: Asked, person: Person) -> str:
        """The cookie of a new session of somebody whom a provider has named."""
        assert self.oidc is not None
        _, text = self._sessions.begin(person.name, self.oidc.seal, now_s=time.time(), roles=person.roles)
        return self._session_cookie(text, request)

    async def log_out(self, request: Asked) -> tuple[str, str]:
        """Ends the session of a request; the cookie that takes the place of its own, and the page to go to, if any."""
        visitor = self.need(request, "see")
        if visitor.session is not None and self._proxy is None:
            self._sessions.end(visitor.session, now_s=time.time())
        page = await self.oidc.logout_url() if self.oidc else self._proxy.logout_url if self._proxy else ""
        return self.cookies.made(SESSION, "", request, age_s=0), page

    def can_log_out(self) -> bool:
        """False where the session is a proxy's, and no page is known that ends it."""
        return self.login != "none" and (self._proxy is None or bool(self._proxy.logout_url))

    def _session_cookie(self, text: str, request: Asked) -> str:
        return self.cookies.made(SESSION, text, request, age_s=self._sessions.lasting_s)

    def _seal(self, name: str) -> bytes | None:
        if self.oidc is not None:
            return self.oidc.seal
        user = self._users.find(name) if self._users else None
        return None if user is None else user.password.hash

    def _visitor(self, roles: tuple[Role, ...], session: Session) -> Visitor:
        rights = rights_of(roles)
        return Visitor(session.name, roles, rights, session, Mask(self._mask_key, hides="people" not in rights))


def _check_open(settings: Settings) -> None:
    hint = "set SHOAL_CONSOLE_LOGIN to password, proxy or oidc; see docs/console.md"
    if settings.console_login == "none" and not is_loopback(settings.console_host):
        raise UserError(
            f"console_host is {settings.console_host}, where others may come in, and nobody has to log in", hint=hint
        )
    if settings.console_login == "none" and settings.console_review:
        raise UserError(
            "console_review is on, and nobody has to log in: nobody can be told from anybody else", hint=hint
        )


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(headers: Mapping[str, str]) -> None:
    """Problem 403 for a name that is none of this machine: a page elsewhere has given itself our address."""
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name.lower() not in LOOPBACK_NAMES:
        raise Problem(403, "host", say("refused_host", address="http://localhost", host=repr(host[:80])))


def check_same_origin(request: Asked) -> None:
    """Problem 403 or 415 for a write that does not come from a page of the console."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "content-type", "send JSON, with Content-Type: application/json")
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise Problem(403, "cross-site", say("refused_elsewhere"))
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem(403, "cross-site", say("refused_elsewhere"))
    if site is None and origin is None:
        raise Problem(403, "cross-site", "send the header Origin")
