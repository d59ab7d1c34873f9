"""Control records: what an administrator decides about keys of a person, in the clickstream, beside the events.

A command writes them in one transaction, one for each key; a worker reads each in the order of the log. See
docs/identity.md, "The protocol".

merge    the key `from` moves to the user `to`, whatever it is
replace  the key `from` is the user's no more: the user's profile is replaced by one without what came from the key, and
         what came from the key goes back to it
erase    nothing is remembered of the key `from`, which belongs to the user `to`, or is that user
unsuppress  events of the key `from`, which are dropped since an erasure, are taken again
filling  a backfill begins: of a partition, not of a key
fill     what the key `from` remembers of the backfill's aggregates is replaced by what history says
filled   the backfill has filled everybody in the partition
census   the users of the partition are counted, as they are at this place
publish  other numbers of all users take effect
"""

from typing import Final, Literal

import msgspec

from app.events.message import MessageError

CONTROL_MARK: Final = b'{"type":"control"'
"""Beginning of every control record."""

Deed = Literal["merge", "replace", "erase", "unsuppress", "filling", "fill", "filled", "census", "publish"]
ONE_KEY: Final = ("erase", "unsuppress", "fill")
"""Deeds that are about the key `from` alone; other records are for either key."""
OF_PARTITION: Final = ("filling", "filled", "census", "publish")
"""Deeds that are about a whole partition: their records have no key, and `from` and `to` are empty."""


class Control(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    omit_defaults=True,
    rename={"source": "from"},
    tag_field="type",
    tag="control",
):
    """One control record. It is for the key of its record: `source` or `to`; of an erase or unsuppress `source`.

    app: the `app_id` of the workers that it is for; others pass it over.
    id: names the decision, the same in both records of it.
    source, to: the key that moves or is taken back, and the user; `n`: number of the claim or census that this is,
        higher than those before.
    at_ms: the instant of the decision, milliseconds since the epoch.
    version: of a replace, and of a backfill, the version of the catalog that `profile` was computed under.
    suppress: of an erase, all later events of the key are dropped, too.
    user: of an erase, the user whom it is about; empty: `to`.
    keys: of an erase, in the record of that user: all keys that it is about, the user first.
    profile: of a replace, the encoded profile for the key of the record; empty: nothing is left, or goes back. Of a
        fill, what history says of the key.
    aggregates, segments, parts: of filling, the aggregates that are filled, each with the instant since which its
        history is known; the segments; and which of `cart` and `visit`.
    numbers: of publish, the numbers by their names; None: there is none any more.
    """

    deed: Deed
    app: str
    id: str
    source: str
    to: str
    n: int
    at_ms: int
    suppress: bool = False
    user: str = ""
    keys: tuple[str, ...] = ()
    version: str = ""
    profile: bytes = b""
    aggregates: dict[int, int] = {}
    segments: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    numbers: dict[str, int | float | None] = {}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Control).decode


def write_control(control: Control) -> bytes:
    """The value of a control record: the same bytes for the same decision.

    >>> write_control(Control(deed="merge", app="shop", id="ab", source="u-2", to="u-1", n=2, at_ms=5))
    b'{"type":"control","deed":"merge","app":"shop","id":"ab","from":"u-2","to":"u-1","n":2,"at_ms":5}'
    """
    return _encode(control)


def read_control(value: bytes) -> Control:
    """The reverse. MessageError for a value that is no control record."""
    try:
        control = _decode(value)
    except msgspec.DecodeError as error:
        raise MessageError("invalid-control", f"not a control record: {error}") from None
    if control.source == control.to and control.deed not in (*ONE_KEY, *OF_PARTITION):
        raise MessageError("invalid-control", f"from and to are both {control.to!r:.80}")
    return control
