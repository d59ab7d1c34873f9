"""The paths that libraries send events to."""

from typing import Annotated, Final

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from app.service.collect.collector import ALL_TAKEN, Collector, Receipt
from app.service.http.body import chunks_of, discard
from app.service.http.framework import Asked
from app.service.http.openapi import ANYTHING, BATCH, COLLECTING, GA4, KEYED_EVENT, problems, security, with_body
from app.service.incoming.event_batch import PATHS, read_batch, read_ga4, read_single

#: Segment's libraries use the first three, by their age; RudderStack's the first and, for beacons of pages, the last.
BATCH_PATHS: Final = ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")
EVENT_PATHS: Final = tuple(f"/v1/{path}" for path in PATHS)
TELEMETRY_PATH: Final = "/v1/m"
COLLECT_PATHS: Final = frozenset({*BATCH_PATHS, *EVENT_PATHS, TELEMETRY_PATH, "/mp/collect"})
WriteKeyParameter = Annotated[
    str | None, QueryParameter(name="writeKey", description="The write key, where no header can be sent")
]


class CollectorRoutes(Controller):
    """Events in. The dependency `collector` is the process's."""

    tags = ("collect",)

    @post(
        list(EVENT_PATHS),
        status_code=200,
        summary="One event",
        operation_class=with_body(KEYED_EVENT),
        responses=problems(*COLLECTING),
        security=security("writeKey"),
    )
    async def collect_event(self, request: Asked, collector: NamedDependency[Collector]) -> Receipt:
        """One event of the Segment specification; the path says its type, in full or by its first letter."""
        kind = PATHS[request.scope["path"].rstrip("/").rpartition("/")[2]]
        return await collector.take(request, lambda body: read_single(body, kind))

    @post(
        list(BATCH_PATHS),
        status_code=200,
        summary="Many events",
        operation_class=with_body(BATCH),
        responses=problems(*COLLECTING),
        security=security("writeKey"),
    )
    async def collect_batch(
        self, request: Asked, collector: NamedDependency[Collector], write_key: WriteKeyParameter = None
    ) -> Receipt:
        """Events of the Segment specification. Those that can be used are written even if others cannot."""
        return await collector.take(request, read_batch, key=write_key)

    @post(
        "/mp/collect",
        status_code=200,
        summary="Events of Google Analytics 4",
        operation_class=with_body(GA4),
        responses={
            **problems(*COLLECTING),
            204: ResponseSpec(None, description="Kafka has every event"),
        },
    )
    async def collect_ga4(
        self,
        request: Asked,
        collector: NamedDependency[Collector],
        api_secret: Annotated[str | None, QueryParameter(name="api_secret", description="The write key")] = None,
        measurement_id: Annotated[str | None, QueryParameter(name="measurement_id", description="Not used")] = None,
    ) -> Response[Receipt | None]:
        """The GA4 Measurement Protocol: names and items become those of the Segment specification."""
        receipt = await collector.take(request, read_ga4, key=api_secret)
        return Response(None, status_code=204) if receipt == ALL_TAKEN else Response(receipt, status_code=200)

    @post(
        TELEMETRY_PATH,
        status_code=200,
        summary="What libraries say of themselves",
        operation_class=with_body(ANYTHING, required=False),
        responses=problems(503),
    )
    async def ignore_telemetry(self, request: Asked) -> Receipt:
        """Figures of Segment's libraries about themselves: read and thrown away, so that nobody sends them again."""
        await discard(chunks_of(request))
        return ALL_TAKEN
