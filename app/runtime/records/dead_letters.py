"""Records that could not be used, as they are kept: as they came, and in headers why, and where they were. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from app.runtime.kafka.record_batch import Header, Row

DETAIL_BYTES_MAX: Final = 500
OURS: Final = "shoal-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Topic, partition and offset that a record came from; of a stream, its name and its words for the place."""

    topic: str
    partition: int | str
    offset: int | str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A record of which nothing but the place is kept: it may name a person by an id that must not be written."""

    offset: int | str
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[Header, ...] = ()


def dead_row(record: Any, *, reason: str, detail: str, origin: Origin, more: Iterable[Header] = ()) -> Row:
    """The record with the headers of a dead letter; those of an earlier one are replaced."""
    own = [(name, value) for name, value in (record.headers or ()) if not name.startswith(OURS)]
    headers = [
        *own,
        *more,
        ("shoal-reason", reason.encode()),
        ("shoal-detail", detail.encode(errors="replace")[:DETAIL_BYTES_MAX]),
        ("shoal-source-topic", origin.topic.encode()),
        ("shoal-source-partition", str(origin.partition).encode()),
        ("shoal-source-offset", str(origin.offset).encode()),
    ]
    return record.key, record.value, headers


def destination_header(name: str) -> Header:
    """Says which destination a dead letter was for."""
    return "shoal-destination", name.encode()


def destination_of(record: Any) -> str:
    """Returns the destination that a dead letter was for."""
    name: bytes = dict(record.headers or ()).get("shoal-destination", b"")
    return name.decode(errors="replace")
