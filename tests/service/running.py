"""A running service and how tests speak to it."""

import asyncio
import json
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.runtime.kafka.clients import start
from app.service.server import bind, server
from app.settings import Settings
from tests.service.strict_client import STRICT
from tests.support.shop import soon
from tests.support.waiting import eventually, wait_until

WRITE_KEY = "shoal_write_for-tests-only"
READ_KEY = "shoal_read_for-tests-only"
FORWARD_KEY = "shoal_forward_for-tests-only"
ADMIN_KEY = "shoal_admin_for-tests-only"
BASIC = {"Authorization": "Basic " + b64encode(f"{WRITE_KEY}:".encode()).decode()}
FORWARDING = {"Authorization": "Basic " + b64encode(f"{FORWARD_KEY}:".encode()).decode()}
BEARER = {"Authorization": f"Bearer {READ_KEY}"}


def bearer(key: str) -> dict[str, str]:
    """The header of a request with this key."""
    return {"Authorization": f"Bearer {key}"}


class Running:
    """A service that answers at `url`; `http` is a client of it."""

    def __init__(self, settings: Settings, url: str, http: httpx.AsyncClient, *, since_ms: int) -> None:
        self.settings = settings
        self.url = url
        self.http = http
        self.end: Callable[[], None] = lambda: None
        self._since_ms = since_ms

    async def track(self, user: str, event: str, **more: Any) -> httpx.Response:
        """Sends one event, as a library would."""
        return await self.http.post("/v1/track", json={"userId": user, "event": event, **more}, headers=BASIC)

    async def written(self, at_least: int = 1) -> list[dict[str, Any]]:
        """Returns the records written to the clickstream since then, once there are so many; with key and partition.

        What was sent again because its answer came too late counts once, as for a worker.
        """
        found: dict[str, dict[str, Any]] = {}
        async with reading(self.settings, self.settings.topics.clickstream) as consumer:

            async def enough() -> bool:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        if record.timestamp < self._since_ms:
                            continue
                        message = json.loads(record.value)
                        found.setdefault(
                            message["messageId"], {**message, "_key": record.key, "_partition": record.partition}
                        )
                return len(found) >= at_least

            await soon(enough, within_s=20)
        return list(found.values())


@asynccontextmanager
async def reading(settings: Settings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of a whole topic from its beginning."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await start(consumer)
    try:
        partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def serving(settings: Settings, *, ready: bool = True) -> AsyncIterator[Running]:
    """A service in this event loop."""
    with bind(settings) as listening:
        made = server(settings)
        task = asyncio.create_task(made._serve(sockets=[listening]))

        def end() -> None:
            made.should_exit = True

        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        since_ms = time.time_ns() // 1_000_000
        try:
            await eventually(lambda: made.started or task.done(), what="the service starts")
            async with httpx.AsyncClient(base_url=url, timeout=30, event_hooks=STRICT) as http:
                if ready:

                    async def is_ready() -> bool:
                        return (await http.get("/ready")).status_code == 200

                    await soon(is_ready, within_s=20)
                running = Running(settings, url, http, since_ms=since_ms)
                running.end = end
                yield running
        finally:
            end()
            await task


@contextmanager
def served_in_a_thread(settings: Settings) -> Iterator[str]:
    """A service beside all tests; its address."""
    with bind(settings) as listening:
        made = server(settings)
        thread = threading.Thread(target=lambda: asyncio.run(made._serve(sockets=[listening])), name="service")
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            wait_until(lambda: made.started or not thread.is_alive(), what="the service starts")
            wait_until(lambda: httpx.get(f"{url}/ready").status_code == 200, within_s=20)
            yield url
        finally:
            made.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()
