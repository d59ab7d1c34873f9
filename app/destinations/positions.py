"""Stored state of destinations in a partition: positions and pauses, one record each in a compacted topic."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import whole
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import COMPACTED, READ_BY_OTHERS, TopicSpec
from app.settings import Settings

READ_RECORDS: Final = 5_000


class Stored(msgspec.Struct, frozen=True):
    """`offset`: the first change that is not done. `done`: ranges beyond it, the ends not included."""

    offset: int
    done: Sequence[tuple[int, int]] = ()


class Pause(msgspec.Struct, frozen=True):
    """A destination that refused `refusals` changes in a row is paused. `status`, `detail`: its last answer."""

    since: str
    refusals: int
    status: str
    detail: str


class Hold(msgspec.Struct, frozen=True):
    """A destination holds back the changes of `users` users until somebody confirms them: `detail` says why."""

    since: str
    users: int
    detail: str


class Confirmation(msgspec.Struct, frozen=True):
    """Somebody has confirmed what a destination holds back. `at_s`: seconds since the epoch."""

    at_s: float


PAUSE: Final = "pause:"
HOLD: Final = "hold:"
CONFIRMATION: Final = "confirmation:"
"""Pauses and the like stand beside positions, with this before the name of the destination; no name has a colon."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Stored).decode
_decode_pause = msgspec.json.Decoder(Pause).decode
_decode_hold = msgspec.json.Decoder(Hold).decode
_decode_confirmation = msgspec.json.Decoder(Confirmation).decode


@dataclass(frozen=True, slots=True)
class DestinationTopics:
    """The topics of destinations."""

    positions: str
    dead_letters: str
    states: str


def destination_topics(settings: Settings) -> DestinationTopics:
    """Their names."""
    name = settings.topics.destinations
    return DestinationTopics(name, f"{name}.dead-letter", f"{name}.states")


def destination_topic_specs(settings: Settings) -> list[TopicSpec]:
    """As they should be: the partitions of the changes."""
    names = destination_topics(settings)
    return [
        TopicSpec(names.positions, settings.partitions, tuple(COMPACTED.items())),
        TopicSpec(names.dead_letters, settings.partitions, tuple(READ_BY_OTHERS.items())),
        TopicSpec(names.states, settings.partitions, tuple(COMPACTED.items())),
    ]


def position_row(name: str, stored: Stored) -> Row:
    """The record of one destination."""
    return name.encode(), _encode(stored), []


def pause_row(name: str, pause: Pause | None) -> Row:
    """The record of a destination that is paused; None: it is not any more."""
    return (PAUSE + name).encode(), None if pause is None else _encode(pause), []


def hold_row(name: str, hold: Hold | None) -> Row:
    """The record of what a destination holds back; None: nothing any more."""
    return (HOLD + name).encode(), None if hold is None else _encode(hold), []


def confirmation_row(name: str, at_s: float) -> Row:
    """The record of a confirmation."""
    return (CONFIRMATION + name).encode(), _encode(Confirmation(at_s)), []


@dataclass(frozen=True, slots=True)
class StoredStates:
    """The latest of each destination in a partition, by its name."""

    positions: dict[str, Stored] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    confirmations: dict[str, Confirmation] = field(default_factory=dict)


async def read_states(reader: LogReader) -> StoredStates:
    """The stored states of a partition. A record that cannot be read counts as not there."""
    found = StoredStates()
    readers: Sequence[tuple[str, dict[str, Any], Callable[[bytes], Any]]] = (
        (PAUSE, found.pauses, _decode_pause),
        (HOLD, found.holds, _decode_hold),
        (CONFIRMATION, found.confirmations, _decode_confirmation),
        ("", found.positions, _decode),
    )
    async for records in whole(reader, records_max=READ_RECORDS):
        for record in records:
            key = (record.key or b"").decode(errors="replace")
            prefix, states, decode = next(each for each in readers if key.startswith(each[0]))
            states.pop(key.removeprefix(prefix), None)
            if record.value is not None:
                with suppress(msgspec.DecodeError):
                    states[key.removeprefix(prefix)] = decode(record.value)
    return found
