"""Reading who is in what from Redis, where `shoal memberships` keeps it. Nothing is written here.

`<prefix>user:<user>` is a hash of field -> entry (JSON), `<prefix>segment:<name>` a sorted set of users by the
instant of their entry in ms, `<prefix>moved:<key>` the user that a key has moved to. `<prefix>memberships` says how far
the projection is: before a partition has caught up once, what stands there is not the truth, and nothing is said about
its users.
"""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.events.instants import iso
from app.population.membership_sets import MembershipSets, NotReadyError
from app.runtime.kafka.partitioner import partition_of
from app.runtime.redis_client import connect_redis
from app.runtime.redis_keys import RedisKeys, read_field
from app.segments.evaluation.change import InGroup
from app.service.http.http_problem import Problem
from app.settings import Settings
from tables.values import Scalar

CONNECTIONS_MAX: Final = 50
PAGE_MAX: Final = 1_000
SKIP_MAX: Final = 10_000
SCAN_MAX: Final = 10_000
"""Users of a segment that one question by value looks at."""
RETRY_AFTER_S: Final = 2

T = TypeVar("T")


class Membership(msgspec.Struct, kw_only=True, frozen=True):
    """One segment that a user is in. Instants are ISO 8601 texts.

    `value`: the one by which they are in; only there for a segment by value, which comes once for each of them.
    `valid_until`: it does not end before that without a new event; null: not by time alone. `group`: that of the
    experiment that decides, to the end of the membership; null: none. `experiments`: only there for a user in a group.
    """

    segment: str
    since: str
    valid_until: str | None = None
    attach: dict[str, Any] = {}
    version: str = ""
    times: int = 1
    group: str | None = None
    experiments: list[InGroup] | UnsetType = UNSET
    value: Scalar | UnsetType = UNSET


class Entered(msgspec.Struct, frozen=True):
    """A user of a segment, and since when."""

    user: str
    since: str


class Page(msgspec.Struct, kw_only=True, frozen=True):
    """Users of a segment, the longest in it first. `next` is the cursor of the next page, null at the end. `total`: of
    the segment; null where only those by one value are asked for."""

    segment: str
    users: list[Entered]
    total: int | None
    complete: bool
    next: str | None


class Count(msgspec.Struct, frozen=True):
    """Number of users in a segment at an instant."""

    at: str
    users: int


class SegmentCounts(msgspec.Struct, kw_only=True, frozen=True):
    """The counts of a segment, in the order of time."""

    segment: str
    counts: list[Count]


class _Entry(msgspec.Struct, kw_only=True):
    since: str
    valid_until: str | None = None
    attach: dict[str, Any] = {}
    version: str = ""
    times: int = 1
    group: str | None = None
    experiments: list[InGroup] | UnsetType = UNSET


_decode_entry: Final = msgspec.json.Decoder(_Entry).decode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A user's memberships. `offset`: of the changes of the user's partition, those before it are in them.

    `path`: the key that was asked for, and those that it has moved to one after the other; the last is the user.
    `redirects`: for each key of the path, the offset of its partition's identity events that the path knows of.
    """

    memberships: list[Membership]
    partition: int
    offset: int | None
    path: tuple[str, ...]
    redirects: tuple[int | None, ...]

    @property
    def user(self) -> str:
        """The user whose memberships they are."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class _Path:
    """A key that was asked for as the `number`-th, and those that it has moved to, as far as they are known."""

    number: int
    keys: tuple[str, ...]
    redirects: tuple[int | None, ...]


