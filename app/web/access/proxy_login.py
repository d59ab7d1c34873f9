"""A login of which a proxy in front says who it is: its headers count only if the proxy sent them itself."""

import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request

from app.errors import UserError
from app.events.visible_text import visible_line
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.access.role_table import role_table
from app.web.access.roles import Role
from app.web.texts import say

PROOF_HEADER: Final = "x-shoal-proxy-secret"
SECRET_CHARACTERS_MIN: Final = 16
NAME_CHARACTERS_MAX: Final = 200
GROUPS_CHARACTERS_MAX: Final = 16_000
FORBIDDEN_HEADERS: Final = frozenset({"x-forwarded-for", "forwarded", "x-real-ip", "cookie", "host", PROOF_HEADER})
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,80}")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose name and roles are known."""

    name: str
    roles: tuple[Role, ...]


class ProxyLogin:
    """Reads who a person is from the headers of a proxy."""

    def __init__(self, settings: Settings) -> None:
        """UserError where anybody could send such headers."""
        self._networks = networks(settings.console_proxies)
        self._secret = settings.console_proxy_secret.encode()
        if len(settings.console_proxy_secret) < SECRET_CHARACTERS_MIN:
            raise UserError(
                f"console_proxy_secret has less than {SECRET_CHARACTERS_MIN} characters",
                hint="set SHOAL_CONSOLE_PROXY_SECRET, and have the proxy send it as X-Shoal-Proxy-Secret",
            )
        self._table = role_table(settings.console_roles)
        self._user = _header_name("console_proxy_user", settings.console_proxy_user)
        self._groups = _header_name("console_proxy_groups", settings.console_proxy_groups)
        self.logout_url = settings.console_logout_url

    def person(self, request: "Request[Any, Any, Any]") -> Person:
        """The person of a request. Problem 401 for one that a proxy did not send, 403 for one without a role."""
        peer = request.client.host if request.client else ""
        secret = _only(request, PROOF_HEADER)
        if not self._is_proxy(peer) or not hmac.compare_digest(secret.encode(errors="replace"), self._secret):
            raise Problem(401, "no-proxy", say("refused_no_proxy"))
        name = _only(request, self._user).strip()
        if not name or len(name) > NAME_CHARACTERS_MAX or visible_line(name) != name:
            raise Problem(401, "no-user", say("refused_no_user"))
        groups = _only(request, self._groups)[:GROUPS_CHARACTERS_MAX].split(",")
        roles = self._table.roles_of([each.strip() for each in groups])
        if not roles:
            raise Problem(403, "no-role", say("refused_no_role"))
        return Person(name, roles)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


def networks(text: str) -> tuple[Network, ...]:
    """The networks of SHOAL_CONSOLE_PROXIES. UserError for none, one that is none, or one that has every address.

    >>> networks("10.1.0.0/16, ::1")
    (IPv4Network('10.1.0.0/16'), IPv6Network('::1/128'))
    """
    found = []
    for each in (part.strip() for part in text.split(",") if part.strip()):
        try:
            network = ipaddress.ip_network(each)
        except ValueError as error:
            raise UserError(
                f"console_proxies: {each[:80]!r} is no network", detail=str(error), hint="as 10.1.0.0/16, or 10.1.2.3"
            ) from None
        if not network.prefixlen:
            raise UserError(f"console_proxies: {each} has every address", hint="name the addresses of the proxy alone")
        found.append(network)
    if not found:
        raise UserError(
            "console_login is proxy, and no proxy is named: anybody could say who they are",
            hint="set SHOAL_CONSOLE_PROXIES to the networks of the proxies; see docs/console.md",
        )
    return tuple(found)


def _header_name(setting: str, text: str) -> str:
    name = text.lower()
    if not _HEADER.fullmatch(text) or name in FORBIDDEN_HEADERS:
        raise UserError(f"{setting}: {text[:80]!r} cannot name a person", hint="as X-Forwarded-User")
    return name


def _only(request: "Request[Any, Any, Any]", name: str) -> str:
    """A header that is there once; with two, one may be the person's own."""
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise Problem(401, "no-proxy", f"the header {name} is there twice: the proxy has to replace what browsers send")
    try:
        return values[0].encode("latin-1").decode() if values else ""
    except UnicodeError:
        raise Problem(401, "no-proxy", f"the header {name} is not UTF-8") from None
