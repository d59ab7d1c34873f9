"""Questions about users and segments. All of them want a read key; those about one user also take the user's token."""

import asyncio
import time
from typing import Any, Final

import msgspec
from litestar import Request
from msgspec import UNSET

from app.events.message import USER_BYTES_MAX, instant_ms
from app.population.drift import Drift, NoCountsError, drift
from app.population.overlap import Order, Overlap, Wish, overlap
from app.population.sizes import Period, SegmentSize, segment_sizes
from app.segments.language.durations import DurationError, parse_duration
from app.service.access.access import Access, Reader
from app.service.definitions import Definitions
from app.service.http.http_problem import Problem
from app.service.questions.evaluation import Evaluation, LiveEvaluation, evaluate
from app.service.questions.memberships import PAGE_MAX, Membership, Memberships, Page, SegmentCounts, Snapshot
from app.service.questions.profiles import Profiles
from app.settings import Settings
from tables.by_value import written_keys
from tables.counted import Counted
from tables.values import key_of

Asked = Request[Any, Any, Any]
USERS_MAX: Final = 100
EVALUATIONS_AT_ONCE: Final = 2
REPORTS_AT_ONCE: Final = 2
SAMPLE_USERS: Final = 200
"""Users of each segment that are sampled for an overlap: fewer than on the command line, since somebody waits."""
PAIRS_MAX: Final = 200
TTL_S: Final = 3_600
WEEK_MS: Final = 7 * 86_400_000
BACK_MS_MAX: Final = 400 * 86_400_000
READING: Final = (400, 401, 403, 429, 503)


