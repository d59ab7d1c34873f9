"""The collector: what the Segment libraries and Google Analytics 4 send goes into the clickstream.

`200 {"success": true}` says that Kafka has every event. Of a batch with events that cannot be used the others are
written all the same, and the answer, 400, names those that were not: sent again, they would fail again. Nearly all
libraries drop a batch at 400 and report the error. RudderStack's libraries for Android and iOS repeat it for ever, and
send nothing else: they are told the same with 200.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from app.service.collect.ingestion import Ingestion
from app.service.http.body import chunks_of, discard
from app.service.http.framework import Asked
from app.service.http.http_problem import LateEvent, Problem, Refused
from app.service.incoming.event_batch import REFUSED_SHOWN_MAX, IncomingBatch, ValidatedEvents, key_of_basic

REPEATING_HEADER: Final = "anonymousid"
"""RudderStack's libraries for apps and pages send this header; some of them repeat what is not answered with 200."""


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of a request with events. `late`: those that are in Kafka but too old to change anything.

    With `success` false there is a `code`, and some were `refused`; the `accepted` others are in Kafka.
    """

    success: bool
    late: tuple[LateEvent, ...] = ()
    code: str | None = None
    message: str | None = None
    accepted: int | None = None
    refused: tuple[Refused, ...] = ()


ALL_TAKEN: Final = Receipt(success=True)


class Collector:
    """Takes a request's events in; the same for every kind of library."""

    def __init__(self, ingestion: Ingestion) -> None:
        self._ingestion = ingestion
        self._access = ingestion.access

    async def take(self, request: Asked, read: Callable[[bytes], IncomingBatch], *, key: str | None = None) -> Receipt:
        """Returns when Kafka has acknowledged all events that can be used. Problem for a request that cannot be."""
        key = key or key_of_basic(request.headers.get("authorization"))
        if key is not None:  # before its body is read
            try:
                self._access.may_write(key)
            except Problem:
                await discard(chunks_of(request))
                raise
        with self._ingestion.room.hold() as holding:
            incoming = read(await self._ingestion.body_of(request, holding))
            found = await self._write(incoming, key)
        return receipt_of(found, len(incoming.events), repeats=REPEATING_HEADER in request.headers)

    async def _write(self, incoming: IncomingBatch, key: str | None) -> ValidatedEvents:
        ingestion = self._ingestion
        writer = self._access.may_write(key or incoming.write_key)
        found = ingestion.validated(incoming, keep_receipt=writer.forwards)
        self._access.wrote(writer.name, len(incoming.events))
        if found.rows:
            await ingestion.written(ingestion.writer.write(found.rows), key=writer.name, events=len(found.rows))
        ingestion.metrics.validated(writer.name, found)
        return found


def receipt_of(found: ValidatedEvents, events: int, *, repeats: bool) -> Receipt:
    """The answer for events that were validated and written. Problem if some were refused, unless `repeats`: to a
    library that would send them again for ever the same is said in a receipt."""
    late = tuple(found.late[:REFUSED_SHOWN_MAX])
    if not found.refused:
        return Receipt(success=True, late=late) if late else ALL_TAKEN
    first = found.refused[0]
    problem = Problem(
        400,
        first.reason,
        first.detail if events == 1 else f"{len(found.refused)} of {events} events cannot be used",
        accepted=len(found.rows),
        refused=tuple(found.refused[:REFUSED_SHOWN_MAX]),
        late=late,
    )
    if not repeats:
        raise problem
    said = problem.body
    return Receipt(
        success=False, late=late, code=said.code, message=said.message, accepted=said.accepted, refused=said.refused
    )
