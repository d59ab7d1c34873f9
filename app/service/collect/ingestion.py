"""The parts that all ways into the clickstream over HTTP share: bodies, checks of events, writing, counts."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from app.service.access.access import Access
from app.service.collect.clickstream import ClickstreamWriter, UnavailableError
from app.service.definitions import Definitions
from app.service.http.body import BODY_BYTES_MAX, Holding, Room, chunks_of, read_body
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.incoming.event_batch import IncomingBatch, ValidatedEvents, validate_events
from app.service.incoming.tracking_plan import PlanAtCollector
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings

RETRY_AFTER_S: Final = 2


@dataclass(frozen=True, slots=True)
class Ingestion:
    """The parts of the service that events go through. `room`: for bodies that are in hand."""

    settings: Settings
    access: Access
    definitions: Definitions
    writer: ClickstreamWriter
    metrics: ServiceMetrics
    room: Room
    plan: PlanAtCollector | None = None

    async def body_of(self, request: Asked, holding: Holding, *, bytes_max: int = BODY_BYTES_MAX) -> bytes:
        """The whole body, unpacked; the same problems as `read_body`."""
        return await read_body(
            chunks_of(request),
            encoding=request.headers.get("content-encoding", ""),
            length=request.headers.get("content-length"),
            bytes_max=bytes_max,
            holding=holding,
        )

    def validated(self, incoming: IncomingBatch, *, keep_receipt: bool) -> ValidatedEvents:
        """The events as they can be written now. `keep_receipt`: the sender's time of receipt is believed."""
        return validate_events(
            incoming,
            received_ms=time.time_ns() // 1_000_000,
            rules=self.settings.time_rules,
            ids=self.settings.incoming_ids,
            keep=self.definitions.minimisation,
            keep_receipt=keep_receipt,
            plan=self.plan,
        )

    async def written(self, write: Awaitable[None], *, key: str, events: int) -> None:
        """Returns when Kafka has acknowledged the events; Problem 503, which is counted, if it does not."""
        try:
            await write
        except UnavailableError as error:
            self.metrics.collected(key, "unavailable", events)
            raise Problem(503, "kafka", f"{error}: send again", retry_after_s=RETRY_AFTER_S) from None
