"""Audit records: who did what to the deployment, and when. One JSON object a record of `shoal.audit`.

Users stand in them only as an HMAC: whoever has the secret can find the records about a person, nobody else can.
"""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Literal

import msgspec

from app.events.instants import iso
from app.runtime.kafka.record_batch import Header

TYPE: Final = "shoal.audit.v1"
SUBJECT_CHARACTERS: Final = 32

Deed = Literal[
    "audit.read",
    "backfill.cancel",
    "backfill.fill",
    "definitions.publish",
    "definitions.review",
    "lists.write",
    "snapshot.write",
    "users.export",
    "users.show",
    "users.split",
    "users.merge",
    "users.erase",
    "users.unsuppress",
]
Result = Literal["begun", "done", "failed", "refused"]


class AuditRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One deed, as others read it: see the schema of audit records.

    id: of the deed; its beginning and its end have the same. at: ISO 8601, UTC. actor: name of the key, or of the
    account that ran the command; None if nobody is known. subject: HMAC of the user, None without one or without a
    secret.
    """

    id: str
    at: str
    app: str
    actor: str | None
    way: Literal["http", "command"]
    deed: Deed
    subject: str | None
    result: Result
    reason: str | None
    details: dict[str, str]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AuditRecord).decode


def new_deed_id() -> str:
    """A new id for a deed."""
    return secrets.token_hex(12)


def subject_of(user: str, *, secret: str) -> str | None:
    """A user as audit records name them: the first 128 bits of an HMAC-SHA256, in hexadecimal; None without a secret.

    >>> subject_of("ann", secret="s")
    '3a96c6610ff1bf4eff9272d8f8de96ca'
    >>> subject_of("ann", secret="") is None
    True
    """
    if not secret:  # a hash without a secret can be guessed: ids are mail addresses and numbers
        return None
    return hmac.new(secret.encode(), user.encode(errors="replace"), sha256).hexdigest()[:SUBJECT_CHARACTERS]


def made_record(
    *,
    deed_id: str,
    at_ms: int,
    app: str,
    actor: str | None,
    way: Literal["http", "command"],
    deed: Deed,
    result: Result,
    subject: str | None = None,
    reason: str | None = None,
    details: Mapping[str, str] | None = None,
) -> AuditRecord:
    """A record at an instant."""
    return AuditRecord(
        id=deed_id,
        at=iso(at_ms),
        app=app,
        actor=actor,
        way=way,
        deed=deed,
        subject=subject,
        result=result,
        reason=reason,
        details=dict(details or {}),
    )


def encode_audit(record: AuditRecord) -> bytes:
    """The JSON of a record."""
    return _encode(record)


def decode_audit(value: bytes) -> AuditRecord:
    """The reverse; msgspec.MsgspecError for anything else."""
    return _decode(value)


def audit_headers(record: AuditRecord, source: str) -> list[Header]:
    """CloudEvents 1.0, Kafka binding, binary mode. `source` is a URI reference of the sender."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{record.id}-{record.result}".encode()),
        ("ce_type", TYPE.encode()),
        ("ce_source", source.encode()),
        ("ce_time", record.at.encode()),
        ("content-type", b"application/json"),
    ]
