"""Memberships in Redis, as `shoal memberships` writes them."""

import json
from typing import Any

from redis.asyncio import Redis

from app.events.message import instant_ms
from app.settings import Settings


class Projection:
    """Memberships that a test puts into Redis."""

    def __init__(self, settings: Settings) -> None:
        self.redis = Redis.from_url(settings.redis_url)
        self._prefix = settings.redis_prefix
        self._partitions = settings.partitions

    async def begin(self, *, ready: int | None = None, **positions: int) -> None:
        """The projection is there; its first `ready` partitions have caught up (all of them, if nothing is said)."""
        state: Any = {"generation": "g", "partitions": self._partitions}
        count = self._partitions if ready is None else ready
        state |= {f"ready:{number}": 1 for number in range(count)}
        state |= {f"position:{number}": 0 for number in range(self._partitions)}
        state |= {f"position:{name.removeprefix('position')}": offset for name, offset in positions.items()}
        await self.redis.hset(f"{self._prefix}memberships", mapping=state)

    async def forget(self) -> None:
        await self.redis.delete(f"{self._prefix}memberships")

    async def enter(self, user: str, segment: str, since: str, **attach: Any) -> None:
        entry = {"since": since, "valid_until": None, "attach": attach, "version": "v", "times": 2, "sequence": 7}
        await self.redis.hset(f"{self._prefix}user:{user}", segment, json.dumps(entry))
        await self.redis.zadd(f"{self._prefix}segment:{segment}", {user: instant_ms(since)})

    async def assign(self, user: str, segment: str, group: str | None, **experiments: str) -> None:
        """A membership that is there gets groups."""
        entry = json.loads(await self.redis.hget(f"{self._prefix}user:{user}", segment) or b"")
        entry |= {"group": group, "experiments": [{"experiment": n, "group": g} for n, g in experiments.items()]}
        await self.redis.hset(f"{self._prefix}user:{user}", segment, json.dumps(entry))

    async def leave(self, user: str, segment: str) -> None:
        await self.redis.hdel(f"{self._prefix}user:{user}", segment)
        await self.redis.zrem(f"{self._prefix}segment:{segment}", user)

    async def move(self, key: str, user: str) -> None:
        await self.redis.set(f"{self._prefix}moved:{key}", user)

    async def lives_again(self, key: str) -> None:
        await self.redis.delete(f"{self._prefix}moved:{key}")
