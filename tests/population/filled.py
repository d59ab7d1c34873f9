"""Memberships in Redis as `shoal memberships` keeps them, of whole segments at once."""

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

from app.events.instants import iso
from app.population.membership_sets import MembershipSets
from app.settings import Settings

ENTERED_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z"""
USERS_A_CALL = 2_000


class Filled:
    """A projection that a test fills."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = Redis.from_url(settings.redis_url)
        self.prefix = settings.redis_prefix
        self.sets = MembershipSets(self.redis, prefix=settings.redis_prefix)

    async def begin(self, *, ready: int | None = None) -> None:
        """The projection is there, and its first `ready` partitions have caught up: all, if nothing is said."""
        count = self.settings.partitions if ready is None else ready
        state: Any = {"generation": "g", "partitions": str(self.settings.partitions)}
        state |= {f"ready:{number}": "1" for number in range(count)}
        await self.redis.hset(f"{self.prefix}memberships", mapping=state)

    async def enter(self, segment: str, users: Iterable[str], *, at_ms: int = ENTERED_MS) -> None:
        """These users are in the segment."""
        everyone = list(users)
        entry = f'{{"since":"{iso(at_ms)}"}}'
        for start in range(0, len(everyone), USERS_A_CALL):
            some = everyone[start : start + USERS_A_CALL]
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.zadd(f"{self.prefix}segment:{segment}", dict.fromkeys(some, at_ms))
            for user in some:
                pipeline.hset(f"{self.prefix}user:{user}", segment, entry)
            await pipeline.execute()

    async def counted(self, segment: str, *counts: tuple[int, int]) -> None:
        """So many users were counted at these instants."""
        await self.redis.zadd(f"{self.prefix}counts:{segment}", {f"{at_ms}:{users}": at_ms for at_ms, users in counts})


def people(first: int, end: int) -> list[str]:
    """Users by their number."""
    return [f"u-{number}" for number in range(first, end)]
