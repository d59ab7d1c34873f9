"""Composition root of the service: settings in, an ASGI application out. Nothing starts before it is served."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from litestar import Litestar, Response
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from app.errors import UserError
from app.service.access.access import Access
from app.service.access.audit import Audit
from app.service.collect.clickstream import ClickstreamWriter
from app.service.collect.collector import Collector
from app.service.collect.ingestion import Ingestion
from app.service.collect.pushes import Pushes
from app.service.definitions import Definitions
from app.service.http.body import BODY_BYTES_MAX, Room
from app.service.http.cross_origin import CredentialsAllowed, cross_origin
from app.service.http.framework import Asked, given, refusal_of
from app.service.http.http_problem import Problem
from app.service.http.openapi import JsonDocument
from app.service.http.request_limit import RequestLimit, RequestsInHand
from app.service.incoming.tracking_plan import plan_of
from app.service.live.changes import ChangesHub
from app.service.live.stream import Streams
from app.service.questions.experiments import Experiments
from app.service.questions.memberships import Memberships
from app.service.questions.queries import Queries
from app.service.questions.recommendations import UserItems
from app.service.routes.audit_routes import AuditRoutes
from app.service.routes.collector_routes import COLLECT_PATHS, CollectorRoutes
from app.service.routes.erasure_routes import ErasureRoutes, Erasures
from app.service.routes.experiment_routes import ExperimentRoutes
from app.service.routes.export_routes import ExportRoutes, Exports
from app.service.routes.health_routes import Health, HealthRoutes
from app.service.routes.library_settings import LibrarySettings, LibrarySettingsRoutes
from app.service.routes.list_routes import ListRoutes, StaticLists
from app.service.routes.page_routes import DocumentPage, PageRoutes, document_router
from app.service.routes.population_routes import PopulationRoutes
from app.service.routes.push_routes import PushRoutes
from app.service.routes.query_routes import QueryRoutes
from app.service.routes.recommendation_routes import RecommendationRoutes
from app.service.routes.stream_routes import StreamRoutes
from app.service.service_metrics import ServiceMetrics
from app.service.timing import timed
from app.settings import Settings

ROUTES: Final = (
    CollectorRoutes,
    PushRoutes,
    LibrarySettingsRoutes,
    QueryRoutes,
    PopulationRoutes,
    ExperimentRoutes,
    RecommendationRoutes,
    StreamRoutes,
    AuditRoutes,
    ListRoutes,
    ErasureRoutes,
    ExportRoutes,
    HealthRoutes,
    PageRoutes,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """`asgi` is served, with `app` inside; `drain` is called before the last requests are waited for: live streams end
    then."""

    app: Litestar
    asgi: ASGIApp
    drain: Callable[[], None]
    metrics: ServiceMetrics


def create_service(settings: Settings) -> Service:
    """The service, not yet started. UserError for keys, definitions or addresses that cannot be used."""
    if settings.public_url and not settings.public_url.startswith(("http://", "https://")):
        raise UserError(f"public_url is {settings.public_url!r}", hint="for example https://events.shop.example")
    metrics = ServiceMetrics()
    access = Access(settings)
    writer = ClickstreamWriter(settings)
    definitions = Definitions(settings)
    memberships = Memberships(settings)
    queries = Queries(settings, access, definitions, memberships)
    hub = ChangesHub(settings)
    streams = Streams(settings, access, hub, memberships, metrics)
    reasons = (lambda: writer.why_not_ready, lambda: definitions.why_not_ready)
    health = Health(metrics, *reasons, lambda: hub.why_not_ready if access.reading else None)
    ingestion = Ingestion(settings, access, definitions, writer, metrics, Room(), plan_of(settings))
    collector = Collector(ingestion)

    def drain() -> None:
        health.draining = True
        hub.end_all("ends")

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        writer.start()
        definitions.start()
        if access.reading:
            hub.start()
        try:
            yield
        finally:
            drain()
            await hub.stop()
            await writer.stop()
            await definitions.stop()
            await memberships.close()

    app = Litestar(
        route_handlers=ROUTES,
        lifespan=[running],
        exception_handlers={Problem: _say_problem, HTTPException: _say_error, Exception: _say_failure},
        middleware=[
            timed(metrics),
            DefineMiddleware(RequestLimit, in_hand=RequestsInHand(settings.requests_max)),
        ],
        cors_config=cross_origin(settings),
        dependencies={
            "collector": given(collector),
            "pushes": given(Pushes(ingestion)),
            "library_settings": given(LibrarySettings(settings, access)),
            "queries": given(queries),
            "experiments": given(Experiments(settings, access, definitions)),
            "user_items": given(UserItems(settings, access, queries, memberships)),
            "streams": given(streams),
            "erasures": given(Erasures(settings)),
            "exports": given(Exports(settings)),
            "lists": given(StaticLists(settings, writer)),
            "audit": given(Audit(settings, access)),
            "health": given(health),
        },
        request_max_body_size=BODY_BYTES_MAX * 2,  # `read_body` has the limit, and its own error
        openapi_config=_openapi(),
        logging_config=None,
        debug=False,
    )
    return Service(app, CredentialsAllowed(app, COLLECT_PATHS), drain, metrics)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Shoal",
        version=version("shoal"),
        description="Events in; who is in which segment, why, and what changes, out.",
        use_handler_docstrings=True,
        openapi_router=document_router(),
        render_plugins=[DocumentPage(), JsonDocument()],
        components=Components(
            security_schemes={
                "writeKey": SecurityScheme(
                    type="http", scheme="basic", description="The write key as user name; or writeKey in the body"
                ),
                "forwardKey": SecurityScheme(
                    type="http", scheme="basic", description="The forward key as user name; or writeKey in the query"
                ),
                "firehoseKey": SecurityScheme(
                    type="apiKey",
                    name="X-Amz-Firehose-Access-Key",
                    security_scheme_in="header",
                    description="The forward key",
                ),
                "readKey": SecurityScheme(type="http", scheme="bearer", description="The read key"),
                "adminKey": SecurityScheme(type="http", scheme="bearer", description="An admin key"),
                "userToken": SecurityScheme(
                    type="http", scheme="bearer", description="A visitor's token; or token in the query"
                ),
            }
        ),
    )


def _say_problem(_: Asked, problem: Problem) -> Response[bytes]:
    return Response(
        problem.encode(), status_code=problem.status, headers=problem.headers, media_type="application/json"
    )


def _say_error(request: Asked, error: HTTPException) -> Response[bytes]:
    return _say_failure(request, error) if error.status_code >= 500 else _say_problem(request, refusal_of(error))


def _say_failure(_: Asked, error: Exception) -> Response[bytes]:
    """Our own mistake. What it was stands in the log, without the request."""
    log.error("request failed: %s", type(error).__name__, exc_info=error)
    return _say_problem(_, Problem(500, "failure", "this is an error of the service; its log has the details"))
