"""Address rules of destinations: only public ones may be connected to, unless the setting allows others.

The address that counts is the one a socket is connected to. So it is checked three times:

- when a file is loaded, as the HTTP client reads the host (`host_of`): a mistake is reported before anything is sent;
- when a name is resolved: a name with any address that is not public is refused;
- when a socket is made: the last word, which no spelling of a host and no name server gets around.

Redirects are never followed.
"""

import ipaddress
import socket
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out for the public internet."""
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses behind a translator; 64:ff9b:1::/48 is for translators inside of a network."""
# Some versions of Python treat these as public.
SPECIAL: Final = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
NAME_LENGTH_MAX: Final = 253
LABEL_LENGTH_MAX: Final = 63
LOCAL_NAMES: Final = (".localhost", ".local", ".internal")


class ForbiddenAddressError(OSError):
    """A request would be connected to an address that is not public."""


def is_public(address: str) -> bool:
    """True if an IP address belongs to the public internet. An IPv4 address inside of an IPv6 one counts, too.

    >>> [is_public(each) for each in ("1.1.1.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False, False]
    """
    found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped
        if inner is None and found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if found not in GLOBAL_UNICAST:
            return False
    if any(found in network for network in SPECIAL if network.version == found.version):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def host_of(url: str) -> str:
    """The host that the HTTP client connects to for a URL: in ASCII, small letters, without a dot at the end.

    Raises ValueError for a URL without a host, or with one that cannot be connected to.

    >>> [host_of(each) for each in ("https://\uff11\uff12\uff17.0.0.1/in", "https://127\u30020\u30020\u30021")]
    ['127.0.0.1', '127.0.0.1']
    """
    host = URL(url).raw_host
    if not host:
        raise ValueError("the host is missing")
    bare = host.lower().rstrip(".")
    if not bare or not bare.isascii() or (":" not in bare and not _is_name(bare)):
        raise ValueError(f"{host} is not a host name")
    return bare


def _is_name(host: str) -> bool:
    """True for names that a name server can be asked for."""
    labels = host.split(".")
    if len(host) > NAME_LENGTH_MAX or not all(0 < len(label) <= LABEL_LENGTH_MAX for label in labels):
        return False
    return all(letter.isalnum() or letter in "-_" for label in labels for letter in label)


def is_forbidden_host(host: str) -> bool:
    """True if a host (of `host_of`) is known not to be public. The addresses of a name are not known yet.

    >>> [is_forbidden_host(each) for each in ("localhost", "0x7f.1", "::1", "shop.example")]
    [True, True, True, False]
    """
    if host == "localhost" or host.endswith(LOCAL_NAMES):
        return True
    try:
        return not is_public(host)
    except ValueError:
        pass
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))  # 127.1, 0x7f000001: systems read these too
    except (OSError, UnicodeError):
        return False


class PublicResolver(AbstractResolver):
    """Resolves names; ForbiddenAddressError for one that has any address that is not public."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises ForbiddenAddressError."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            if not is_public(each["host"]):
                raise ForbiddenAddressError(f"{host} resolves to an address that is not public")
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._resolver.close()


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that is about to be connected to. Raises ForbiddenAddressError."""
    family, kind, protocol, _, where = address
    if not is_public(where[0]):
        raise ForbiddenAddressError(f"{where[0]} is not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)


def connector_options(*, private: bool) -> dict[str, Any]:
    """Arguments of aiohttp's connector."""
    options: dict[str, Any] = {"ttl_dns_cache": 60}
    return options if private else options | {"resolver": PublicResolver(), "socket_factory": public_socket}
