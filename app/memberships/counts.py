"""Number of users in each segment over time, counted at the beginning of each interval by the first worker that comes.

`<prefix>counts:<segment>` is a sorted set of `<instant in ms>:<count>`, by the instant. Nothing is counted while the
projection is being made; the counts of before stay when it is made anew, and are gone when Redis is emptied.
"""

import asyncio
import logging
import time
from typing import Final

from redis.exceptions import RedisError

from app.memberships.membership_view import SCAN_KEYS, View
from app.settings import Settings

COUNTS_A_CALL: Final = 500
_NOTE = """
if redis.call('HGET', KEYS[3], 'generation') ~= ARGV[3] then return 0 end
if redis.call('ZCOUNT', KEYS[2], ARGV[1], ARGV[1]) == 0 then
  redis.call('ZADD', KEYS[2], ARGV[1], ARGV[1] .. ':' .. redis.call('ZCARD', KEYS[1]))
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[2])
return 1
"""

log = logging.getLogger(__name__)


class Counts:
    """Counts for as long as the `async with` block lasts."""

    def __init__(self, view: View, settings: Settings) -> None:
        self._view = view
        self._every_ms = settings.counts_every_ms
        self._kept_ms = settings.counts_kept_ms
        self._note = view.redis.register_script(_NOTE)
        self._counting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Counts":
        self._counting = asyncio.create_task(self._count_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._counting is not None
        self._counting.cancel()
        await asyncio.wait([self._counting])

    async def _count_for_ever(self) -> None:
        while True:
            now_ms = time.time_ns() // 1_000_000
            try:
                await self.count(now_ms - now_ms % self._every_ms)
            except (RedisError, OSError) as error:
                log.warning(
                    "counting the users of segments failed, retries at the next interval: %s", type(error).__name__
                )
            await asyncio.sleep((self._every_ms - now_ms % self._every_ms) / 1000)

    async def count(self, at_ms: int) -> bool:
        """Counts for an instant, unless it was done; whether the projection is there to be counted."""
        view = self._view
        state = await view.state()
        partitions = int(state.get("partitions", "0"))
        if not partitions or not all(f"ready:{number}" in state for number in range(partitions)):
            return False
        names = sorted(await self._names())
        for start in range(0, len(names), COUNTS_A_CALL):
            async with view.redis.pipeline(transaction=False) as pipeline:
                for name in names[start : start + COUNTS_A_CALL]:
                    keys = [view.keys.segment(name), view.keys.counts(name), view.keys.projection]
                    arguments: list[int | str] = [at_ms, at_ms - self._kept_ms, state["generation"]]
                    await self._note(keys=keys, args=arguments, client=pipeline)  # queued here
                if not all(await pipeline.execute()):
                    return False  # it was rebuilt meanwhile
        return True

    async def _names(self) -> set[str]:
        """The segments that somebody is in, or was while counts are kept."""
        found: set[str] = set()
        for pattern, prefix in self._view.keys.counted:
            async for key in self._view.redis.scan_iter(match=pattern, count=SCAN_KEYS):
                found.add(key.decode().removeprefix(prefix))
        return found
