"""How far each destination is in a partition: one record each in a compacted topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Stored).decode


@dataclass(frozen=True, slots=True)
class DestinationTopics:
    """The topics of destinations."""

    positions: str
    dead_letters: str


def destination_topics(settings: Settings) -> DestinationTopics:
    """Their names."""
    name = settings.topics.destinations
    return DestinationTopics(name, f"{name}.dead-letter")


def destination_topic_specs(settings: Settings) -> list[TopicSpec]:
    """As they should be: the partitions of the changes."""
    names = destination_topics(settings)
    return [
        TopicSpec(names.positions, settings.partitions, tuple(COMPACTED.items())),
        TopicSpec(names.dead_letters, settings.partitions, tuple(READ_BY_OTHERS.items())),
    ]


def position_row(name: str, stored: Stored) -> Row:
    """The record of one destination."""
    return name.encode(), _encode(stored), []


async def read_positions(reader: LogReader) -> Mapping[str, Stored]:
    """The latest of each destination, by its name. What cannot be read is taken for not there."""
    found: dict[str, Stored] = {}
    async for records in whole(reader, records_max=READ_RECORDS):
        for record in records:
            name = (record.key or b"").decode(errors="replace")
            if record.value is None:
                found.pop(name, None)
                continue
            try:
                found[name] = _decode(record.value)
            except msgspec.DecodeError:
                found.pop(name, None)
    return found
