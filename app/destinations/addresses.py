"""Which addresses may be asked: public ones, unless others are allowed.

What counts is the address that is connected to, whatever name led there: names are resolved here, and a name with any
address that is not public is refused. Redirects are never followed.
"""

import ipaddress
import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class ForbiddenAddressError(OSError):
    """A name leads to an address that may not be asked."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet; also what is wrapped in an IPv6 address counts.

    >>> [is_public(each) for each in ("1.1.1.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False, False]
    """
    found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1] or _translated(found)
        if inner is not None and not is_public(str(inner)):
            return False
        if inner is not None and found.ipv4_mapped:
            return True
    return found.is_global and not found.is_multicast and not found.is_reserved


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address behind NAT64 (64:ff9b::/96), or one written in the old way (::a.b.c.d)."""
    number = int(address)
    if number >> 32 in (0x0064FF9B0000000000000000, 0) and number > 1:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return None


def is_forbidden_host(host: str) -> bool:
    """Whether a host, as it is written, is known not to be public; of a name nothing is known yet.

    >>> [is_forbidden_host(each) for each in ("localhost", "0x7f.1", "[::1]", "shop.example")]
    [True, True, True, False]
    """
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(bare)
    except ValueError:
        pass
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(bare)))  # 127.1, 0x7f000001: systems read these too
    except (OSError, UnicodeError):
        return False


class PublicResolver(AbstractResolver):
    """Resolves names; ForbiddenAddressError for one that has any address that is not public."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See above."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            if not is_public(each["host"]):
                raise ForbiddenAddressError(f"{host} leads to an address that is not public")
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._resolver.close()


def connector_options(*, private: bool) -> dict[str, Any]:
    """Arguments of aiohttp's connector."""
    return {"ttl_dns_cache": 60} if private else {"ttl_dns_cache": 60, "resolver": PublicResolver()}
