"""The paths of questions about users and segments. All want a read key; those about one user also the user's token."""

import time
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.service.access.visitor_tokens import TTL_S_MAX
from app.service.http.body import body_of
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.http.openapi import EVALUATE, TOKEN, USERS, problems, security, with_body
from app.service.questions.evaluation import Evaluation, LiveEvaluation
from app.service.questions.memberships import PAGE_MAX, Page, SegmentCounts
from app.service.questions.queries import (
    READING,
    Queries,
    Question,
    SegmentList,
    Token,
    TokenWish,
    Users,
    UserSegments,
)

ValueParameter = Annotated[
    str | None,
    QueryParameter(name="value", description='By this value of a segment by value; the text "5", no number, in quotes'),
]
TokenParameter = Annotated[str | None, QueryParameter(name="token", description="A visitor's token")]


class QueryRoutes(Controller):
    """Questions. The dependency `queries` is the process's."""

    tags = ("ask",)

    @get(
        "/v1/users/{user:str}/segments",
        summary="What a user is in",
        responses=problems(*READING),
        security=security("readKey", "userToken"),
    )
    async def user_segments(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        user: FromPath[str],
        token: TokenParameter = None,
        segment: Annotated[str | None, QueryParameter(name="segment", description="Only this one")] = None,
        value: ValueParameter = None,
    ) -> UserSegments:
        """The segments that a user is in now, with since when and the attached values.

        Of a key that has moved to a user by a login, those of the user, with `asked` and `moved_to`. With a token,
        `user` is the key of the token.
        """
        reader = queries.access.may_follow(request.headers, token, user)
        return await queries.segments_of(user, reader, segment=segment, value=value)

    @post(
        "/v1/users/segments",
        status_code=200,
        summary="What several users are in",
        operation_class=with_body(USERS),
        responses=problems(*READING),
        security=security("readKey"),
    )
    async def users_segments(self, request: Asked, queries: NamedDependency[Queries]) -> list[UserSegments]:
        """The same for up to 100 users, in the order of the question."""
        queries.access.may_read(request.headers)
        wish: Users = await body_of(request, Users)
        return await queries.segments_of_all(wish.users)

    @get(
        "/v1/segments",
        summary="All segments",
        responses=problems(401, 403, 503),
        security=security("readKey"),
    )
    async def segments(self, request: Asked, queries: NamedDependency[Queries]) -> SegmentList:
        """All live segments, with how many users are in each."""
        queries.access.may_read(request.headers)
        return await queries.segments()

    @get(
        "/v1/segments/{segment:str}/users",
        summary="Who is in a segment",
        responses=problems(*READING, 404),
        security=security("readKey"),
    )
    async def segment_users(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        segment: FromPath[str],
        limit: Annotated[int, QueryParameter(name="limit", description=f"At most {PAGE_MAX}")] = 100,
        cursor: Annotated[str | None, QueryParameter(name="cursor", description="next of the page before")] = None,
        value: ValueParameter = None,
    ) -> Page:
        """The users of a segment, those who are in it for longest first.

        With `value` those who are in by it, `since` by it. A request looks at 10,000 users of the segment at most, so a
        page may have fewer than `limit`, or none; `total` is null.
        """
        queries.access.may_read(request.headers)
        return await queries.users_of(segment, limit=limit, cursor=cursor, value=value)

    @get(
        "/v1/segments/{segment:str}/counts",
        summary="How many were in a segment, over time",
        responses=problems(*READING, 404),
        security=security("readKey"),
    )
    async def segment_counts(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        segment: FromPath[str],
        since: Annotated[str | None, QueryParameter(name="since", description="ISO 8601; a week ago without")] = None,
        until: Annotated[str | None, QueryParameter(name="until", description="ISO 8601; now without")] = None,
    ) -> SegmentCounts:
        """The users of a segment at the instants they were counted at, by `shoal memberships`."""
        queries.access.may_read(request.headers)
        return await queries.counts_of(segment, since=since, until=until)

    @get(
        "/v1/users/{user:str}/explain",
        summary="Why",
        responses=problems(*READING, 404),
        security=security("readKey"),
    )
    async def user_explain(
        self,
        request: Asked,
        queries: NamedDependency[Queries],
        user: FromPath[str],
        segment: Annotated[str, QueryParameter(name="segment", description="The segment's name")],
        value: ValueParameter = None,
    ) -> LiveEvaluation:
        """Explain why a user is in a segment now or not: each part of the condition, its value, and what comes next.

        Of a segment by value, `values` has all that are known, or the asked one alone.
        """
        queries.access.may_read(request.headers)
        return await queries.explain(user, segment, value)

    @post(
        "/v1/evaluate",
        status_code=200,
        summary="What if",
        operation_class=with_body(EVALUATE),
        responses=problems(*READING, 413),
        security=security("readKey"),
    )
    async def what_if(self, request: Asked, queries: NamedDependency[Queries]) -> Evaluation:
        """Evaluate given events of a user: every segment, in or not, why, and what comes next. Nothing is stored."""
        queries.access.may_read(request.headers)
        return await queries.evaluate(await body_of(request, Question))

    @post(
        "/v1/tokens",
        status_code=200,
        summary="A visitor's token",
        operation_class=with_body(TOKEN),
        responses=problems(*READING),
        security=security("readKey"),
    )
    async def make_token(self, request: Asked, queries: NamedDependency[Queries]) -> Token:
        """Lets a page read one user's segments, and follow them, for a while."""
        queries.access.may_read(request.headers)
        wish: TokenWish = await body_of(request, TokenWish)
        if not 1 <= wish.ttl <= TTL_S_MAX:
            raise Problem(400, "ttl", f"ttl is {wish.ttl} seconds; from 1 to {TTL_S_MAX}")
        until_s = int(time.time()) + wish.ttl
        token = queries.access.tokens.make(queries.key_of(wish.user), until_s=until_s, follows=wish.follow)
        return Token(token=token, expires_in=wish.ttl)