class Memberships:
    """One connection pool. Every question raises Problem 503 when Redis has no answer."""

    def __init__(self, settings: Settings) -> None:
        """UserError for an address that cannot be read."""
        self._keys = RedisKeys(settings.redis_prefix)
        self._timeout_s = settings.redis_timeout_ms / 1000
        self._redis: Redis | None = None
        if settings.redis_url:
            self._redis = connect_redis(settings, retries=1, connections_max=CONNECTIONS_MAX)

    @property
    def known(self) -> bool:
        """True if there is a Redis at all."""
        return self._redis is not None

    async def close(self) -> None:
        """Ends the connections."""
        if self._redis is not None:
            await self._redis.aclose()

    async def of(self, user: str, *, follows: bool = True) -> Snapshot:
        """Returns the memberships of a user, with the position of the applied changes. Problem 503 while unknown.

        Of a key that has moved, those of the user it has moved to, unless `follows` is False.
        """
        (found,) = await self.of_all([user], follows=follows)
        return found

    async def of_all(self, users: Sequence[str], *, follows: bool = True) -> list[Snapshot]:
        """The same for several users, in their order."""
        found: dict[int, Snapshot] = {}
        begun: list[_Path] = [_Path(number, (user,), ()) for number, user in enumerate(users)]
        while begun:
            begun = await self._step(begun, found, follows=follows)
        return [found[number] for number in range(len(users))]

    async def _step(self, paths: "list[_Path]", found: dict[int, Snapshot], *, follows: bool) -> "list[_Path]":
        """Asks for the last key of each path: `found` gets what has an end, the others are one key longer."""

        async def ask(redis: Any) -> list[Any]:
            # As one: a script moves position and memberships together.
            pipeline = redis.pipeline(transaction=True)
            pipeline.hgetall(self._keys.projection)
            for path in paths:
                pipeline.hgetall(self._keys.user(path.keys[-1]))
                pipeline.get(self._keys.moved(path.keys[-1]))
            return cast(list[Any], await pipeline.execute())

        state, *answers = await self.ask(ask)
        partitions = int(state.get(b"partitions") or 0) if state.get(b"generation") else 0
        if not partitions:
            raise _building()
        longer = []
        for path, entries, moved in zip(paths, answers[::2], answers[1::2], strict=True):
            partition = partition_of(path.keys[-1].encode(), partitions)
            if not state.get(f"ready:{partition}".encode()):
                raise _building()
            redirects = (*path.redirects, _offset(state.get(f"position:identity-{partition}".encode())))
            target = moved.decode() if follows and moved is not None else None
            if target is not None and target not in path.keys:
                longer.append(_Path(path.number, (*path.keys, target), redirects))
            else:
                offset = _offset(state.get(f"position:{partition}".encode()))
                found[path.number] = Snapshot(_memberships(entries), partition, offset, path.keys, redirects)
        return longer

    async def counts(self, segments: Iterable[str]) -> tuple[dict[str, int], bool]:
        """Returns the number of users in each segment, and whether all partitions have been counted."""
        names = list(segments)

        async def ask(redis: Any) -> list[int]:
            pipeline = redis.pipeline(transaction=False)
            for name in names:
                pipeline.zcard(self._keys.segment(name))
            return cast(list[int], await pipeline.execute())

        counted = await self.ask(ask)
        return dict(zip(names, counted, strict=True)), _complete(await self._state())

    async def page(self, segment: str, *, limit: int, cursor: str | None) -> Page:
        """Users of a segment after a cursor. Who enters meanwhile comes later; nobody comes twice. Problem 400, 503."""
        key = self._keys.segment(segment)
        after = None if cursor is None else _read_cursor(cursor)

        async def ask(redis: Any) -> tuple[list[tuple[bytes, float]], int]:
            skip = 0 if after is None else await _rank_after(redis, key, *after)
            return await redis.zrange(key, skip, skip + limit, withscores=True), await redis.zcard(key)

        found, total = await self.ask(ask)
        state = await self._state()
        users = [(member.decode(errors="replace"), int(score)) for member, score in found[:limit]]
        more = _write_cursor(*users[-1][::-1]) if len(found) > limit else None
        return Page(
            segment=segment,
            users=[Entered(user, iso(since_ms)) for user, since_ms in users],
            total=total,
            complete=_complete(state),
            next=more,
        )

    async def page_by_value(self, segment: str, keys: Sequence[str], *, limit: int, cursor: str | None) -> Page:
        """Users who are in a segment by value by one of these keys, after a cursor. At most `SCAN_MAX` users of the
        segment are looked at, so a page may be short. Problem 400, 503."""
        key = self._keys.segment(segment)
        fields = [f"{segment}\x00{each}" for each in keys]
        after = None if cursor is None else _read_cursor(cursor)
        found: list[Entered] = []
        more = False
        for _ in range(SCAN_MAX // PAGE_MAX):
            scanned = await self._scan(key, fields, after)
            more = len(scanned) == PAGE_MAX
            for user, score, entry in scanned:
                after = (score, user)
                if entry is not None:
                    found.append(Entered(user, _decode_entry(entry).since))
                    if len(found) == limit:
                        break
            if len(found) == limit:
                more = more or after != (scanned[-1][1], scanned[-1][0])
                break
            if not more:
                break
        state = await self._state()
        return Page(
            segment=segment,
            users=found,
            total=None,
            complete=_complete(state),
            next=_write_cursor(*after) if more and after is not None else None,
        )

    async def _scan(
        self, key: str, fields: Sequence[str], after: tuple[int, str] | None
    ) -> list[tuple[str, int, bytes | None]]:
        """The next users of a segment, the instant of their entry, and what stands under the first of the fields."""

        async def ask(redis: Any) -> list[tuple[str, int, bytes | None]]:
            skip = 0 if after is None else await _rank_after(redis, key, *after)
            users = await redis.zrange(key, skip, skip + PAGE_MAX - 1, withscores=True)
            pipeline = redis.pipeline(transaction=False)
            for user, _ in users:
                pipeline.hmget(self._keys.user(user.decode(errors="replace")), fields)
            entries = await pipeline.execute() if users else []
            return [
                (user.decode(errors="replace"), int(score), next((each for each in values if each is not None), None))
                for (user, score), values in zip(users, entries, strict=True)
            ]

        return await self.ask(ask)

    async def counts_over_time(self, segment: str, *, since_ms: int, until_ms: int) -> SegmentCounts:
        """Returns the number of users in a segment at the counted instants, both ends included. Problem 503."""

        async def ask(redis: Any) -> list[bytes]:
            return cast(list[bytes], await redis.zrange(self._keys.counts(segment), since_ms, until_ms, byscore=True))

        found = [each.partition(b":") for each in await self.ask(ask)]
        return SegmentCounts(segment=segment, counts=[Count(iso(int(at_ms)), int(users)) for at_ms, _, users in found])

    async def report(self, question: Callable[[MembershipSets], Awaitable[T]]) -> T:
        """Returns a report about whole segments. Problem 503, also while not all users are there."""

        async def ask(redis: Any) -> T:
            return await question(MembershipSets(redis, prefix=self._keys.prefix))

        try:
            return await self.ask(ask)
        except NotReadyError as error:
            raise Problem(503, "building", f"{error}: shoal memberships brings them there", retry_after_s=5) from None

    async def _state(self) -> dict[bytes, bytes]:
        """Returns the progress of the projection. Read after its content, since it may begin again meanwhile."""

        async def ask(redis: Any) -> dict[bytes, bytes]:
            return cast(dict[bytes, bytes], await redis.hgetall(self._keys.projection))

        state = await self.ask(ask)
        if not state.get(b"generation"):
            raise _building()
        return state

    async def ask(self, question: Callable[[Any], Awaitable[T]]) -> T:
        """Asks Redis a question, and waits for the answer as long as is set. Problem 503."""
        if self._redis is None:
            raise Problem(503, "no-redis", "this service has no memberships: set REDIS_URL and run shoal memberships")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await question(self._redis)
        except (RedisError, OSError, TimeoutError):
            raise Problem(503, "redis", "Redis does not answer", retry_after_s=RETRY_AFTER_S) from None


async def _rank_after(redis: Any, key: str, score: int, user: str) -> int:
    """Returns the rank behind a cursor. Its user may be gone, or have entered again."""
    rank, now = await redis.zrank(key, user), await redis.zscore(key, user)
    if rank is not None and now == score:
        return int(rank) + 1
    below = int(await redis.zcount(key, "-inf", f"({score}"))
    equal = await redis.zrange(key, below, below + SKIP_MAX, withscores=True)
    member = user.encode()
    return below + sum(1 for each, at in equal if at == score and each <= member)


def _building() -> Problem:
    detail = "the memberships are not there yet: shoal memberships brings them into Redis"
    return Problem(503, "building", detail, retry_after_s=5)


def _complete(state: dict[bytes, bytes]) -> bool:
    partitions = int(state.get(b"partitions") or 0)
    return partitions > 0 and all(state.get(f"ready:{number}".encode()) for number in range(partitions))


def _offset(position: bytes | None) -> int | None:
    return int(position) if position is not None and position.isdigit() else None


def _memberships(entries: dict[bytes, bytes]) -> list[Membership]:
    found = []
    for name, value in sorted(entries.items()):
        entry = _decode_entry(value)
        segment, by = read_field(name.decode())
        found.append(
            Membership(
                segment=segment,
                value=UNSET if by is None else by,
                since=entry.since,
                valid_until=entry.valid_until,
                attach=entry.attach,
                version=entry.version,
                times=entry.times,
                group=entry.group,
                experiments=entry.experiments,
            )
        )
    return found


def _write_cursor(score: int, user: str) -> str:
    return urlsafe_b64encode(msgspec.json.encode((score, user))).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[int, str]:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=tuple[int, str])
    except (ValueError, msgspec.DecodeError):
        raise Problem(400, "cursor", "this cursor is not one of this service") from None
