"""Access to the service: the keys that requests bring, and their rates."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import UserError
from app.service.access.access_keys import AccessKeys, load_keys
from app.service.access.throttle import Throttle
from app.service.access.visitor_tokens import Tokens, token_secrets
from app.service.http.http_problem import Problem
from app.service.incoming.event_batch import key_of_basic
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Writer:
    """A sender of events, by the name of the key. `forwards`: the key is one for events that were received before."""

    name: str
    forwards: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader. `user`: the key that may be read (None: all of them); `until_s`: until when in seconds (None: no end).

    is_visitor: a token lets them read; they are told no other key of the person. follows: after a login, they read
    what the user is in whom the key has moved to.
    """

    user: str | None
    until_s: float | None
    is_visitor: bool
    follows: bool


class Access:
    """Decides whether a request may write or read. Every refusal is a Problem that says why."""

    def __init__(self, settings: Settings) -> None:
        """UserError for keys that cannot be used."""
        self.write_keys: AccessKeys = load_keys("write", hashes=settings.write_keys, file=settings.write_keys_file)
        self.read_keys: AccessKeys = load_keys("read", hashes=settings.read_keys, file=settings.read_keys_file)
        self.admin_keys: AccessKeys = load_keys("admin", hashes=settings.admin_keys, file=settings.admin_keys_file)
        self._forward_keys = load_keys("forward", hashes=settings.forward_keys, file=settings.forward_keys_file)
        if both := self.write_keys.hashes.keys() & self._forward_keys.hashes.keys():
            raise UserError(
                f"a write key and a forward key have the same name, {min(both)}", hint="give each key its own name"
            )
        self.tokens = Tokens(token_secrets(settings.token_secret, settings.token_secrets))
        self._throttle = Throttle(settings.collect_rate)
        self._ids = settings.incoming_ids

    @property
    def reading(self) -> bool:
        """True if anybody may read at all."""
        return bool(self.read_keys)

    def may_write(self, key: str | None) -> Writer:
        """Returns the sender with a key, if they may send now. Problem 401, 403 or 429."""
        forwarder = self._forward_keys.find(key) if key else None
        return self._unless_too_many(Writer(forwarder or self.write_keys.name_of(key), forwarder is not None))

    def may_push(self, key: str | None) -> Writer:
        """Returns the sender with a forward key, if they may send now. Problem 401, 403 or 429.

        A write key, which may be public, is not enough: what is pushed and cannot be used is kept as a dead letter.
        """
        return self._unless_too_many(Writer(self._forward_keys.name_of(key), forwards=True))

    def _unless_too_many(self, writer: Writer) -> Writer:
        wait_s = self._throttle.wait_s(writer.name, now_s=time.monotonic())
        if wait_s:
            raise Problem(
                429, "rate", f"this key sends too many events: send again in {wait_s} s", retry_after_s=wait_s
            )
        return writer

    def wrote(self, name: str, events: int) -> None:
        """A key has sent so many events, taken or not."""
        self._throttle.take(name, events, now_s=time.monotonic())

    def may_read(self, headers: Mapping[str, str]) -> str:
        """The name of a read key. Problem 401 or 403."""
        return self.read_keys.name_of(_read_key(headers))

    def may_administer(self, headers: Mapping[str, str]) -> str:
        """The name of an admin key. Problem 401 or 403. A deed without it is audited: see `Audit`."""
        return self.admin_keys.name_of(_read_key(headers))

    def may_follow(self, headers: Mapping[str, str], token: str | None, user: str | None) -> Reader:
        """Returns who reads: with a read key about any user, with a token about its own. Problem 401 or 403."""
        bearer = _read_key(headers)
        if token is None and bearer is not None and self.tokens.looks_like_one(bearer):
            token = bearer
        if token is None:
            self.read_keys.name_of(bearer)
            return Reader(None if user is None else self._ids.key_of(user), None, is_visitor=False, follows=True)
        own = self.tokens.read(token, now_s=time.time())
        key = self._ids.key_of(own.user)
        if user is not None and self._ids.key_of(user) != key:
            raise Problem(403, "other-user", "this token is for another user")
        return Reader(key, own.until_s, is_visitor=True, follows=own.follows)


def _read_key(headers: Mapping[str, str]) -> str | None:
    authorization = headers.get("authorization")
    scheme, _, rest = (authorization or "").partition(" ")
    return (rest.strip() or None) if scheme.lower() == "bearer" else key_of_basic(authorization)
