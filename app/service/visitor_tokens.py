"""A visitor's token: it lets one page read one user's segments for a while, and nothing else.

A page cannot hold a read key, since everybody could read it there. So the shop's own server asks for a token with its
key, and puts it into the page. A token is `shoal_user_`, then user, end and signature in base64; nothing is stored.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from app.service.http_problem import Problem

PREFIX: Final = "shoal_user_"
TTL_S_MAX: Final = 7 * 86_400
SECRET_CHARACTERS_MIN: Final = 16
_MAC_BYTES: Final = 32


class Tokens:
    """Makes and checks tokens; all processes of a service share the secret."""

    def __init__(self, secret: str) -> None:
        if secret and len(secret) < SECRET_CHARACTERS_MIN:
            from app.errors import UserError

            raise UserError(
                f"SHOAL_TOKEN_SECRET has less than {SECRET_CHARACTERS_MIN} characters",
                hint="shoal keys new read makes a good one, too",
            )
        self._secret = secret.encode()

    def looks_like_one(self, text: str) -> bool:
        """Whether a bearer is meant to be a token."""
        return text.startswith(PREFIX)

    def make(self, user: str, *, until_s: int) -> str:
        """A token for a user, good until an instant in seconds. Problem 403 without a secret."""
        said = f"{until_s}:{user}".encode()
        return PREFIX + urlsafe_b64encode(self._sign(said) + said).decode().rstrip("=")

    def read(self, token: str, *, now_s: float) -> tuple[str, int]:
        """The user of a token, and until when it is good, in seconds. Problem 401 for one that is over or foreign."""
        wrong = Problem(401, "wrong-token", "this token was not made by this service")
        try:
            packed = token.removeprefix(PREFIX)
            raw = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        except ValueError:
            raise wrong from None
        mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._sign(said)):
            raise wrong
        until, _, user = said.decode().partition(":")
        if now_s >= int(until):
            raise Problem(401, "token-over", "this token is over: ask for a new one")
        return user, int(until)

    def _sign(self, said: bytes) -> bytes:
        if not self._secret:
            raise Problem(403, "tokens-off", "this service makes no tokens: set SHOAL_TOKEN_SECRET")
        return hmac.digest(self._secret, said, sha256)
