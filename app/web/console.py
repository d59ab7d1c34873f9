"""Composition root of the console: settings in, an ASGI application out. Nothing starts before it is served."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import msgspec
from litestar import Litestar, Response
from litestar.config.compression import CompressionConfig
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from app.service.access.access import Access
from app.service.definitions import Definitions
from app.service.http.framework import given, refusal_of
from app.service.http.http_problem import Problem
from app.service.http.openapi import JsonDocument
from app.service.live.changes import ChangesHub
from app.service.questions.memberships import Memberships
from app.service.questions.profiles import Profiles
from app.service.questions.queries import Queries
from app.service.routes.export_routes import Exports
from app.settings import Settings
from app.web.access.cookies import SESSION
from app.web.access.gate import Asked, Gate
from app.web.catalog_view import CatalogView
from app.web.change_feed import ChangeFeed
from app.web.drafts.own_tests import OwnTests
from app.web.drafts.publications import Publications
from app.web.drafts.reviews import Reviews
from app.web.drafts.shared_drafts import SharedDrafts
from app.web.front import Front
from app.web.jobs.backfills import Backfills
from app.web.jobs.jobs import Jobs
from app.web.live_changes import LiveChanges
from app.web.privacy import Deeds
from app.web.pulse import Pulses
from app.web.routes.audit_routes import AuditRoutes
from app.web.routes.backfill_routes import BackfillRoutes
from app.web.routes.change_routes import ChangeRoutes
from app.web.routes.definition_routes import DefinitionRoutes, Drafts
from app.web.routes.draft_routes import DraftRoutes
from app.web.routes.experiment_routes import ExperimentRoutes
from app.web.routes.job_routes import JobRoutes
from app.web.routes.list_routes import ListRoutes
from app.web.routes.oidc_routes import OidcRoutes
from app.web.routes.operation_routes import OperationRoutes
from app.web.routes.people_routes import People, PeopleRoutes
from app.web.routes.privacy_routes import PrivacyRoutes
from app.web.routes.publication_routes import PublicationRoutes
from app.web.routes.review_routes import ReviewRoutes
from app.web.routes.segment_routes import SegmentRoutes
from app.web.routes.session_routes import SessionRoutes
from app.web.static_files import StaticFiles
from app.web.texts import say, translated
from app.web.timeline import Timelines
from app.web.vocabulary import Vocabularies

ROUTES: Final = (
    *(SessionRoutes, OidcRoutes, SegmentRoutes, PeopleRoutes, ChangeRoutes, OperationRoutes),
    *(DefinitionRoutes, DraftRoutes, ReviewRoutes, PublicationRoutes, JobRoutes),
    *(BackfillRoutes, ListRoutes, ExperimentRoutes, PrivacyRoutes, AuditRoutes),
)
BODY_BYTES_MAX: Final = 1 << 20
EXPORTS: Final = "^/console/v1/privacy/exports"
STREAM: Final = "^/console/v1/changes"
"""Live changes are sent as they come: nothing may collect them to pack them."""

SERVICE_TEXTS: Final = {
    "no-definitions": "no_definitions",
    "unread": "unread",
    "no-such-path": "no_path",
    "no-redis": "no_redis",
    "redis": "redis",
}
"""Codes of refusals that the service and the framework say in English, and the texts for people."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Console:
    """`asgi` is served, with `app` inside; `drain` is called before the last requests are waited for."""

    app: Litestar
    asgi: ASGIApp
    drain: Callable[[], None]


def create_console(settings: Settings) -> Console:
    """The console, not yet started. UserError for definitions, users or addresses that cannot be used."""
    gate = Gate(settings)
    definitions = Definitions(settings, collects=False)
    memberships = Memberships(settings)
    hub = ChangesHub(settings)
    feed = ChangeFeed(settings, hub)
    view = CatalogView(settings, definitions, memberships, feed)
    jobs = Jobs()
    backfills = Backfills(settings)
    shared_drafts = SharedDrafts(settings)

    def drain() -> None:
        hub.end_all("ends")

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        definitions.start()
        hub.start()
        feed.start()
        try:
            yield
        finally:
            drain()
            await jobs.stop()
            await backfills.stop()
            await feed.stop()
            await hub.stop()
            await definitions.stop()
            await memberships.close()

    app = Litestar(
        route_handlers=ROUTES,
        lifespan=[running],
        exception_handlers={Problem: _say_problem, HTTPException: _say_error, Exception: _say_failure},
        dependencies={
            "gate": given(gate),
            "settings": given(settings),
            "queries": given(Queries(settings, Access(settings), definitions, memberships)),
            "catalog_view": given(view),
            "feed": given(feed),
            "live": given(LiveChanges(hub, definitions, streams_max=settings.console_streams_max)),
            "people": given(People(definitions, memberships, Profiles(settings))),
            "timelines": given(Timelines(settings)),
            "pulses": given(Pulses(settings)),
            "drafts": given(Drafts(settings, definitions)),
            "shared_drafts": given(shared_drafts),
            "reviews": given(Reviews(settings, shared_drafts)),
            "publications": given(Publications(settings)),
            "jobs": given(jobs),
            "backfills": given(backfills),
            "own_tests": given(OwnTests(settings, jobs)),
            "deeds": given(Deeds(settings)),
            "exports": given(Exports(settings)),
            "vocabularies": given(Vocabularies(settings)),
        },
        request_max_body_size=BODY_BYTES_MAX,
        compression_config=CompressionConfig(backend="gzip", exclude=[STREAM, EXPORTS]),
        openapi_config=_openapi(),
        logging_config=None,
        debug=False,
    )
    return Console(app, Front(app, StaticFiles(), checks_host=gate.login == "none"), drain)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Shoal console",
        version=version("shoal"),
        description="What the pages of the console ask. Writes send back `csrf` of /console/v1/me as X-Shoal-CSRF.",
        use_handler_docstrings=True,
        path="/console/v1/docs",
        render_plugins=[JsonDocument()],
        components=Components(
            security_schemes={
                "session": SecurityScheme(
                    type="apiKey", security_scheme_in="cookie", name=SESSION, description="The cookie of a session"
                )
            }
        ),
    )


def _say_problem(_: Asked, problem: Problem) -> Response[bytes]:
    if (key := SERVICE_TEXTS.get(problem.body.code)) is not None:
        problem.body = msgspec.structs.replace(problem.body, message=say(f"refused_{key}"))
    else:
        problem.body = msgspec.structs.replace(problem.body, message=translated(problem.body.message))
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(problem.encode(), status_code=problem.status, headers=headers, media_type="application/json")


def _say_error(request: Asked, error: HTTPException) -> Response[bytes]:
    return _say_failure(request, error) if error.status_code >= 500 else _say_problem(request, refusal_of(error))


def _say_failure(request: Asked, error: Exception) -> Response[bytes]:
    """Our own mistake. What it was stands in the log, without the request."""
    log.error("request failed: %s", type(error).__name__, exc_info=error)
    return _say_problem(request, Problem(500, "failure", say("refused_failure")))
