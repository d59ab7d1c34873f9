"""The projection in Redis: its generation, and how changes are applied to it.

Three things stand in one hash beside what is projected: the generation (a random name, made when the projection was
begun), the position of each partition, and which partitions have caught up. A script moves position and memberships
together and refuses where either is not what the caller believes, so whatever happens to Redis (it is emptied, it
comes back as it was an hour ago, another process is at it) is noticed before anything is written.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.errors import UserError
from app.memberships.redis_updates import RedisUpdate, encode_updates
from app.runtime.redis_keys import RedisKeys

UPDATES_A_CALL: Final = 200
"""Changes of one script: Redis does nothing else for about a millisecond."""
FENCE_MS: Final = 7 * 86_400_000
"""How long a user's last sequence is kept. Repeats come within minutes; the position keeps off everything older."""
CLEARING_MS: Final = 30_000
SCAN_KEYS: Final = 2_000
UNSAFE_POLICIES: Final = "allkeys"
MOVED: Final = "the memberships in Redis are not where they were: begins from what is there"

_SCRIPT = (files("app.memberships") / "apply.lua").read_text()
_KEEP_CLEARING = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
_CLEARED = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'generation', ARGV[2], 'partitions', ARGV[3])
return 1
"""
_CAUGHT_UP = """
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], '1')
return 1
"""
_RENEW = "return redis.call('HGET', KEYS[1], 'generation') == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


Lane = int | str
"""A partition of the changes, or the name of another position."""


class ProjectionMovedError(Exception):
    """Redis is not where it was: emptied, restored, or another process has applied changes. Begin anew from there."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Result of a call. `gaps`: users with a gap in their sequence."""

    changes: int
    gaps: int


class View:
    """The projection, over one connection pool."""

    def __init__(self, redis: Redis, *, prefix: str, partitions: int) -> None:
        self.redis = redis
        self.keys = RedisKeys(prefix)
        self._partitions = partitions
        self._beginning = asyncio.Lock()
        self._apply = redis.register_script(_SCRIPT)

    async def __aenter__(self) -> "View":
        try:
            await self._check()
        except BaseException:
            await self.redis.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.redis.aclose()

    async def _check(self) -> None:
        """A Redis that throws keys away when it is full shows memberships that are not true: UserError.

        One that is not there, or may not be asked, is no reason not to start.
        """
        try:
            policy = (await self.redis.config_get("maxmemory-policy")).get("maxmemory-policy", b"")
        except (RedisError, OSError):
            return
        text = _text(policy)
        if text.startswith(UNSAFE_POLICIES):
            raise UserError(
                f"this Redis evicts keys when it is full (maxmemory-policy {text})",
                detail="memberships would be missing without notice",
                hint="CONFIG SET maxmemory-policy noeviction: then this process waits until Redis has space",
            )

    # ------------------------------------------------------------ the projection as a whole

    async def generation(self) -> str:
        """The present generation; where there is none, everything is cleared and one is begun.

        Raises ProjectionMovedError while another process clears.
        """
        async with self._beginning:
            found = await self.redis.hget(self.keys.projection, "generation")
            return _text(found) if found else await self._begin()

    async def _begin(self) -> str:
        token = secrets.token_hex(8)
        if not await self.redis.set(self.keys.clearing, token, nx=True, px=CLEARING_MS):
            raise ProjectionMovedError("another process clears the memberships")
        for pattern in self.keys.patterns:
            cursor = 0
            while True:
                cursor, found = await self.redis.scan(cursor, match=pattern, count=SCAN_KEYS)
                if found:
                    await self.redis.unlink(*found)
                if not await self.redis.eval(_KEEP_CLEARING, 1, self.keys.clearing, token, str(CLEARING_MS)):
                    raise ProjectionMovedError("clearing the memberships took too long")
                if cursor == 0:
                    break
        generation = secrets.token_hex(8)
        arguments = (self.keys.clearing, self.keys.projection, token, generation, str(self._partitions))
        if not await self.redis.eval(_CLEARED, 2, *arguments):
            raise ProjectionMovedError("another process clears the memberships")
        return generation

    async def renew(self, generation: str) -> None:
        """Makes everyone begin anew, unless somebody has already."""
        await self.redis.eval(_RENEW, 1, self.keys.projection, generation)

    async def forget(self) -> None:
        """Makes everyone begin anew."""
        await self.redis.delete(self.keys.projection)

    async def state(self) -> Mapping[str, str]:
        """All that is known of the projection itself."""
        found = await self.redis.hgetall(self.keys.projection)
        return {_text(name): _text(value) for name, value in found.items()}

    # ------------------------------------------------------------ one partition

    async def position(self, partition: Lane) -> str:
        """Position of a partition; an empty text before it was begun."""
        found = await self.redis.hget(self.keys.projection, f"position:{partition}")
        return _text(found) if found else ""

    async def check(self, generation: str, partition: Lane, position: str) -> None:
        """Raises ProjectionMovedError unless the partition stands there."""
        found = await self.redis.hmget(self.keys.projection, "generation", f"position:{partition}")
        if found != [generation.encode(), position.encode()]:
            raise ProjectionMovedError(MOVED)

    async def caught_up(self, generation: str, partition: int) -> None:
        """The partition has come to the end once. Raises ProjectionMovedError if that was another projection."""
        if not await self.redis.eval(_CAUGHT_UP, 1, self.keys.projection, generation, f"ready:{partition}"):
            raise ProjectionMovedError(MOVED)

    async def apply(
        self, generation: str, partition: Lane, position: str, steps: Sequence[tuple[Sequence[RedisUpdate], str]]
    ) -> Applied:
        """Runs of changes, each with the position behind it, in one round trip.

        Raises ProjectionMovedError; and RedisError, which leaves in doubt how many of the runs were applied: the
        position says it.
        """
        async with self.redis.pipeline(transaction=False) as pipeline:
            before = position
            for updates, after in steps:
                values: list[Any] = [generation, partition, before, after, self.keys.prefix, FENCE_MS]
                values.append(encode_updates(updates))
                await self._apply(keys=[self.keys.projection], args=values, client=pipeline)  # only queued here
                before = after
            answers = await pipeline.execute()
        changes = gaps = 0
        for done, *rest in answers:
            if not done:
                raise ProjectionMovedError(MOVED)
            changes += rest[0]
            gaps += rest[1]
        return Applied(changes, gaps)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def runs(updates: Sequence[tuple[RedisUpdate, Any]], after: str) -> list[tuple[list[RedisUpdate], str]]:
    """Deeds, each with the position behind it, cut into what one call of the script may take; the last reaches `after`.

    >>> runs([(["u"], 5), (["v"], 6)], "9")
    [([['u'], ['v']], '9')]
    """
    cut = [updates[start : start + UPDATES_A_CALL] for start in range(0, len(updates), UPDATES_A_CALL)]
    made = [([update for update, _ in run], str(run[-1][1])) for run in cut] or [([], after)]
    made[-1] = (made[-1][0], after)
    return made
