"""Erasure events: that a person is to be erased, and which of their keys are, for other systems that have data of them.

They name the keys, the instants and the segments that were left: what a system needs to delete its own records of the
person. Nothing else of the person is in them. One JSON object a record.
"""

from typing import Final

import msgspec

from app.events.instants import iso
from app.runtime.kafka.record_batch import Header
from app.segments.evaluation.batch import ErasureStep

TYPE: Final = "shoal.user.erased.v1"


class ErasureEvent(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One step, as others read it: see the schema of erasure events. `at`, `until`: ISO 8601, UTC."""

    id: str
    user: str
    at: str
    result: str
    key: str | None = None
    keys: tuple[str, ...] = ()
    until: str | None = None
    left: tuple[str, ...] = ()
    suppressed: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ErasureEvent).decode


def encode_erasure(step: ErasureStep) -> bytes:
    """The JSON of one step.

    >>> encode_erasure(ErasureStep(id="ab", user="u-1", at_ms=0, result="finished", keys=("u-1", "a-1")))
    b'{"id":"ab","user":"u-1","at":"1970-01-01T00:00:00.000Z","result":"finished","keys":["u-1","a-1"]}'
    """
    event = ErasureEvent(
        id=step.id,
        user=step.user,
        at=iso(max(step.at_ms, 0)),
        result=step.result,
        key=step.key,
        keys=step.keys,
        until=None if step.until_ms is None else iso(max(step.until_ms, 0)),
        left=step.left,
        suppressed=step.suppressed,
    )
    return _encode(event)


def read_erasure(value: bytes) -> ErasureEvent:
    """The step of a record; msgspec.DecodeError or UnicodeDecodeError for what is none."""
    return _decode(value)


def erasure_headers(step: ErasureStep, source: str) -> list[Header]:
    """CloudEvents 1.0, Kafka binding, binary mode. `source` is a URI reference of the sender."""
    name = f"{step.id}-{step.result}" if step.key is None else f"{step.id}-{step.result}-{step.key}"
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", name.encode()),
        ("ce_type", TYPE.encode()),
        ("ce_source", source.encode()),
        ("ce_subject", step.user.encode()),
        ("ce_time", iso(max(step.at_ms, 0)).encode()),
        ("content-type", b"application/json"),
    ]
