"""Freshness of segments: the last change of each, and the last event of the kinds that its definition reads.

Both come from the newest records of the topics. Where a segment has none among them, the latest entry of those who are
in it, from Redis, is the last change that is known.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.events.instants import iso
from app.events.message import instant_ms
from app.runtime.kafka.clients import has_transactions
from app.runtime.kafka.closing import Client
from app.runtime.kafka.log_readers import LogReaders, rest
from app.settings import Settings

RECORDS_A_READ: Final = 5_000
ANY: Final = "every event"
"""The kind of all events, as `shoal plan` calls it."""


class SegmentFreshness(msgspec.Struct, kw_only=True, frozen=True):
    """Instants of a segment. `last_event`: when the last event of its kinds arrived; null: not among those read.

    `kinds`: what it reads, as in `shoal plan`. `missing`: those of them that were not among the events read.
    """

    segment: str
    last_change: str | None
    last_event: str | None
    kinds: list[str]
    missing: list[str]


class Freshness(msgspec.Struct, kw_only=True, frozen=True):
    """All segments, those that have not changed for longest first. What is older than `changes_since` or
    `events_since` was not read; null: the topic holds nothing older."""

    at: str
    changes_since: str | None
    events_since: str | None
    segments: list[SegmentFreshness]


class _Changed(msgspec.Struct):
    segment: str
    at: str


class _Event(msgspec.Struct):
    type: Any = None
    event: Any = None


@dataclass(slots=True)
class Tail:
    """The newest records of a topic. `latest`: by name, the latest instant in ms. `since_ms`: of the oldest record read
    in the partition that reaches back least; None: everything was read."""

    latest: dict[str, int] = field(default_factory=dict)
    since_ms: int | None = None

    def note(self, name: str, at_ms: int) -> None:
        """Takes one more."""
        if at_ms > self.latest.get(name, -1):
            self.latest[name] = at_ms


async def read_tail(
    client: Client,
    settings: Settings,
    topic: str,
    *,
    records_max: int,
    wanted: Collection[str],
    names_of: Callable[[Any], Iterable[tuple[str, int]]],
) -> Tail:
    """Reads the newest `records_max` records of each partition; `names_of`: the names that a record is of, and when."""
    tail = Tail()
    async with AsyncExitStack() as stack:
        readers = LogReaders(client, settings, committed_only=await has_transactions(client))
        await stack.enter_async_context(readers)
        for partition in range(settings.partitions):
            reader = readers.open(topic, partition)
            earliest = await reader.earliest()
            reader.seek(earliest)
            end = (await reader.read(records_max=1, wait_ms=1)).end_offset
            await reader.stop()
            start = max(earliest, end - records_max)
            oldest_ms: int | None = None
            async for part in rest(reader, start, records_max=RECORDS_A_READ):
                for record in part.records:
                    if oldest_ms is None:
                        oldest_ms = record.timestamp
                    for name, at_ms in names_of(record):
                        if name in wanted:
                            tail.note(name, at_ms)
            if start > earliest and oldest_ms is not None:
                tail.since_ms = max(oldest_ms, tail.since_ms or 0)
    return tail


def changed_segment(record: Any) -> Iterable[tuple[str, int]]:
    """The segment of a change, and its instant in ms; nothing for a record that is none."""
    try:
        change = _decode_change(record.value)
        return ((change.segment, instant_ms(change.at)),)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, ValueError):
        return ()


def event_kinds(record: Any) -> Iterable[tuple[str, int]]:
    """The kinds that an event is of, as `shoal plan` calls them, and its arrival; nothing for a record that is none.

    >>> from types import SimpleNamespace
    >>> event_kinds(SimpleNamespace(value=b'{"type":"track","event":"Product Viewed"}', timestamp=1_000))
    (("'Product Viewed'", 1000), ('every event', 1000))
    """
    try:
        event = _decode_event(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return ()
    kind = f"'{event.event}'" if event.type == "track" else str(event.type)
    return (kind, record.timestamp), (ANY, record.timestamp)


_decode_change: Final = msgspec.json.Decoder(_Changed).decode
_decode_event: Final = msgspec.json.Decoder(_Event).decode


def freshness(
    kinds: Mapping[str, Sequence[str]],
    *,
    now_ms: int,
    changes: Tail,
    events: Tail,
    newest: Mapping[str, int | None],
) -> Freshness:
    """Puts together what was read. `kinds`: by segment, what it reads. `newest`: by segment, the latest entry."""
    rows = []
    for name, its_kinds in kinds.items():
        known = [at_ms for at_ms in (changes.latest.get(name), newest.get(name)) if at_ms is not None]
        heard = {kind: events.latest[kind] for kind in its_kinds if kind in events.latest}
        rows.append((max(known, default=-1), name, heard))
    return Freshness(
        at=iso(now_ms),
        changes_since=_iso(changes.since_ms),
        events_since=_iso(events.since_ms),
        segments=[
            SegmentFreshness(
                segment=name,
                last_change=_iso(changed_ms if changed_ms >= 0 else None),
                last_event=_iso(max(heard.values(), default=None)),
                kinds=list(kinds[name]),
                missing=[kind for kind in kinds[name] if kind not in heard],
            )
            for changed_ms, name, heard in sorted(rows)
        ],
    )


def _iso(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso(at_ms)
