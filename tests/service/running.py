"""A running service and how tests speak to it."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.service.server import bind, server
from app.settings import Settings
from tests.support.shop import soon
from tests.support.waiting import eventually

WRITE_KEY = "shoal_write_for-tests-only"
READ_KEY = "shoal_read_for-tests-only"
BASIC = {"Authorization": "Basic " + b64encode(f"{WRITE_KEY}:".encode()).decode()}
BEARER = {"Authorization": f"Bearer {READ_KEY}"}


class Running:
    """A service that answers at `url`; `http` is a client of it."""

    def __init__(self, settings: Settings, url: str, http: httpx.AsyncClient, end: Callable[[], None]) -> None:
        self.settings = settings
        self.end = end
        self.url = url
        self.http = http

    async def track(self, user: str, event: str, **more: Any) -> httpx.Response:
        """Sends one event, as a library would."""
        return await self.http.post("/v1/track", json={"userId": user, "event": event, **more}, headers=BASIC)

    async def written(self, at_least: int = 1) -> list[dict[str, Any]]:
        """What stands in the clickstream, as soon as it is so many; with key and partition."""
        found: list[dict[str, Any]] = []
        async with reading(self.settings, self.settings.topics.clickstream) as consumer:

            async def enough() -> bool:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    for record in records:
                        message = json.loads(record.value)
                        found.append({**message, "_key": record.key, "_partition": record.partition})
                return len(found) >= at_least

            await soon(enough, within_s=20)
        return found


@asynccontextmanager
async def reading(settings: Settings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of a whole topic from its beginning."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
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
        try:
            await eventually(lambda: made.started or task.done(), what="the service starts")
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                if ready:

                    async def is_ready() -> bool:
                        return (await http.get("/ready")).status_code == 200

                    await soon(is_ready, within_s=20)
                yield Running(settings, url, http, end)
        finally:
            end()
            await task
