"""Records as a reader gives them, without a broker."""

import json
from dataclasses import dataclass, field
from typing import Any

from app.events.instants import iso_text
from app.settings import Settings, load_settings

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@dataclass
class Record:
    """One record of a topic."""

    offset: int
    value: bytes | None
    key: bytes | None = b"u-1"
    timestamp: int = START_MS
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def change(offset: int, at_ms: int = START_MS, **others: Any) -> Record:
    """A change of segment `viewers`, at an instant."""
    value = {
        "id": f"{offset:024x}",
        "user": f"u-{offset % 5}",
        "segment": "viewers",
        "version": "v1",
        "change": "entered",
        "times": 1,
        "at": iso_text(at_ms),
        "sequence": offset,
        "cause": {"kind": "event", "message_id": "m-1"},
        "evidence": [],
        "attach": {},
        **others,
    }
    return Record(offset, json.dumps(value).encode(), timestamp=at_ms)


def settings_with(**others: Any) -> Settings:
    """Settings of no environment."""
    return load_settings({}, **others)