class UserSegments(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Memberships of a user, by the name of the segment.

    Only where a key was asked for that has moved to a user: `asked`, that key, and `moved_to`, the user.
    """

    user: str
    segments: list[Membership]
    asked: str | None = None
    moved_to: str | None = None


def user_segments(asked: str, snapshot: Snapshot, *, is_visitor: bool) -> UserSegments:
    """The answer to a question about a key. A visitor is not told the ids of other keys of a person."""
    if is_visitor or snapshot.user == asked:
        return UserSegments(user=asked, segments=snapshot.memberships)
    moved_to = snapshot.user
    return UserSegments(user=moved_to, segments=snapshot.memberships, asked=asked, moved_to=moved_to)


class SegmentInfo(msgspec.Struct, kw_only=True, frozen=True):
    """A live segment. `users`: how many are in it; null where no Redis says so."""

    segment: str
    title: str
    description: str
    tags: list[str]
    users: int | None


class SegmentList(msgspec.Struct, kw_only=True, frozen=True):
    """All live segments. `complete`: the counts are of all users."""

    version: str
    complete: bool
    segments: list[SegmentInfo]


class Token(msgspec.Struct, kw_only=True, frozen=True):
    """A visitor's token, and the seconds it is good for."""

    token: str
    expires_in: int


class Users(msgspec.Struct):
    """Users that are asked for."""

    users: list[str]


class Question(msgspec.Struct):
    """Events to be played."""

    events: list[Any]
    at: str | None = None


class TokenWish(msgspec.Struct):
    """A token that is wished for: whose, for how many seconds, and whether it follows its key after a login."""

    user: str
    ttl: int = TTL_S
    follow: bool = False


class Queries:
    """The answers, apart from HTTP."""

    def __init__(self, settings: Settings, access: Access, definitions: Definitions, memberships: Memberships) -> None:
        self.access = access
        self._rules = settings.time_rules
        self._ids = settings.incoming_ids
        self._definitions = definitions
        self._memberships = memberships
        self._profiles = Profiles(settings)
        self._evaluating = asyncio.Semaphore(EVALUATIONS_AT_ONCE)
        self._reporting = asyncio.Semaphore(REPORTS_AT_ONCE)
        self._counts_every_ms = settings.counts_every_ms

    def key_of(self, user: str) -> str:
        """The key of a user whom a question names. Problem 400 for one that cannot be."""
        return checked_user(self._ids.key_of(user))

    async def segments_of(
        self, user: str, reader: Reader, *, segment: str | None = None, value: str | None = None
    ) -> UserSegments:
        """Returns the memberships of a user; of a key that has moved, those of the user it has moved to. `segment`,
        `value`: only that one, only those by this value."""
        snapshot = await self._memberships.of(self.key_of(user), follows=reader.follows)
        found = user_segments(self.key_of(user), snapshot, is_visitor=reader.is_visitor)
        keys = None if value is None else written_keys(value)
        wanted = [
            each
            for each in found.segments
            if segment in (None, each.segment)
            and (keys is None or (each.value is not UNSET and key_of(each.value, Counted()) in keys))
        ]
        return msgspec.structs.replace(found, segments=wanted)

    async def segments_of_all(self, users: list[str]) -> list[UserSegments]:
        """The same for several users."""
        if len(users) > USERS_MAX:
            raise Problem(400, "too-many", f"{len(users)} users; at most {USERS_MAX} are allowed in a request")
        if not users:
            return []
        keys = [self.key_of(user) for user in users]
        found = await self._memberships.of_all(keys)
        return [user_segments(key, each, is_visitor=False) for key, each in zip(keys, found, strict=True)]

    async def segments(self) -> SegmentList:
        """All live segments with their counts."""
        catalog = self._definitions.catalog
        live = sorted(catalog.live_segments, key=lambda each: each.name)
        counts: dict[str, int] = {}
        complete = False
        if self._memberships.known:
            counts, complete = await self._memberships.counts(each.name for each in live)
        infos = [
            SegmentInfo(
                segment=each.name,
                title=each.title,
                description=each.description,
                tags=list(each.tags),
                users=counts.get(each.name),
            )
            for each in live
        ]
        return SegmentList(version=catalog.version, complete=complete, segments=infos)

    async def users_of(self, segment: str, *, limit: int, cursor: str | None, value: str | None = None) -> Page:
        """A page of a segment's users; `value`: of those who are in by this value."""
        if not 1 <= limit <= PAGE_MAX:
            raise Problem(400, "limit", f"limit is {limit}; from 1 to {PAGE_MAX}")
        self._check_segment(segment)
        if value is not None:
            self._check_by_value(segment)
            keys = written_keys(value)
            return await self._memberships.page_by_value(segment, keys, limit=limit, cursor=cursor)
        return await self._memberships.page(segment, limit=limit, cursor=cursor)

    async def counts_of(self, segment: str, *, since: str | None, until: str | None) -> SegmentCounts:
        """Returns the number of users in a segment over time."""
        self._check_segment(segment)
        now_ms = time.time_ns() // 1_000_000
        since_ms = now_ms - WEEK_MS if since is None else _instant(since, "since")
        until_ms = now_ms if until is None else _instant(until, "until")
        return await self._memberships.counts_over_time(segment, since_ms=since_ms, until_ms=until_ms)

    async def size_of(self, segment: str, *, back: str) -> SegmentSize:
        """The users of a segment, now and before."""
        self._check_segment(segment)
        period = self._period(back)
        (found,) = await self._memberships.report(lambda sets: segment_sizes(sets, [segment], period))
        return found

    async def overlap_of(self, segment: str, *, by: Order, limit: int) -> Overlap:
        """The live segments that have the most users in common with this one."""
        if not 1 <= limit <= PAIRS_MAX:
            raise Problem(400, "limit", f"limit is {limit}; from 1 to {PAIRS_MAX}")
        self._check_segment(segment)
        wish = Wish(focus=segment, order=by, pairs_max=limit, sample_users=SAMPLE_USERS, skips_small=True)
        async with self._reporting:
            return await self._memberships.report(lambda sets: overlap(sets, self._live(), wish))

    async def drift(self, *, back: str) -> Drift:
        """The drift of all live segments."""
        period = self._period(back)
        async with self._reporting:
            try:
                return await self._memberships.report(lambda sets: drift(sets, self._live(), period))
            except NoCountsError as error:
                raise Problem(404, "no-counts", f"{error}: ask for another back") from None

    def _live(self) -> list[str]:
        return sorted(each.name for each in self._definitions.catalog.live_segments)

    def _period(self, back: str) -> Period:
        try:
            back_ms = parse_duration(back)
        except DurationError:
            back_ms = 0
        if not 0 < back_ms <= BACK_MS_MAX:
            raise Problem(400, "back", f"back is {back[:40]!r}; a duration such as 7d, at most 400d")
        return Period(now_ms=time.time_ns() // 1_000_000, back_ms=back_ms, every_ms=self._counts_every_ms)

    async def explain(self, user: str, segment: str, value: str | None = None) -> LiveEvaluation:
        """Explains why a live user is in a segment, or not; `value`: by this value. Problem 404 for one not known."""
        self._check_segment(segment)
        if value is not None:
            self._check_by_value(segment)
        catalog, program = await self._definitions.compiled()
        found = await self._profiles.explain(self.key_of(user), segment, catalog=catalog, program=program)
        if value is None or found.segment.values is UNSET:
            return found
        keys = written_keys(value)
        values = [each for each in found.segment.values if key_of(each.value, Counted()) in keys]
        if not values:
            detail = (
                f"{segment} knows nothing of the value {value!r:.80} of this user: without value, all that are known"
            )
            raise Problem(404, "no-value", detail)
        return msgspec.structs.replace(found, segment=msgspec.structs.replace(found.segment, values=values))

    def _check_by_value(self, segment: str) -> None:
        if self._definitions.catalog.segment(segment).each is None:
            raise Problem(400, "value", f"{segment} has no values (each): leave value out")

    def _check_segment(self, segment: str) -> None:
        if all(each.name != segment for each in self._definitions.catalog.live_segments):
            raise Problem(404, "no-segment", f"there is no live segment {segment!r:.80}: see /v1/segments")

    async def evaluate(self, question: Question) -> Evaluation:
        """Evaluates given events of a user."""
        at_ms = None if question.at is None else _instant(question.at)
        catalog, program = await self._definitions.compiled()
        async with self._evaluating:
            return await asyncio.to_thread(
                evaluate,
                question.events,
                catalog=catalog,
                program=program,
                rules=self._rules,
                at_ms=at_ms,
                now_ms=time.time_ns() // 1_000_000,
            )


def checked_user(user: str) -> str:
    """A user as it can stand in the clickstream; Problem 400."""
    try:
        size = len(user.encode())
    except UnicodeEncodeError:
        size = USER_BYTES_MAX + 1
    if not 0 < size <= USER_BYTES_MAX or "\0" in user:
        raise Problem(400, "user", f"a user has from 1 to {USER_BYTES_MAX} bytes, and no NUL")
    return user


def _instant(text: str, name: str = "at") -> int:
    try:
        return instant_ms(text)
    except ValueError:
        raise Problem(400, name, f"{name} is not an ISO 8601 time: {text[:40]!r}") from None
