"""Decides who asks the console, and refuses what they may not do."""

import asyncio
import hmac
import ipaddress
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any, Final

from litestar import Request

from app.errors import UserError
from app.runtime.audit import account
from app.service.http_problem import Problem
from app.settings import Settings
from app.web.login_throttle import LoginThrottle
from app.web.masking import Mask
from app.web.passwords import ConsoleUser, hash_password, load_users
from app.web.roles import EVERY_RIGHT, Right, Role, rights_of
from app.web.sessions import Session, Sessions

Asked = Request[Any, Any, Any]
COOKIE: Final = "shoal-console"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
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
        """UserError for users that cannot be read, and for an open console that is not on a loopback address."""
        self.login = settings.console_login
        self._file = Path(settings.console_users_file)
        self._changed_ns = -1
        self._users: dict[str, ConsoleUser] = {}
        if self.login == "none" and not is_loopback(settings.console_host):
            raise UserError(
                f"console_host is {settings.console_host}, where others may come in, and nobody has to log in",
                hint="set SHOAL_CONSOLE_LOGIN=password and SHOAL_CONSOLE_USERS_FILE; see docs/console.md",
            )
        if self.login == "none" and settings.console_review:
            raise UserError(
                "console_review is on, and nobody has to log in: nobody can be told from anybody else",
                hint="set SHOAL_CONSOLE_LOGIN=password and SHOAL_CONSOLE_USERS_FILE; see docs/console.md",
            )
        if self.login == "password":
            if not settings.console_users_file:
                raise UserError(
                    "console_login is password, but there is no file of users",
                    hint="shoal keys user prints a line of it; set SHOAL_CONSOLE_USERS_FILE",
                )
            self._read_users()
        self._sessions = Sessions(settings.console_secret, lasting_s=settings.console_session_ms // 1000)
        self._throttle = LoginThrottle()
        self._checking = asyncio.Semaphore(LOGINS_AT_ONCE)
        self._nobody = hash_password(secrets.token_urlsafe())
        self._mask_key = secrets.token_bytes(16)

    def visitor(self, request: Asked) -> Visitor:
        """The person who asks. Problem 401 for nobody who is known."""
        if self.login == "none":
            return Visitor("", (), EVERY_RIGHT, None, Mask(self._mask_key, hides=False))
        self._read_users()
        session = self._sessions.read(_cookie(request.headers), self._users, now_s=time.time())
        if session is None:
            raise Problem(401, "no-session", "log in first")
        user = self._users[session.name]
        rights = rights_of(user.roles)
        return Visitor(user.name, user.roles, rights, session, Mask(self._mask_key, hides="people" not in rights))

    def need(self, request: Asked, right: Right) -> Visitor:
        """The person who asks, if they have the right. Problem 401 or 403, also for a write of another page."""
        visitor = self.visitor(request)
        if request.method not in ("GET", "HEAD"):
            check_same_origin(request)
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), self.csrf(visitor).encode()):
                raise Problem(403, "csrf", "this did not come from a page of the console: load the page again")
        if not visitor.may(right):
            raise Problem(403, "right", f"your roles do not give the right to {right}: ask an administrator")
        return visitor

    def csrf(self, visitor: Visitor) -> str:
        """The text that writes of this visitor must bring."""
        return self._sessions.csrf(visitor.session)

    async def log_in(self, request: Asked, name: str, password: str) -> tuple[Visitor, str]:
        """A new session and its cookie. Problem 401, 403 or 429."""
        check_same_origin(request)
        if self.login != "password":
            raise Problem(403, "no-login", "nobody logs in here")
        address = request.client.host if request.client else ""
        if wait_s := self._throttle.wait_s(name[:80], address, now_s=time.monotonic()):
            raise Problem(429, "too-many", "too many attempts: wait a little", retry_after_s=int(wait_s) + 1)
        self._read_users()
        user = self._users.get(name)
        async with self._checking:  # a name that nobody has takes as long as a wrong password
            fits = await asyncio.to_thread((self._nobody if user is None else user.password).fits, password)
        if user is None or not fits:
            raise Problem(401, "wrong-login", "the name or the password is wrong")
        session, text = self._sessions.begin(user, now_s=time.time())
        rights = rights_of(user.roles)
        mask = Mask(self._mask_key, hides="people" not in rights)
        return Visitor(user.name, user.roles, rights, session, mask), cookie(
            text, request, age_s=self._sessions.lasting_s
        )

    def log_out(self, request: Asked) -> str:
        """Ends the session of a request; the cookie that takes the place of its own."""
        visitor = self.need(request, "see")
        if visitor.session is not None:
            self._sessions.end(visitor.session, now_s=time.time())
        return cookie("", request, age_s=0)

    def _read_users(self) -> None:
        """Reads the file again if it has changed. A file that cannot be used leaves those who were known."""
        try:
            changed_ns = self._file.stat().st_mtime_ns
        except OSError:
            changed_ns = -2
        if changed_ns == self._changed_ns:
            return
        try:
            self._users = load_users(str(self._file))
        except UserError:
            if not self._users:
                raise
        self._changed_ns = changed_ns


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
        raise Problem(403, "host", f"open the console at http://localhost, not at {host[:80]!r}")


def check_same_origin(request: Asked) -> None:
    """Problem 403 or 415 for a write that does not come from a page of the console."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "content-type", "send JSON, with Content-Type: application/json")
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise Problem(403, "cross-site", "this did not come from a page of the console")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem(403, "cross-site", "this did not come from a page of the console")
    if site is None and origin is None:
        raise Problem(403, "cross-site", "send the header Origin")


def cookie(text: str, request: Asked, *, age_s: int) -> str:
    """The header of a session's cookie. Browsers keep it from scripts, and from what other sites send."""
    secure = request.url.scheme == "https"
    return (
        f"{SECURE_COOKIE if secure else COOKIE}={text}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict"
        f"{'; Secure' if secure else ''}"
    )


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return next((found[name].value for name in (SECURE_COOKIE, COOKIE) if name in found), "")
