"""Measures `shoal segments` on the embedded Redis: `python -m tests.population.speed [SEGMENTS] [USERS]`."""

import asyncio
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from app.embedded import EmbeddedRedis
from app.population.drift import drift
from app.population.overlap import Wish, overlap
from app.population.sizes import Period, segment_sizes
from app.settings import load_settings
from tests.population.filled import ENTERED_MS, Filled, people

HOUR_MS = 3_600_000
LARGEST_PART = 0.3
SLOWER_THAN_US = 100
SLOWEST = 1_000


def say(line: str) -> None:
    """Writes a line."""
    sys.stdout.write(line + "\n")


async def fill(filled: Filled, segments: int, users: int) -> int:
    """Sizes fall from 30 % of all users as 1/rank; each has the counts of eight days. The number of memberships."""
    chance, everyone, memberships = random.Random(1), people(0, users), 0
    await filled.begin()
    for rank in range(1, segments + 1):
        name, size = f"segment-{rank}", max(20, int(LARGEST_PART * users / rank**0.5))
        memberships += size
        await filled.enter(name, chance.sample(everyone, size))
        await filled.counted(name, *((ENTERED_MS - hours * HOUR_MS, size + hours) for hours in range(192)))
    return memberships


async def longest_command_ms(redis: Any) -> float:
    """The longest time that Redis has done nothing else, of the commands since the slow log was emptied."""
    return max((entry["duration"] for entry in await redis.slowlog_get(SLOWEST)), default=0) / 1000


async def measure(segments: int, users: int) -> None:
    """Prints one line a report."""
    with EmbeddedRedis() as redis:
        filled = Filled(load_settings({}, redis_url=redis.url, redis_prefix="speed:", partitions=1))
        say(f"{segments} segments, {users:,} users, {await fill(filled, segments, users):,} memberships")
        period, names = Period(now_ms=ENTERED_MS), await filled.sets.names()
        reports: dict[str, Callable[[], Awaitable[Any]]] = {
            "names": filled.sets.names,
            "size": lambda: segment_sizes(filled.sets, names, period),
            "drift": lambda: drift(filled.sets, names, period),
            "overlap": lambda: overlap(filled.sets, names, Wish()),
            "overlap of one": lambda: overlap(filled.sets, names, Wish(focus=names[0])),
        }
        redis_client: Any = filled.redis
        await redis_client.config_set("slowlog-max-len", SLOWEST)
        await redis_client.config_set("slowlog-log-slower-than", SLOWER_THAN_US)
        for what, report in reports.items():
            await redis_client.slowlog_reset()
            begun = time.perf_counter()
            await report()
            took_s = time.perf_counter() - begun
            say(f"{what}: {took_s:.2f} s; longest command {await longest_command_ms(redis_client):.1f} ms")
        say(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most, filling included")
        await filled.redis.aclose()


if __name__ == "__main__":
    asyncio.run(measure(*(int(each) for each in sys.argv[1:] or ("200", "100000"))))
