"""Content of cookies that only the console can have made."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

CHARACTERS_MAX: Final = 2_000


class SignedText:
    """Signs content, and reads what it has signed. `use`: what is signed for another use is worth nothing here."""

    def __init__(self, secret: bytes, use: bytes) -> None:
        self._secret = secret
        self._use = use

    def made(self, content: bytes, seal: bytes = b"") -> str:
        """The text of some content. `seal`: what else must be the same when it is read."""
        text = _encode(content)
        return f"{text}.{self._signature(text, seal)}"

    def content(self, text: str) -> bytes | None:
        """The content of a text, not yet checked; None for what is no such text."""
        packed, dot, _ = text[: CHARACTERS_MAX + 1].partition(".")
        if not dot or len(text) > CHARACTERS_MAX:
            return None
        try:
            return urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        except ValueError:
            return None

    def read(self, text: str, seal: bytes = b"") -> bytes | None:
        """The content of a text that was made here; None for any other."""
        content = self.content(text)
        packed, _, signature = text.partition(".")
        fits = hmac.compare_digest(signature.encode(errors="replace"), self._signature(packed, seal).encode())
        return content if content is not None and fits else None

    def _signature(self, packed: str, seal: bytes) -> str:
        signed = b"\0".join((self._use, packed.encode(errors="replace"), seal))
        return _encode(hmac.digest(self._secret, signed, sha256))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
