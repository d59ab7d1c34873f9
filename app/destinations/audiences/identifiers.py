"""Identifiers of people as ad services want them: normalised, then SHA-256 in hexadecimal. Pure.

An identifier is one text, `email:<hash>`, `phone:<hash>` or `user:<id>`. The plain address is in no other place.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

IdentifierKind = Literal["email", "phone", "user"]
IDENTIFIER_KINDS: Final[tuple[IdentifierKind, ...]] = ("email", "phone", "user")
GMAIL: Final = ("gmail.com", "googlemail.com")
_PHONE_NOISE: Final = re.compile(r"[\s().\-/\u00a0]+")
_COUNTRY: Final = re.compile(r"[1-9][0-9]{0,2}")
PHONE_DIGITS: Final = range(7, 16)
"""Digits of a number with its country code (E.164: at most 15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """Normal forms that a service asks for before an identifier is hashed.

    gmail: dots and `+suffix` of Gmail addresses are left out. plus: a phone number begins with +. country: country code
    of numbers that have none, digits. hashed: False: the normal form itself is the identifier.
    """

    gmail: bool = False
    plus: bool = False
    country: str = ""
    hashed: bool = True


def identifier(kind: IdentifierKind, value: Any, normal: Normal) -> str | None:
    """The identifier of a value; None for a value that is none.

    >>> identifier("email", " Ann@X.example", Normal(hashed=False))
    'email:ann@x.example'
    """
    if kind == "user":
        return f"user:{value}" if isinstance(value, str) and value else None
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    found = normal_email(str(value), gmail=normal.gmail) if kind == "email" else normal_phone(str(value), normal)
    if found is None:
        return None
    return f"{kind}:{hashlib.sha256(found.encode()).hexdigest() if normal.hashed else found}"


def normal_email(text: str, *, gmail: bool) -> str | None:
    """A mail address in small letters and without white space; None for a text that is none.

    >>> normal_email("Cloudy.SanFrancisco+shop@GMAIL.com ", gmail=True)
    'cloudysanfrancisco@gmail.com'
    """
    found = "".join(text.split()).lower()
    name, at, host = found.rpartition("@")
    if not at or not name or "@" in name or "." not in host.strip("."):
        return None
    if gmail and host in GMAIL:
        name = name.partition("+")[0].replace(".", "")
    return f"{name}@{host}" if name else None


def normal_phone(text: str, normal: Normal) -> str | None:
    """A phone number as digits with its country code, with a + if the service wants it; None for a text that is none.

    >>> normal_phone("0171 / 555-0100", Normal(country="49", plus=True))
    '+491715550100'
    """
    bare = _PHONE_NOISE.sub("", text)
    if bare.startswith("+"):
        digits = bare[1:]
    elif bare.startswith("00"):
        digits = bare[2:]
    elif normal.country and bare.startswith("0"):
        digits = normal.country + bare[1:]
    else:
        digits = normal.country + bare
    if not digits.isascii() or not digits.isdigit() or digits.startswith("0") or len(digits) not in PHONE_DIGITS:
        return None
    return f"+{digits}" if normal.plus else digits


def is_country(text: str) -> bool:
    """True for a country code such as 49."""
    return bool(_COUNTRY.fullmatch(text))
