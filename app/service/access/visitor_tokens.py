"""A visitor's token: it lets one page read one user's segments for a while, and nothing else.

A page cannot hold a read key, since everybody could read it there. So the shop's own server asks for a token with its
key, and puts it into the page. A token is `shoal_user_` and a JSON Web Token (HS256) that names its key; nothing is
stored. One for an anonymous id follows it: after a login it lets the page read what the user is in. Of several keys the
first signs, and all are believed: so a key can be replaced while tokens of it are about.
"""

import hmac
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import jwt

from app.errors import UserError
from app.service.http.http_problem import Problem

PREFIX: Final = "shoal_user_"
TTL_S_MAX: Final = 7 * 86_400
SECRET_CHARACTERS_MIN: Final = 16
ALGORITHM: Final = "HS256"
AUDIENCE: Final = "shoal-user"
#: The id of the key in `SHOAL_TOKEN_SECRET`, which has none.
MAIN: Final = "main"
#: The claim of a token that follows its key.
FOLLOWS: Final = "follow"
_MAC_BYTES: Final = 32


def token_secrets(secret: str, secrets: str) -> dict[str, str]:
    """Key id -> secret, the one that signs first: those of `SHOAL_TOKEN_SECRETS`, then that of `SHOAL_TOKEN_SECRET`.

    UserError for what is no list of `id:secret`; it is never repeated.
    """
    found: dict[str, str] = {}
    for number, part in enumerate(secrets.split(","), 1):
        if not part.strip():
            continue
        name, colon, text = (piece.strip() for piece in part.partition(":"))
        if not colon or not name or name in found or name == MAIN:
            raise UserError(
                f"entry {number} of SHOAL_TOKEN_SECRETS is not id:secret, or repeats an id",
                hint="for example 2026-02:SECRET,2026-01:SECRET; the first signs",
            )
        found[name] = text
    if secret:
        found[MAIN] = secret
    if short := [name for name, text in found.items() if len(text) < SECRET_CHARACTERS_MIN]:
        where = "SHOAL_TOKEN_SECRET" if short == [MAIN] else f"the secret {short[0]} of SHOAL_TOKEN_SECRETS"
        raise UserError(
            f"{where} has less than {SECRET_CHARACTERS_MIN} characters",
            hint="shoal keys new read also makes a suitable one",
        )
    return found


@dataclass(frozen=True, slots=True)
class VisitorToken:
    """The content of a token: its key, until when it is good, in seconds, and whether it follows the key after a login.

    That is for the one who makes the token to say: any visitor can claim to be any user, by an event with both ids.
    """

    user: str
    until_s: int
    follows: bool


class Tokens:
    """Makes and checks tokens; all processes of a service share the secrets."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """`secrets`: as `token_secrets` gives them; empty: there are no tokens."""
        # Keys of the size that HS256 needs, whatever the length of the secret.
        self._keys = {name: sha256(secret.encode()).digest() for name, secret in secrets.items()}
        self._signing = next(iter(self._keys), None)
        self._earlier = secrets.get(MAIN, "").encode()

    def looks_like_one(self, text: str) -> bool:
        """True if a bearer is meant to be a token."""
        return text.startswith(PREFIX)

    def make(self, user: str, *, until_s: int, follows: bool = False) -> str:
        """A token for a user, good until an instant in seconds. Problem 403 without a secret."""
        if self._signing is None:
            raise _off()
        claims = {"sub": user, "exp": until_s, "aud": AUDIENCE, FOLLOWS: follows}
        key = self._keys[self._signing]
        return PREFIX + jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": self._signing})

    def read(self, token: str, *, now_s: float) -> VisitorToken:
        """Returns the content of a token. Problem 401 for one that is over or foreign."""
        if self._signing is None:
            raise _off()
        packed = token.removeprefix(PREFIX)
        found = self._read_jwt(packed) if "." in packed else self._read_earlier(packed)
        if now_s >= found.until_s:
            raise Problem(401, "token-over", "this token has expired: request a new one")
        return found

    def _read_jwt(self, packed: str) -> VisitorToken:
        try:
            key = self._keys.get(jwt.get_unverified_header(packed).get("kid", ""))
            if key is None:
                raise _wrong()
            claims = jwt.decode(
                packed,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "exp", "aud"], "verify_exp": False},  # `read` knows what time it is
            )
            return VisitorToken(claims["sub"], int(claims["exp"]), follows=claims.get(FOLLOWS) is True)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise _wrong() from None

    def _read_earlier(self, packed: str) -> VisitorToken:
        """One of an earlier version: signature, end and user in base64. They last for a week at most."""
        try:
            raw = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        except ValueError:
            raise _wrong() from None
        mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not self._earlier or not hmac.compare_digest(mac, hmac.digest(self._earlier, said, sha256)):
            raise _wrong()
        until, _, user = said.decode().partition(":")
        return VisitorToken(user, int(until), follows=False)


def _wrong() -> Problem:
    return Problem(401, "wrong-token", "this token was not made by this service")


def _off() -> Problem:
    return Problem(403, "tokens-off", "this service makes no tokens: set SHOAL_TOKEN_SECRET")
