"""Items for a user, out of the latest items that a segment attaches, and the neighbours in Redis."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from app.recommendations.histories import item_text
from app.recommendations.model import HISTORY_MAX, ITEM_CHARACTERS_MAX, Recommended, ranked
from app.recommendations.redis_store import EVERYBODY, RecommendationStore, Served
from app.service.access.access import Access, Reader
from app.service.http.http_problem import Problem
from app.service.questions.memberships import Memberships, Snapshot
from app.service.questions.queries import Queries
from app.settings import Settings

ITEMS_MAX: Final = 50
_PLACE: Final = re.compile(r"item_([1-9][0-9]?)")


class UserRecommendations(msgspec.Struct, kw_only=True, frozen=True):
    """Items for a user, the best first. `version`: of the recommendations, learnt from events up to `trained_until`.
    `history`: the items they are made from, the latest first. `segment`: whose popular items fill the rest; null: those
    of all users. Only where a key was asked for that has moved to a user, `asked` differs from `user`."""

    user: str
    asked: str
    version: str
    trained_until: str
    history: list[str]
    segment: str | None
    items: list[Recommended]


class UserItems:
    """The answers, apart from HTTP."""

    def __init__(self, settings: Settings, access: Access, queries: Queries, memberships: Memberships) -> None:
        self.access = access
        self._queries = queries
        self._memberships = memberships
        self._prefix = settings.redis_prefix

    async def of(self, user: str, reader: Reader, *, most: int, current: Sequence[str]) -> UserRecommendations:
        """Items for a user. `current`: items of now, which the events may not have told yet, the latest first.
        Problem 400, 404, 503."""
        if not 1 <= most <= ITEMS_MAX:
            raise Problem(400, "n", f"n is {most}; from 1 to {ITEMS_MAX}")
        now = _current(current)
        asked = self._queries.key_of(user)
        snapshot = await self._memberships.of(asked, follows=reader.follows)
        served = await self._memberships.ask(lambda redis: self._store(redis).served())
        if served is None:
            raise _none_served()
        found, left_out = _history(snapshot, served.recent)
        history = list(dict.fromkeys([*now, *found]))[:HISTORY_MAX]
        inside = {each.segment for each in snapshot.memberships}
        filler = next((segment for segment in served.segments if segment in inside), EVERYBODY)
        neighbours, popular = await self._read(served, history, filler)
        return UserRecommendations(
            user=asked if reader.is_visitor else snapshot.user,
            asked=asked,
            version=served.version,
            trained_until=served.trained_until,
            history=history,
            segment=filler or None,
            items=ranked(history, neighbours, popular, most=most, left_out=left_out),
        )

    def _store(self, redis: Any) -> RecommendationStore:
        return RecommendationStore(redis, prefix=self._prefix)

    async def _read(self, served: Served, history: Sequence[str], filler: str) -> tuple[Any, list[str]]:
        found = await self._memberships.ask(lambda redis: self._store(redis).neighbours(served, history, filler))
        if found is None:
            raise _none_served()
        return found


def _none_served() -> Problem:
    return Problem(404, "no-recommendations", "none are published: shoal recommend publish FILE")


def _current(items: Iterable[str]) -> list[str]:
    """The items of a request. Problem 400."""
    given = list(items)
    if len(given) > HISTORY_MAX:
        raise Problem(400, "item", f"{len(given)} items; at most {HISTORY_MAX} are allowed in a request")
    found = [item_text(item) for item in given]
    if None in found:
        raise Problem(400, "item", f"an item has from 1 to {ITEM_CHARACTERS_MAX} characters")
    return [item for item in found if item is not None]


def _history(snapshot: Snapshot, recent: str) -> tuple[list[str], set[str]]:
    """The latest items of a user, and other items that the segment attaches: they have these already."""
    attach = next((each.attach for each in snapshot.memberships if each.segment == recent), {})
    placed: list[tuple[int, str]] = []
    others: set[str] = set()
    for name, value in attach.items():
        items = [item for each in (value if isinstance(value, list) else [value]) if (item := item_text(each))]
        if place := _PLACE.fullmatch(name):
            placed += [(int(place[1]), item) for item in items]
        else:
            others.update(items)
    return [item for _, item in sorted(placed, key=lambda each: each[0])], others
