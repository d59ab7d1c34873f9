"""The paths of segments: all of them, one, its size, its users, its changes, its neighbours."""

from typing import Annotated, Any

import msgspec
from aiokafka.errors import KafkaError
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.population.freshness import SegmentFreshness
from app.population.overlap import Overlap
from app.population.sizes import SegmentSize
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.service.questions.memberships import Page
from app.service.questions.queries import Queries
from app.web.access.gate import Asked, Gate
from app.web.catalog_view import CatalogView, SegmentRows, SegmentView
from app.web.change_feed import ChangeFeed, Movement
from app.web.live_changes import LiveChanges, told

READING = (401, 403, 404, 503)
PAIRS = 8
PAGE = 50


class Flows(msgspec.Struct, frozen=True):
    """Ways between segments since an instant, the most frequent first; null: nothing has changed lately."""

    since: str | None
    movements: list[Movement]


class Changes(msgspec.Struct, frozen=True):
    """The latest changes of a segment, the newest first, each with `why`."""

    changes: list[dict[str, Any]]


class SegmentRoutes(Controller):
    """Segments. The dependencies are the process's."""

    tags = ("segments",)

    @get("/console/v1/segments", summary="All segments", responses=problems(*READING), security=security("session"))
    async def segments(
        self, request: Asked, gate: NamedDependency[Gate], catalog_view: NamedDependency[CatalogView]
    ) -> SegmentRows:
        """All segments, drafts and retired ones too, with their sizes now and a day ago."""
        gate.need(request, "see")
        return await catalog_view.rows()

    @get(
        "/console/v1/flows", summary="Ways between segments", responses=problems(401, 403), security=security("session")
    )
    async def flows(self, request: Asked, gate: NamedDependency[Gate], feed: NamedDependency[ChangeFeed]) -> Flows:
        """Users who left a segment and entered another one at the same instant, lately."""
        gate.need(request, "see")
        return Flows(feed.since, feed.movements())

    @get(
        "/console/v1/segments/{name:str}",
        summary="A segment",
        responses=problems(*READING),
        security=security("session"),
    )
    async def segment(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        catalog_view: NamedDependency[CatalogView],
        name: FromPath[str],
    ) -> SegmentView:
        """Its text, its condition in words, and what depends on it."""
        gate.need(request, "see")
        return catalog_view.view(name)

    @get(
        "/console/v1/segments/{name:str}/size",
        summary="How large it is and was",
        responses=problems(400, *READING),
        security=security("session"),
    )
    async def size(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        queries: NamedDependency[Queries],
        catalog_view: NamedDependency[CatalogView],
        name: FromPath[str],
        back: Annotated[str, QueryParameter(name="back", description="A duration, such as 30d")] = "7d",
    ) -> SegmentSize:
        """Its users now, a day and a week ago, and at evenly spaced instants of a period."""
        gate.need(request, "see")
        catalog_view.live_segment(name)
        return await queries.size_of(name, back=back)

    @get(
        "/console/v1/segments/{name:str}/users",
        summary="Who is in it",
        responses=problems(400, *READING),
        security=security("session"),
    )
    async def users(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        queries: NamedDependency[Queries],
        catalog_view: NamedDependency[CatalogView],
        name: FromPath[str],
        cursor: Annotated[str | None, QueryParameter(name="cursor", description="next of the page before")] = None,
    ) -> Page:
        """Some of its users, those who are in it for longest first. Only with the right `people`."""
        gate.need(request, "people")
        catalog_view.live_segment(name)
        return await queries.users_of(name, limit=PAGE, cursor=cursor)

    @get(
        "/console/v1/segments/{name:str}/changes",
        summary="Its latest changes",
        responses=problems(*READING),
        security=security("session"),
    )
    async def changes(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        catalog_view: NamedDependency[CatalogView],
        feed: NamedDependency[ChangeFeed],
        live: NamedDependency[LiveChanges],
        name: FromPath[str],
    ) -> Changes:
        """The latest changes that this process has read, with their reasons; without users for who may not see them."""
        visitor = gate.need(request, "see")
        catalog_view.segment(name)
        reasons = live.reasons()
        return Changes([told(change, visitor.mask, reasons) for change in feed.latest(name)])

    @get(
        "/console/v1/segments/{name:str}/overlap",
        summary="Which segments have the same users",
        responses=problems(*READING),
        security=security("session"),
    )
    async def overlap(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        queries: NamedDependency[Queries],
        catalog_view: NamedDependency[CatalogView],
        name: FromPath[str],
    ) -> Overlap:
        """Its pairs with the segments that have the most users in common with it."""
        gate.need(request, "see")
        catalog_view.live_segment(name)
        return await queries.overlap_of(name, by="share", limit=PAIRS)

    @get(
        "/console/v1/segments/{name:str}/freshness",
        summary="Its last change, and the last event of its kinds",
        responses=problems(*READING),
        security=security("session"),
    )
    async def freshness(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        catalog_view: NamedDependency[CatalogView],
        name: FromPath[str],
    ) -> SegmentFreshness:
        """From the newest records of the topics; what is older was not looked at."""
        gate.need(request, "see")
        catalog_view.live_segment(name)
        try:
            found = await catalog_view.freshness()
        except (KafkaError, OSError, TimeoutError):
            raise Problem(503, "kafka", "Kafka does not answer", retry_after_s=3) from None
        for each in found.segments:
            if each.segment == name:
                return each
        raise Problem(503, "no-definitions", "the definitions have just changed", retry_after_s=2)
