"""Measures the changes a second that reach Redis: `python -m tests.memberships.speed [CHANGES]`."""

import random
import sys
import time

import uvloop

from agents.memberships import create_app
from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.memberships.membership_view import View
from app.runtime.redis_client import connect_redis
from app.settings import load_settings
from tests.memberships.changes import ChangesOnKafka
from tests.support.shop import running, soon

USERS = 50_000
PARTITIONS = 4
SEGMENTS = 20


async def measure(count: int) -> None:
    """Writes so many changes, then lets them be applied."""
    chance = random.Random(1)
    with EmbeddedBroker() as broker, EmbeddedRedis() as redis:
        settings = load_settings(
            {}, kafka_bootstrap_servers=broker.bootstrap_servers, partitions=PARTITIONS, redis_url=redis.url
        )
        changes = ChangesOnKafka(settings)
        await changes.open()
        for _ in range(count // 10_000):
            await changes.write(
                changes.change(
                    f"u-{chance.randrange(USERS)}",
                    "exited" if chance.random() < 0.4 else "entered",
                    f"segment-{chance.randrange(SEGMENTS)}",
                    cart=chance.randrange(100),
                )
                for _ in range(10_000)
            )
        await changes.close()
        app = create_app(settings)

        async def applied() -> bool:
            return app.metrics.value("shoal_membership_changes_total", outcome="applied") >= count

        async with running(app), View(connect_redis(settings), prefix="shoal:", partitions=PARTITIONS) as view:
            done = app.metrics.value("shoal_membership_changes_total", outcome="applied")
            redis_cpu_s = await cpu_of(view)
            began_s, cpu_s = time.perf_counter(), time.process_time()
            await soon(applied, within_s=300)
            seconds = time.perf_counter() - began_s
            rate = (count - done) / seconds
            used = 1e6 * (time.process_time() - cpu_s) / (count - done)
            of_redis = 1e6 * (await cpu_of(view) - redis_cpu_s) / (count - done)
            memory = (await view.redis.info("memory"))["used_memory"] >> 20
        sys.stdout.write(
            f"{rate:,.0f} changes/s; a change costs {used:.1f} CPU µs here and {of_redis:.1f} in Redis; "
            f"{memory} MB there after {count:,}\n"
        )


async def cpu_of(view: View) -> float:
    """Seconds of CPU that Redis has used."""
    found = await view.redis.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


if __name__ == "__main__":
    uvloop.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000))
