"""Sessions of the console: signed cookies. Nothing is stored but which of them have ended before their time."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec

from app.web.access.roles import Role
from app.web.access.signed_text import SignedText

ID_BYTES: Final = 18
ENDED_MAX: Final = 100_000


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Content of a cookie: who logged in, the session's own id, until when it lasts.

    `roles`: those that the login gave, where no file of users has them.
    """

    name: str
    id: str
    until_s: int
    roles: tuple[Role, ...] = ()


class Sessions:
    """Makes and reads sessions. A session is good for as long as the seal of its user stays the same."""

    def __init__(self, secret: str, *, lasting_s: int) -> None:
        self.secret = (secret or secrets.token_urlsafe(32)).encode()
        self.lasting_s = lasting_s
        self._signed = SignedText(self.secret, b"session")
        self._ended: dict[str, int] = {}

    def begin(self, name: str, seal: bytes, *, now_s: float, roles: tuple[Role, ...] = ()) -> tuple[Session, str]:
        """A new session, and the text of its cookie."""
        session = Session(name, secrets.token_urlsafe(ID_BYTES), int(now_s) + self.lasting_s, roles)
        return session, self._signed.made(msgspec.json.encode(session), seal)

    def read(self, cookie: str, seal_of: Callable[[str], bytes | None], *, now_s: float) -> Session | None:
        """The session of a cookie; None for one that was not made here, is over, or was ended.

        `seal_of` the name; None: there is no such user.
        """
        try:
            session = msgspec.json.decode(self._signed.content(cookie) or b"", type=Session)
        except (ValueError, msgspec.DecodeError):
            return None
        seal = seal_of(session.name)
        if seal is None or self._signed.read(cookie, seal) is None:
            return None
        return None if session.until_s <= now_s or session.id in self._ended else session

    def end(self, session: Session, *, now_s: float) -> None:
        """From now on the session's cookie is worth nothing."""
        self._ended = {each: until_s for each, until_s in self._ended.items() if until_s > now_s}
        if len(self._ended) >= ENDED_MAX:  # nobody logs out so often: rather all sessions end than one lives on
            self._signed = SignedText(secrets.token_bytes(32), b"session")
            self._ended = {}
        self._ended[session.id] = session.until_s

    def csrf(self, session: Session | None) -> str:
        """The text that writes of a session must bring in a header; of None: where nobody logs in."""
        name = b"nobody" if session is None else session.id.encode()
        return urlsafe_b64encode(hmac.digest(self.secret, b"csrf\0" + name, sha256)[:24]).decode().rstrip("=")
