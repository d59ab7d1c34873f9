"""Memberships that begin anew while they are being read: the answer is right, or it is none."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from app.service.http.http_problem import Problem
from app.service.questions.memberships import Memberships
from app.settings import Settings
from tests.service.projection import Projection

SEGMENT = "cart-abandoned"


class EmptiedInBetween(Memberships):
    """After each question everything is gone, as `shoal memberships rebuild` does it."""

    def __init__(self, settings: Settings, projection: Projection) -> None:
        super().__init__(settings)
        self._projection = projection

    async def ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        answer = await super().ask(question)
        await self._projection.forget()
        await self._projection.leave("ann", SEGMENT)
        return answer


@pytest.fixture
async def memberships(own_settings: Settings) -> AsyncIterator[Memberships]:
    """Returns the memberships of ann."""
    projection = Projection(own_settings)
    await projection.begin()
    await projection.enter("ann", SEGMENT, "2026-01-05T10:30:00.000Z")
    made = EmptiedInBetween(own_settings, projection)
    yield made
    await made.close()
    await projection.redis.aclose()


async def right_or_nothing(answer: Awaitable[Any], right: Callable[[Any], bool]) -> None:
    try:
        found = await answer
    except Problem as problem:
        said = problem.status
    else:
        said = 200 if right(found) else 0
    assert said in (200, 503), "a wrong answer"


async def test_what_a_user_is_in(memberships: Memberships) -> None:
    await right_or_nothing(memberships.of("ann"), lambda found: len(found.memberships) == 1)


async def test_how_many_are_in_a_segment(memberships: Memberships) -> None:
    await right_or_nothing(memberships.counts([SEGMENT]), lambda found: found == ({SEGMENT: 1}, True))


async def test_who_is_in_a_segment(memberships: Memberships) -> None:
    await right_or_nothing(
        memberships.page(SEGMENT, limit=10, cursor=None), lambda found: (found.total, found.complete) == (1, True)
    )
