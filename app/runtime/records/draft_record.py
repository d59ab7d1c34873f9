"""Records of the console's drafts: the newest of each id is the draft. One JSON object a record of `shoal.drafts`."""

import secrets
from typing import Final

import msgspec

DRAFT_BYTES_MAX: Final = 256 << 10
DRAFTS_MAX: Final = 1_000


class DraftRecord(msgspec.Struct, kw_only=True, frozen=True):
    """A text of a definition that is not published. `revision`: 1, 2, ... `name`: of the definition that it replaces;
    empty: it is new. `base`: the publication that its author has seen. `by`: who began it. `deleted_ms`: 0 for one that
    is there."""

    id: str
    revision: int
    name: str
    text: str
    base: str
    by: str
    begun_ms: int
    changed_by: str
    changed_ms: int
    deleted_ms: int = 0


encode_draft = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DraftRecord).decode


def new_draft_id() -> str:
    """A new id of a draft."""
    return secrets.token_hex(8)


def take_draft(drafts: dict[str, DraftRecord], key: bytes | None, value: bytes | None) -> None:
    """One record of the topic, in its order. What is no draft is passed over.

    >>> drafts = {}
    >>> take_draft(drafts, b"a", b"no draft")
    >>> drafts
    {}
    """
    if key is None:
        return
    if value is None:
        drafts.pop(key.decode(errors="replace"), None)
        return
    try:
        record = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    if record.id.encode() == key:
        drafts[record.id] = record
