"""Identity events: what became of each claim of a user on an anonymous id, for warehouses. One JSON object a record."""

from typing import Final

import msgspec

from app.events.instants import iso
from app.runtime.kafka.record_batch import Header
from app.segments.evaluation.batch import Linked

TYPE: Final = "shoal.identity.linked.v1"
MOVES: Final = ("given", "empty")
"""Results after which the id is the user's. After any other it is not, but for refusals, which change nothing."""
REFUSALS: Final = "refused:"


class IdentityEvent(msgspec.Struct, kw_only=True, frozen=True, rename={"source": "from"}):
    """One claim and its result, as others read it: see the schema of identity events. `at`: ISO 8601, UTC."""

    id: str
    source: str
    to: str
    at: str
    why: str
    result: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(IdentityEvent).decode


def encode_identity(linked: Linked) -> bytes:
    """The JSON of one identity event.

    >>> encode_identity(Linked("ab", "a-1", "u-1", 0, "identify", "given"))
    b'{"id":"ab","from":"a-1","to":"u-1","at":"1970-01-01T00:00:00.000Z","why":"identify","result":"given"}'
    """
    at = iso(max(linked.at_ms, 0))
    event = IdentityEvent(id=linked.id, source=linked.source, to=linked.to, at=at, why=linked.why, result=linked.result)
    return _encode(event)


def read_identity(value: bytes) -> IdentityEvent:
    """The identity event of a record; msgspec.DecodeError or UnicodeDecodeError for what is none."""
    return _decode(value)


def identity_headers(linked: Linked, source: str) -> list[Header]:
    """CloudEvents 1.0, Kafka binding, binary mode. `source` is a URI reference of the sender."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{linked.id}-{linked.result}".encode()),
        ("ce_type", TYPE.encode()),
        ("ce_source", source.encode()),
        ("ce_subject", linked.to.encode()),
        ("ce_time", iso(max(linked.at_ms, 0)).encode()),
        ("content-type", b"application/json"),
    ]
