"""Records of the console's drafts: the newest of each id is the draft. One JSON object a record of `shoal.drafts`."""

import secrets
from typing import Final, Literal

import msgspec

DRAFT_BYTES_MAX: Final = 256 << 10
DRAFTS_MAX: Final = 1_000
DraftDeed = Literal["publish", "removal", "rename", "rollback"]


class ReviewRecord(msgspec.Struct, kw_only=True, frozen=True):
    """The review of a draft as it is: an edit ends it. `message`: what is asked for, and why. `comment`: what was said
    with the decision. `publication`: the number under which it was published; 0: it was not."""

    state: Literal["asked", "approved", "returned", "published"]
    asked_by: str
    asked_ms: int
    message: str
    decided_by: str = ""
    decided_ms: int = 0
    comment: str = ""
    publication: int = 0


class DraftRecord(msgspec.Struct, kw_only=True, frozen=True):
    """A text of a definition that is not published. `revision`: 1, 2, ... `name`: of the definition that it replaces;
    empty: it is new. `base`: the publication that its author has seen. `by`: who began it. `changed_by`: who changed,
    deleted or brought it back last; `written_by`: whose words it has; empty: as `changed_by`. `deleted_ms`: 0 for one
    that is there. `deed`: a removal has a name and no text; a rename has the new name in `to`, too; a rollback has the
    earlier publication there."""

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
    written_by: str = ""
    deed: DraftDeed = "publish"
    to: str = ""
    review: ReviewRecord | None = None

    @property
    def writers(self) -> frozenset[str]:
        """The people who may not approve it: its author, and whoever wrote in it last."""
        return frozenset({self.by, self.written_by or self.changed_by})


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
