"""The paths of reports about whole segments. All want a read key."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.population.drift import Drift
from app.population.overlap import Order, Overlap
from app.population.sizes import SegmentSize
from app.service.http.framework import Asked
from app.service.http.openapi import problems, security
from app.service.questions.queries import PAIRS_MAX, READING, Queries


class PopulationRoutes(Controller):
    """Reports. The dependency `queries` is the process's."""

    tags = ("ask",)

    @get(
        "/v1/segments/{segment:str}/size",
        summary="How large a segment is and was",
        responses=problems(*READING, 404),
        security=security("readKey"),
    )
    async def segment_size(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        segment: FromPath[str],
        back: Annotated[str, QueryParameter(name="back", description="A duration, such as 30d")] = "7d",
    ) -> SegmentSize:
        """The users of a segment now, a day and a week ago, and at evenly spaced instants of a period."""
        queries.access.may_read(request.headers)
        return await queries.size_of(segment, back=back)

    @get(
        "/v1/segments/{segment:str}/overlap",
        summary="Which segments have the same users",
        responses=problems(*READING, 404),
        security=security("readKey"),
    )
    async def segment_overlap(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        segment: FromPath[str],
        by: Annotated[Order, QueryParameter(name="by", description="The order of the pairs")] = "share",
        limit: Annotated[int, QueryParameter(name="limit", description=f"At most {PAIRS_MAX}")] = 20,
    ) -> Overlap:
        """Pairs of this segment with others: users in both, share of the smaller, Jaccard index, merge candidates."""
        queries.access.may_read(request.headers)
        return await queries.overlap_of(segment, by=by, limit=limit)

    @get(
        "/v1/drift",
        summary="How the segments have drifted",
        responses=problems(*READING, 404),
        security=security("readKey"),
    )
    async def segments_drift(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        back: Annotated[str, QueryParameter(name="back", description="A duration, such as 7d")] = "7d",
    ) -> Drift:
        """Each live segment's share of all memberships now and a while ago, with the population stability index."""
        queries.access.may_read(request.headers)
        return await queries.drift(back=back)
