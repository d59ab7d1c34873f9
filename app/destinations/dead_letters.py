"""Changes that a destination was not told of: kept in a topic, with why, to be replayed. Pure."""

from dataclasses import dataclass
from typing import Any

from app.runtime.log_writer import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a change stood."""

    topic: str
    partition: int
    offset: int


def dead_row(record: Any, *, destination: str, reason: str, detail: str, origin: Origin) -> Row:
    """The change as it came, and in headers which destination, why, and where it was."""
    own = [(name, value) for name, value in (record.headers or ()) if not name.startswith("shoal-")]
    headers = [
        *own,
        ("shoal-destination", destination.encode()),
        ("shoal-reason", reason.encode()),
        ("shoal-detail", detail.encode(errors="replace")[:500]),
        ("shoal-source-topic", origin.topic.encode()),
        ("shoal-source-partition", str(origin.partition).encode()),
        ("shoal-source-offset", str(origin.offset).encode()),
    ]
    return record.key, record.value, headers


def destination_of(record: Any) -> str:
    """Which destination a dead letter was for."""
    name: bytes = dict(record.headers or ()).get("shoal-destination", b"")
    return name.decode(errors="replace")
