"""Access keys for writing events and for reading. Only their hashes are kept; a comparison takes constant time.

A key has 256 random bits, so its plain SHA-256 cannot be turned back; there is nothing to guess.
"""

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from app.errors import UserError
from app.service.http.http_problem import Problem

KEY_BYTES: Final = 32
KEY_CHARACTERS_MAX: Final = 200
Use = Literal["write", "forward", "read", "admin"]

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
_WHERE: Final[dict[Use, str]] = {
    "write": "by HTTP Basic as the user name, or as writeKey in the body",
    "forward": "by HTTP Basic as the user name, as writeKey in the query, or in X-Amz-Firehose-Access-Key",
}
_HINT: Final = "one a line or separated by commas, each name:hash or hash; shoal keys new makes one"


def new_key(use: Use) -> str:
    """A new key; its beginning says what it is for."""
    return f"shoal_{use}_{secrets.token_urlsafe(KEY_BYTES)}"


def hash_of(key: str) -> str:
    """Returns the stored form of a key: SHA-256 in hexadecimal.

    >>> hash_of("abc")[:16]
    'ba7816bf8f01cfea'
    """
    return sha256(key.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """The keys of one use. `hashes`: name -> hash. Its text shows how many, never which."""

    use: Use
    hashes: Mapping[str, str]

    def __repr__(self) -> str:
        return f"AccessKeys({self.use}: {len(self.hashes)})"

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def name_of(self, key: str | None) -> str:
        """The name of a key that is given; Problem 401 that says why it is none, 403 if none is set up."""
        variable = f"SHOAL_{self.use.upper()}_KEYS"
        if not self.hashes:
            raise Problem(
                403,
                f"{self.use}-off",
                f"this service has no {self.use} key: shoal keys new {self.use} makes one for {variable}",
            )
        if not key:
            where = _WHERE.get(self.use, "as Authorization: Bearer KEY")
            raise Problem(401, "no-key", f"send the {self.use} key {where}", headers={"WWW-Authenticate": "Bearer"})
        found = self.find(key)
        if found is None:
            foreign = key.startswith("shoal_") and not key.startswith(f"shoal_{self.use}_")
            other = "; it is one for something else" if foreign else ""
            raise Problem(401, "wrong-key", f"this is no {self.use} key of this service{other}")
        return found

    def find(self, key: str) -> str | None:
        """The name of a key; None for one that is not of these."""
        given = hash_of(key[: KEY_CHARACTERS_MAX + 1])
        found = None
        for name, known in self.hashes.items():  # all of them, so that the time reveals nothing
            if hmac.compare_digest(given, known):
                found = name
        return found


def load_keys(use: Use, *, hashes: str, file: str) -> AccessKeys:
    """The keys of a setting and of a file, together. UserError for what is no hash; it is never repeated."""
    texts = [(hashes, f"SHOAL_{use.upper()}_KEYS")] if hashes else []
    if file:
        try:
            texts.append((Path(file).read_text(encoding="utf-8"), file))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the file of {use} keys, {file}, cannot be read: {error}", hint=_HINT) from None
    found: dict[str, str] = {}
    for text, where in texts:
        for name, known in _entries(text, where):
            if name in found:
                raise UserError(f"{where} has two keys named {name}", hint="give each key its own name")
            found[name] = known
    return AccessKeys(use, found)


def _entries(text: str, where: str) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(re.split(r"[,\n]", text), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        name, colon, known = entry.rpartition(":")
        known = known.strip().lower()
        name = name.strip() if colon else known[:8]
        if not _HASH.fullmatch(known):
            raise UserError(f"entry {number} of {where} is not a SHA-256 hash in hexadecimal", hint=_HINT)
        if not _NAME.fullmatch(name):
            raise UserError(f"the name of entry {number} of {where} may contain only letters, digits and ._-")
        yield name, known
