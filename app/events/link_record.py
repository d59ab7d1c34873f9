"""Link records: messages of one key of a person to another, in the clickstream, beside the events.

A worker writes them into the partition of the key that they are for, in the transaction of the batch that brings them
about, and reads them in the order of the log. See docs/identity.md, "The protocol".

ask      to an anonymous id: a user claims it
give     to a user: all that an anonymous id remembers, once
forward  to a user: an event of an anonymous id that has moved to them
refuse   to a user: the id does not move
lost     to a user: the id has moved to another user since
release  to an anonymous id: its user has logged out
erase    to an anonymous id: its user was erased
finish   to each key of an erased person in turn, and back to the user: each has passed its own erasure
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal

import msgspec

from app.events.message import MessageError

LINK_BYTES_MAX: Final = 1_040 * 1024
"""Of one record. The largest profile that definitions can produce must fit, as base64."""
LINK_MARK: Final = b'{"type":"link"'
"""Beginning of every link record."""
SUPPRESS: Final = "suppress"

Step = Literal["ask", "give", "forward", "refuse", "lost", "release", "erase", "finish"]
Why = Literal["identify", "alias", "seen", "force"]


class Link(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    omit_defaults=True,
    rename={"source": "from"},
    tag_field="type",
    tag="link",
):
    """One link record. Times are milliseconds since the epoch.

    app: the `app_id` of the workers that wrote it; others pass it over.
    id: names the claim, the same in all records of it; of an erase and a finish, the erasure.
    source, to: the anonymous id and the user; `n`: number of the claim, which grows with each claim of that user. Of a
        finish: the user who was erased, the key whose turn it is, and the place of that in `path`.
    at_ms: of the event that made the claim, the move or the release; of the erasure.
    why: of an ask, what made the claim; of a refuse, the reason; of what comes back to a split key, the user; of an
        erase, SUPPRESS if later events are dropped.
    asker: of a give, the user who asked; another than `to` where that user has moved since. Of an erase, the user whom
        the erasure is about.
    path: the keys that a give or forward has passed; of a finish, the keys of the person but for the user.
    now_ms, profile: of a give: the latest instant of the id, by events or timers, and its encoded profile.
    event, record_ms: of a forward: the value of the event's record, and that record's timestamp, -1 for none.
    """

    step: Step
    app: str
    id: str
    source: str
    to: str
    n: int = 0
    at_ms: int = -1
    why: str = ""
    asker: str = ""
    path: tuple[str, ...] = ()
    now_ms: int = -1
    profile: bytes = b""
    event: str = ""
    record_ms: int = -1

    @property
    def key(self) -> str:
        """The key that the record is for."""
        return self.source if self.step in ("ask", "release", "erase") else self.to


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Link).decode


def write_link(link: Link) -> bytes:
    """The value of a link record: the same bytes for the same link.

    >>> write_link(Link(step="release", app="shop", id="ab", source="a-1", to="u-1", n=2))
    b'{"type":"link","step":"release","app":"shop","id":"ab","from":"a-1","to":"u-1","n":2}'
    """
    return _encode(link)


def read_link(value: bytes) -> Link:
    """The reverse. MessageError for a value that is no link record."""
    try:
        return _decode(value)
    except msgspec.DecodeError as error:
        raise MessageError("invalid-link", f"not a link record: {error}") from None


@lru_cache(maxsize=1024)  # a claim is named at each step that it takes
def link_id(app: str, source: str, asker: str, n: int) -> str:
    """24 characters that name a claim.

    >>> link_id("shop", "a-1", "u-1", 1)
    'fb16e455d2c24671ddad54f0'
    """
    text = "\x00".join((app, source, asker, str(n)))
    return blake2b(text.encode(errors="replace"), digest_size=12).hexdigest()
