"""Records of Kinesis that the Kinesis Producer Library has put together into one. Pure.

The format: four bytes, a protobuf message AggregatedRecord, and the MD5 of that message. See the document
"KPL Aggregated Record Format" in github.com/awslabs/amazon-kinesis-producer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from typing import Final

MAGIC: Final = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES: Final = 16
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class UserRecord:
    """One record as its producer wrote it. `hash_key`: decides the shard that it belongs to."""

    key: str
    hash_key: int
    data: bytes


def hash_key_of(partition_key: str) -> int:
    """The number by which Kinesis chooses the shard of a partition key."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def records_of(data: bytes) -> list[UserRecord] | None:
    """Returns the records inside; None if the data is one plain record."""
    message = data[len(MAGIC) : -DIGEST_BYTES]
    if not data.startswith(MAGIC) or md5(message, usedforsecurity=False).digest() != data[-DIGEST_BYTES:]:
        return None
    keys: list[str] = []
    hash_keys: list[int] = []
    parts: list[bytes] = []
    try:
        for number, value in _fields(message):
            if number == 1 and isinstance(value, bytes):
                keys.append(value.decode())
            elif number == 2 and isinstance(value, bytes):
                hash_keys.append(int(value))
            elif number == 3 and isinstance(value, bytes):
                parts.append(value)
        return [_record(part, keys, hash_keys) for part in parts]
    except (ValueError, IndexError):
        return None


def _record(part: bytes, keys: list[str], hash_keys: list[int]) -> UserRecord:
    key, explicit, data = 0, None, b""
    for number, value in _fields(part):
        if number == 1 and isinstance(value, int):
            key = value
        elif number == 2 and isinstance(value, int):
            explicit = value
        elif number == 3 and isinstance(value, bytes):
            data = value
    hash_key = hash_key_of(keys[key]) if explicit is None else hash_keys[explicit]
    return UserRecord(keys[key], hash_key, data)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields number and value of each field of a protobuf message. Raises IndexError, ValueError."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"no kind of field {kind}")
        if at + size > len(message):
            raise IndexError("the message ends in a field")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
