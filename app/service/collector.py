"""The collector: what the Segment libraries and Google Analytics 4 send goes into the clickstream.

`200 {"success": true}` says that Kafka has every event. Of a batch with events that cannot be used the others are
written all the same, and the answer, 400, names those that were not: sent again, they would fail again.
"""

import time
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, QueryParameter
from litestar.types import ControllerRouterHandler

from app.service.access import Access
from app.service.body import Room, chunks_of, discard, read_body
from app.service.clickstream import ClickstreamWriter, UnavailableError
from app.service.event_batch import (
    PATHS,
    REFUSED_SHOWN_MAX,
    IncomingBatch,
    key_of_basic,
    read_batch,
    read_ga4,
    read_single,
    validate_events,
)
from app.service.http_problem import Problem
from app.service.openapi import BATCH, COLLECTING, GA4, KEYED_EVENT, problems, security, with_body
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings

RETRY_AFTER_S: Final = 2
Asked = Request[Any, Any, Any]


class Success(msgspec.Struct, frozen=True):
    """Kafka has every event."""

    success: bool = True


SUCCESS: Final = Success()


class Collector:
    """Takes a request's events in; the same for every kind of library."""

    def __init__(self, settings: Settings, access: Access, writer: ClickstreamWriter, metrics: ServiceMetrics) -> None:
        self._skew_max_ms = settings.skew_max_ms
        self._public_url = settings.public_url.rstrip("/")
        self._access = access
        self._writer = writer
        self._metrics = metrics
        self._room = Room()

    async def take(self, request: Asked, read: Callable[[bytes], IncomingBatch], *, key: str | None = None) -> None:
        """Returns when Kafka has acknowledged all events. Problem otherwise."""
        key = key or key_of_basic(request.headers.get("authorization"))
        if key is not None:  # before its body is read
            try:
                self._access.may_write(key)
            except Problem:
                await discard(chunks_of(request))
                raise
        with self._room.hold() as take:
            body = await read_body(
                chunks_of(request),
                encoding=request.headers.get("content-encoding", ""),
                length=request.headers.get("content-length"),
                take=take,
            )
            await self._take(read(body), key)

    async def _take(self, incoming: IncomingBatch, key: str | None) -> None:
        name = self._access.may_write(key or incoming.write_key)
        received_ms = time.time_ns() // 1_000_000
        found = validate_events(incoming, received_ms=received_ms, skew_max_ms=self._skew_max_ms)
        self._access.wrote(name, len(incoming.events))
        if found.rows:
            try:
                await self._writer.write(found.rows)
            except UnavailableError as error:
                self._metrics.collected(name, "unavailable", len(found.rows))
                raise Problem(503, "kafka", f"{error}: send again", retry_after_s=RETRY_AFTER_S) from None
            self._metrics.collected(name, "accepted", len(found.rows))
        if not found.refused:
            return
        self._metrics.collected(name, "refused", len(found.refused))
        first = found.refused[0]
        alone = len(incoming.events) == 1
        raise Problem(
            413 if alone and first.reason == "too-large" else 400,
            first.reason,
            first.detail if alone else f"{len(found.refused)} of {len(incoming.events)} events cannot be used",
            accepted=len(found.rows),
            refused=tuple(found.refused[:REFUSED_SHOWN_MAX]),
        )

    def library_settings(self, write_key: str, *, base_url: str) -> dict[str, Any]:
        """What analytics.js asks for when it starts: where to send, and to nobody else."""
        self._access.write_keys.name_of(write_key)
        scheme, _, host = (self._public_url or base_url.rstrip("/")).partition("://")
        segment = {
            "apiKey": write_key,
            "apiHost": f"{host}/v1",
            "protocol": scheme,
            "unbundledIntegrations": [],
            "addBundledMetadata": False,
            "maybeBundledConfigIds": {},
            "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
        }
        everything = {"__default": {"enabled": True, "integrations": {}}}
        return {
            "integrations": {"Segment.io": segment},
            "plan": {"track": everything, "identify": everything, "group": everything},
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }


def collector_routes(collector: Collector) -> list[ControllerRouterHandler]:
    """The handlers, in the order of the document."""

    @post(
        [f"/v1/{path}" for path in PATHS],
        status_code=200,
        tags=["collect"],
        summary="One event",
        operation_class=with_body(KEYED_EVENT),
        responses=problems(*COLLECTING),
        security=security("writeKey"),
    )
    async def collect_event(request: Asked) -> Success:
        """One event of the Segment specification; the path says its type, in full or by its first letter."""
        kind = PATHS[request.scope["path"].rstrip("/").rpartition("/")[2]]
        await collector.take(request, lambda body: read_single(body, kind))
        return SUCCESS

    @post(
        ["/v1/batch", "/v1/b"],
        status_code=200,
        tags=["collect"],
        summary="Many events",
        operation_class=with_body(BATCH),
        responses=problems(*COLLECTING),
        security=security("writeKey"),
    )
    async def collect_batch(request: Asked) -> Success:
        """Events of the Segment specification. Those that can be used are written even if others cannot."""
        await collector.take(request, read_batch)
        return SUCCESS

    @post(
        "/mp/collect",
        status_code=204,
        tags=["collect"],
        summary="Events of Google Analytics 4",
        operation_class=with_body(GA4),
        responses=problems(*COLLECTING),
    )
    async def collect_ga4(
        request: Asked,
        api_secret: Annotated[str | None, QueryParameter(name="api_secret", description="The write key")] = None,
        measurement_id: Annotated[str | None, QueryParameter(name="measurement_id", description="Not used")] = None,
    ) -> None:
        """The GA4 Measurement Protocol: names and items become those of the Segment specification."""
        await collector.take(request, read_ga4, key=api_secret)

    @get(
        "/v1/projects/{write_key:str}/settings",
        tags=["collect"],
        summary="The settings of analytics.js",
        responses=problems(401, 403),
    )
    async def library_settings(request: Asked, write_key: FromPath[str]) -> dict[str, Any]:
        """What analytics.js asks for when it starts."""
        return collector.library_settings(write_key, base_url=str(request.base_url))

    return [collect_event, collect_batch, collect_ga4, library_settings]
