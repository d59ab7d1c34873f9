"""From a record of a source to records of the clickstream. Pure, but for enrichers.

An event without an id gets one that is made of its place, so that a record that is read twice makes the same events.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.events.collected import collected
from app.events.message import MessageError
from app.events.user_ids import UserIds
from app.intake.enrichment import Enrichment
from app.intake.shapes import SHAPES, SourceShape
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.runtime.records.record_errors import is_caused_by_record


@dataclass(slots=True)
class Taken:
    """Result of a batch of records. `rows`: clickstream partition -> records; `dead`: record, reason, detail.
    `repairs`: what was wrong with events and is left out, by its code."""

    rows: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    dead: list[tuple[Any, str, str]] = field(default_factory=list)
    events: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    enriched: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What enrichers did, by their name and the outcome."""

    def add(self, other: "Taken") -> None:
        """Puts another result behind this one."""
        for number, some in other.rows.items():
            self.rows[number] += some
        self.dead += other.dead
        self.events += other.events
        self.repairs += other.repairs
        self.enriched += other.enriched


def transform(
    records: Iterable[Any],
    *,
    topic: str,
    partition: int | None,
    shape: str,
    partitions: int,
    skew_max_ms: int,
    now_ms: int,
    user_ids: UserIds,
    enrichment: Enrichment | None = None,
) -> Taken:
    """Returns what is written for the records of one partition of a source, in order; None: each names its own.

    A record is a dead letter if any of its events cannot be used; those that can are taken all the same. `partitions`:
    of the clickstream. `now_ms`: the receipt of a record that has no timestamp. A record that nobody foresaw is a dead
    letter and stops nobody. Raises what is not about a record (MemoryError, OSError).
    """
    taken, reader = Taken(), SHAPES[shape]
    for record in records:
        failure: tuple[str, str] | None = None
        where = record.partition if partition is None else partition
        received_ms = record.timestamp if record.timestamp >= 0 else now_ms
        try:
            for number, event in enumerate(_events(record.value, reader)):
                place = f"{topic}-{where}-{record.offset}-{number}"
                try:
                    if isinstance(event, MessageError):
                        raise event
                    if enrichment is not None:
                        taken.enriched += enrichment.add_to(event, record_bytes=len(record.value or b""))
                    one = collected(
                        event,
                        user_ids=user_ids,
                        keep_receipt=reader.keeps_receipt,
                        received_ms=received_ms,
                        skew_max_ms=skew_max_ms,
                        new_id=lambda place=place: place,  # type: ignore[misc]  # bound now, called at once
                    )
                except MessageError as error:
                    failure = failure or (error.reason, f"event {number}: {error.detail}")
                    continue
                taken.rows[partition_of(one.user, partitions)].append((one.user, one.value, []))
                taken.events += 1
                taken.repairs.update(one.repairs)
        except MessageError as error:
            failure = (error.reason, error.detail)
        except Exception as error:
            if not is_caused_by_record(error):
                raise
            failure = ("poison", f"{type(error).__name__}: {error}")
        if failure is not None:
            taken.dead.append((record, *failure))
    return taken


def _events(value: bytes | None, shape: SourceShape) -> Iterator[Any]:
    """The events of a record, each an object or the reason why it is none. Raises MessageError."""
    if value is None:
        raise MessageError("empty", "the record has no value")
    return shape.events(value)
