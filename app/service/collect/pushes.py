"""Takes in what other services push: every record is in Kafka before the answer, as an event or as a dead letter.

Only a forward key may push, so the times of the service that pushes are believed, and a public key fills no topic.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

from app.events.collected import Collected
from app.events.message import MessageError
from app.runtime.kafka.record_batch import Row
from app.runtime.records.dead_letters import Withheld, dead_row
from app.segments.review.minimisation import Minimisation
from app.service.access.access import Writer
from app.service.collect.ingestion import Ingestion
from app.service.http.body import chunks_of, discard
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.incoming.event_batch import IncomingBatch, ValidatedEvents, key_of_basic
from app.service.incoming.pushed import PUSHED_BYTES_MAX, Pushed, PushedRecord

AT_ONCE: Final = 500
"""Records that are checked before other requests have their turn."""
LETTER_BYTES_MAX: Final = 900 << 10
"""Brokers take messages of 1 MB where nobody says otherwise."""
Read = Callable[[bytes, Mapping[str, str]], Pushed]


class Pushes:
    """Takes in pushed records; the same for every service that pushes."""

    def __init__(self, ingestion: Ingestion) -> None:
        self._ingestion = ingestion
        self._access = ingestion.access
        self._ids = ingestion.settings.incoming_ids

    async def take(self, request: Asked, read: Read, *, key: str | None) -> ValidatedEvents:
        """Returns when Kafka has acknowledged every record. Problem for a request that cannot be taken as a whole."""
        try:
            writer = self._access.may_push(key or key_of_basic(request.headers.get("authorization")))
        except Problem:
            await discard(chunks_of(request))
            raise
        with self._ingestion.room.hold() as holding:
            body = await self._ingestion.body_of(request, holding, bytes_max=PUSHED_BYTES_MAX)
            pushed = read(body, request.headers)
            self._access.wrote(writer.name, pushed.count)
            whole = ValidatedEvents()
            while records := list(islice(pushed.records, AT_ONCE)):
                whole.add(await self._write(records, pushed.received_ms, writer))
        return whole

    async def _write(self, records: list[PushedRecord], received_ms: int | None, writer: Writer) -> ValidatedEvents:
        ingestion = self._ingestion
        keep = ingestion.definitions.minimisation
        withheld = [self._ids.hides or _must_not_be_kept(record, keep) for record in records]
        incoming = IncomingBatch(
            [record.event for record in records],
            new_ids=[record.new_id for record in records],
            received_ms=received_ms,
        )
        found = ingestion.validated(incoming, keep_receipt=True)
        letters = [
            _letter(records[each.index], each.reason, each.detail, withheld=withheld[each.index])
            for each in found.refused
        ]
        await ingestion.written(self._write_all(found.rows, letters), key=writer.name, events=len(records))
        ingestion.metrics.validated(writer.name, found)
        return found

    async def _write_all(self, rows: list[Collected], letters: list[Row]) -> None:
        if rows:
            await self._ingestion.writer.write(rows)
        if letters:
            await self._ingestion.writer.write_dead(letters)


def _must_not_be_kept(record: PushedRecord, keep: Minimisation) -> bool:
    """True if a record may hold what must not be written: only what definitions read may, or its user refuses."""
    if keep.properties is not None:
        return True
    event = record.event
    return not isinstance(event, MessageError) and event.__class__ is dict and keep.refused(event) is not None


def _letter(record: PushedRecord, reason: str, detail: str, *, withheld: bool) -> Row:
    kept: PushedRecord | Withheld = record
    if withheld:
        kept, detail = Withheld(record.origin.offset, -1), "the record may hold what must not be kept"
    elif len(record.value or b"") + len(record.key or b"") > LETTER_BYTES_MAX:
        kept = Withheld(record.origin.offset, -1)
        detail = f"{detail}; its {len(record.value or b'')} bytes are too many to be kept"
    return dead_row(kept, reason=reason, detail=detail, origin=record.origin)
