"""Sessions of the console: signed cookies. Nothing is stored but which of them have ended before their time."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

import msgspec

from app.web.passwords import ConsoleUser

ID_BYTES: Final = 18
TOKEN_CHARACTERS_MAX: Final = 1_000
ENDED_MAX: Final = 100_000


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Content of a cookie: who logged in, the session's own id, until when it lasts."""

    name: str
    id: str
    until_s: int


class Sessions:
    """Makes and reads sessions. A change of a user's password ends all of theirs."""

    def __init__(self, secret: str, *, lasting_s: int) -> None:
        self._secret = (secret or secrets.token_urlsafe(32)).encode()
        self.lasting_s = lasting_s
        self._ended: dict[str, int] = {}

    def begin(self, user: ConsoleUser, *, now_s: float) -> tuple[Session, str]:
        """A new session, and the text of its cookie."""
        session = Session(user.name, secrets.token_urlsafe(ID_BYTES), int(now_s) + self.lasting_s)
        content = _encode(msgspec.json.encode(session))
        return session, f"{content}.{self._signature(content, user)}"

    def read(self, cookie: str, users: "dict[str, ConsoleUser]", *, now_s: float) -> Session | None:
        """The session of a cookie; None for one that was not made here, is over, or was ended."""
        content, dot, signature = cookie[: TOKEN_CHARACTERS_MAX + 1].partition(".")
        if not dot or len(cookie) > TOKEN_CHARACTERS_MAX:
            return None
        try:
            session = msgspec.json.decode(urlsafe_b64decode(content + "=" * (-len(content) % 4)), type=Session)
        except (ValueError, msgspec.DecodeError):
            return None
        user = users.get(session.name)
        if user is None or not hmac.compare_digest(signature.encode(), self._signature(content, user).encode()):
            return None
        return None if session.until_s <= now_s or session.id in self._ended else session

    def end(self, session: Session, *, now_s: float) -> None:
        """From now on the session's cookie is worth nothing."""
        self._ended = {each: until_s for each, until_s in self._ended.items() if until_s > now_s}
        if len(self._ended) >= ENDED_MAX:  # nobody logs out so often: rather all sessions end than one lives on
            self._secret = secrets.token_bytes(32)
            self._ended = {}
        self._ended[session.id] = session.until_s

    def csrf(self, session: Session | None) -> str:
        """The text that writes of a session must bring in a header; of None: where nobody logs in."""
        name = b"nobody" if session is None else session.id.encode()
        return _encode(hmac.digest(self._secret, b"csrf\0" + name, sha256)[:24])

    def _signature(self, content: str, user: ConsoleUser) -> str:
        signed = b"\0".join((b"session", content.encode(), user.password.hash))
        return _encode(hmac.digest(self._secret, signed, sha256))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
