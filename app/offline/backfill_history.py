"""The history of a backfill before the beginning of the topic: from event files, or from the files of a warehouse.

Theory of operation. The topic has lost its beginning, or has begun later than the shop. What files hold is played
before the first record of the topic, and each event counts once. The files of a warehouse name the offset of each
event: what stands before the first record of its partition is history, to the record. Event files have no offsets. An
event whose message id stands in the topic is the topic's; of the others, those that were received before the first
record of their partition, or less than a day after it, are history, and those without a message id only before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal, NamedTuple

from app.errors import UserError, need_packages
from app.events.message import MessageDecoder, MessageError, instant_ms, times_of
from app.offline.event_files import EventFiles
from app.offline.warehouse_files import stored_events, warehouse_files
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.erasure_events import read_erasure
from app.segments.evaluation.batch import RecordLike
from app.segments.evaluation.time_rules import TimeRules
from app.simulation.recording import Recording
from tables.message_ids import digest_of
from tables.windows import FOREVER

Source = Literal["files", "parquet"]
OVERLAP_MS: Final = 24 * 3_600_000
NO_OFFSET: Final = -1


class HistoryRecord(NamedTuple):
    """An event of a file as the pure half reads records; `offset` is NO_OFFSET where the file has none."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Seam:
    """The beginning of a partition of the topic: its first offset, the receipt of its first event, and the message ids
    of its first two days. A partition without events begins never."""

    offset: int
    begin_ms: int = FOREVER
    ids: set[bytes] = field(default_factory=set)

    def note(self, records: Iterable[RecordLike]) -> bool:
        """The next records of the topic; False if no more are needed."""
        decode = MessageDecoder().decode
        for record in records:
            try:
                message = decode(record.value or b"")
                _, received_ms = times_of(message, record.timestamp)
            except MessageError:
                continue
            if self.begin_ms == FOREVER:
                self.begin_ms = received_ms
            if received_ms > self.begin_ms + 2 * OVERLAP_MS:
                return False
            if message.messageId is not None:
                self.ids.add(digest_of(str(message.messageId).encode()))
        return True


@dataclass(slots=True)
class History:
    """The files. `erased_ms`: keys of people who were erased, and until when, of which nothing comes back. `taken`:
    events of the files that are history; `twice`: those that are the topic's; `unreadable`."""

    source: Source
    paths: tuple[Path, ...]
    erased_ms: dict[bytes, int] = field(default_factory=dict)
    taken: int = 0
    twice: int = 0
    unreadable: int = 0

    def __post_init__(self) -> None:
        if self.source == "parquet":
            need_packages("reading the files of a warehouse", "parquet", "duckdb")
            self.paths = tuple(warehouse_files(self.paths))
        for path in self.paths:
            if not path.is_file():
                raise UserError(f"there is no file {path}")

    @property
    def name(self) -> str:
        """Names the files, so that a backfill goes on with the same ones."""
        digest = blake2b(digest_size=8)
        for path in self.paths:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        return f"{self.source} {digest.hexdigest()}"

    def records(
        self, seams: Sequence[Seam], rules: TimeRules, *, since_ms: int | None
    ) -> Iterator[tuple[int, HistoryRecord]]:
        """Events before the topic, each with its partition."""
        told = self._of_files(seams, rules) if self.source == "files" else self._of_warehouse(seams)
        for partition, record, is_history in told:
            if since_ms is not None and 0 <= record.timestamp < since_ms:
                continue
            if record.key in self.erased_ms and self._is_erased(record):
                continue
            self.taken += is_history
            self.twice += not is_history
            if is_history:
                yield partition, record
        if not self.taken:
            raise UserError(
                "the files hold nothing from before the topic",
                hint="shoal backfill NAME without --from fills from the topic alone",
            )

    def note_erasures(self, records: Iterable[RecordLike]) -> None:
        """Steps of erasures, as workers have told them."""
        for record in records:
            step = read_erasure(record.value or b"")
            if step.key is not None and step.until is not None:
                key = step.key.encode()
                until_ms = FOREVER if step.suppressed else instant_ms(step.until)
                self.erased_ms[key] = max(until_ms, self.erased_ms.get(key, -1))

    def _is_erased(self, record: HistoryRecord) -> bool:
        assert record.key is not None, "an event without a key"
        event_ms, _ = times_of(MessageDecoder().decode(record.value or b""), record.timestamp)
        return event_ms <= self.erased_ms[record.key]

    def _of_warehouse(self, seams: Sequence[Seam]) -> Iterator[tuple[int, HistoryRecord, bool]]:
        for event in stored_events(self.paths):
            is_own = event.partition < len(seams) and (
                event.key is None or partition_of(event.key, len(seams)) == event.partition
            )
            if not is_own:
                raise UserError(
                    f"an event of partition {event.partition} at offset {event.offset} is not from this topic, "
                    f"which has {len(seams)} partitions",
                    hint="files of another deployment, or of a topic with another number of partitions, have no seam",
                )
            record = HistoryRecord(event.offset, event.timestamp, event.key, event.value)
            yield event.partition, record, event.offset < seams[event.partition].offset

    def _of_files(self, seams: Sequence[Seam], rules: TimeRules) -> Iterator[tuple[int, HistoryRecord, bool]]:
        recording = Recording(EventFiles(self.paths), partitions=len(seams), rules=rules)
        decode = MessageDecoder().decode
        for each in recording.records():
            if each.key is None or each.value is None:
                continue
            message = decode(each.value)
            _, received_ms = times_of(message, -1)
            seam = seams[each.partition]
            until_ms = seam.begin_ms
            if message.messageId is not None:
                is_there = digest_of(str(message.messageId).encode()) in seam.ids
                until_ms = -1 if is_there else seam.begin_ms + OVERLAP_MS
            record = HistoryRecord(NO_OFFSET, each.timestamp_ms, each.key, each.value)
            yield each.partition, record, received_ms < until_ms
        self.unreadable = recording.unreadable
