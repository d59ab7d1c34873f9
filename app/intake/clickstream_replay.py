"""The dead letters of the clickstream, once more: what can be used now is written to it, under the user it is of.

How far a replay came stands with the positions of intake. It is written after what it is about: a replay that is ended
half way repeats the last records, with the same ids, which workers drop.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from aiokafka.structs import TopicPartition

from app.events.lenient_json import encode
from app.events.message import MessageDecoder, MessageError, checked_value, times_of, user_of
from app.intake.intake_task import intake_topic_spec
from app.intake.positions import POSITION_PARTITION
from app.intake.shapes import decode_json
from app.intake.sources import DEFAULT_SHAPE, read_sources
from app.intake.streams import stream_of
from app.intake.transform import transform
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import LogReaders, rest, whole
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import ensure_topics
from app.runtime.records.record_errors import is_caused_by_record
from app.settings import Settings

READ_RECORDS: Final = 1_000
KEY: Final = b"replay/"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(int).decode


@dataclass(frozen=True, slots=True)
class Replayed:
    """By the reason of the dead letters: how many were brought in, and how many still cannot be used."""

    taken: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record as it was where it came from."""

    topic: str
    partition: int | str
    offset: int | str
    timestamp: int
    key: bytes | None
    value: bytes | None
    reason: str

    @classmethod
    def of(cls, record: Any) -> "DeadLetter":
        """Read from its headers; a record that is none stands for itself."""
        headers = {name: value.decode(errors="replace") for name, value in record.headers or ()}
        topic = headers.get("shoal-source-topic", "")
        partition, offset = (headers.get(f"shoal-source-{part}", "") for part in ("partition", "offset"))
        if ":" not in topic:  # a topic of Kafka, and not a stream, whose places are text
            partition, offset = (int(part) if part.isdigit() else record.offset for part in (partition, offset))
        return cls(
            topic=topic,
            partition=partition,
            offset=offset,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            reason=headers.get("shoal-reason", "unknown"),
        )


class Again:
    """Turns a dead letter into records of the clickstream. Pure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shapes: dict[str, str] = dict(read_sources(settings)) if settings.sources else {}
        self._decode = MessageDecoder().decode

    def rows(self, letter: DeadLetter) -> dict[int, list[Row]]:
        """Clickstream partition -> records; nothing if it cannot be used, or not as a whole."""
        settings = self._settings
        if letter.topic == settings.topics.clickstream:
            try:
                value = self._covered(letter.value)
                user = self._user(letter, value)
            except MessageError:
                return {}
            except Exception as error:
                if not is_caused_by_record(error):
                    raise
                return {}
            return {partition_of(user, settings.partitions): [(user, value, [])]}
        taken = transform(
            [letter],
            topic=letter.topic,
            partition=None,
            shape=self._shapes.get(letter.topic, DEFAULT_SHAPE),
            partitions=settings.partitions,
            skew_max_ms=settings.skew_max_ms,
            user_ids=settings.incoming_ids,
            now_ms=letter.timestamp,
        )
        return {} if taken.dead else dict(taken.rows)

    def is_withheld(self, letter: DeadLetter) -> bool:
        """True if the record is only in the topic that it came from."""
        return letter.value is None and letter.topic in self._shapes and stream_of(letter.topic) is None

    def _covered(self, value: bytes | None) -> bytes:
        """The value, with pseudonyms in place of ids if it is from before there were any. Raises MessageError."""
        checked, ids = checked_value(value), self._settings.incoming_ids
        if not ids.hides:
            return checked
        event = decode_json(checked)
        if event.__class__ is dict:
            ids.cover(event)
        return encode(event)

    def _user(self, letter: DeadLetter, value: bytes) -> bytes:
        message = self._decode(value)
        times_of(message, letter.timestamp)
        user, _ = user_of(message, self._settings.user_ids)
        return user.encode()


async def replay(settings: Settings, *, reasons: Sequence[str] = (), write: bool = True) -> Replayed:
    """Goes through the dead letters that no replay has seen, as they are now; `reasons` empty: all of them.

    With `write` false nothing is written, and nothing counts as seen; nor does it if only some reasons are asked for.
    Raises UserError without a broker.
    """
    result = Replayed()
    again = Again(settings)
    topics = settings.topics
    async with AsyncExitStack() as stack:
        client = await wait_for_broker(settings)
        stack.push_async_callback(client.close)
        await ensure_topics(settings, client, [intake_topic_spec(settings)])
        readers = LogReaders(client, settings, committed_only=await has_transactions(client))
        await stack.enter_async_context(readers)
        writer = LogWriter(settings, partition=POSITION_PARTITION)
        stack.push_async_callback(writer.close)
        await writer.open()
        seen = {} if reasons else await _positions(readers.open(topics.intake, POSITION_PARTITION))
        for partition in range(settings.partitions):
            letters = readers.open(topics.dead_letters, partition)
            async for part in rest(letters, seen.get(partition, 0), records_max=READ_RECORDS):
                rows = await _take(part.records, again, reasons, result, readers)
                if write and part.records:
                    await writer.write_to((TopicPartition(topics.clickstream, number), rows[number]) for number in rows)
                    if not reasons:
                        row: Row = (KEY + str(partition).encode(), _encode(part.reached), [])
                        await writer.write([(topics.intake, [row])])
    return result


async def _take(
    records: Sequence[Any], again: Again, reasons: Sequence[str], result: Replayed, readers: LogReaders
) -> dict[int, list[Row]]:
    """Returns the usable part of some dead letters, by clickstream partition, and counts all that are meant."""
    rows: dict[int, list[Row]] = {}
    for record in records:
        letter = DeadLetter.of(record)
        if reasons and letter.reason not in reasons:
            continue
        if again.is_withheld(letter):
            letter = await _from_source(letter, readers)
        found = again.rows(letter)
        (result.taken if found else result.left)[letter.reason] += 1
        for number, some in found.items():
            rows.setdefault(number, []).extend(some)
    return rows


async def _from_source(letter: DeadLetter, readers: LogReaders) -> DeadLetter:
    """The dead letter with the record that its source still has at its place."""
    reader = readers.open(letter.topic, int(letter.partition))
    try:
        async for part in rest(reader, int(letter.offset), records_max=1):
            for record in part.records:
                if record.offset == letter.offset:
                    return replace(letter, key=record.key, value=record.value, timestamp=record.timestamp)
            return letter
    finally:
        await reader.stop()
    return letter


async def _positions(reader: LogReader) -> dict[int, int]:
    """Returns the positions of earlier replays, by the partition of the dead letters."""
    found: dict[int, int] = {}
    async for records in whole(reader, records_max=READ_RECORDS):
        for record in records:
            if (record.key or b"").startswith(KEY) and record.value is not None:
                found[int(record.key.removeprefix(KEY))] = _decode(record.value)
    return found
