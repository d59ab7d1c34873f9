"""Nothing that was acknowledged is lost, whatever happens to the broker; and the process ends in order."""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import httpx
import pytest

from app.service.access.access_keys import hash_of
from app.settings import Settings
from tests.service.running import BASIC, WRITE_KEY, Running, serving
from tests.support.kafka_node import KafkaNode
from tests.support.shop import soon
from tests.support.waiting import eventually

SENDERS = 8


class Senders:
    """Libraries that send one event after the other, again and again until it is acknowledged."""

    def __init__(self, service: Running) -> None:
        self.acknowledged: set[str] = set()
        self.refused = 0
        self._service = service
        self._told = asyncio.Event()

    async def run(self, sender: int) -> None:
        number = 0
        while not self._told.is_set():
            message_id = f"{sender}-{number}"
            answer = await self._service.track(f"u-{sender}", "A", messageId=message_id)
            if answer.status_code == 200:
                self.acknowledged.add(message_id)
                number += 1
            else:
                assert answer.status_code == 503, answer.text
                self.refused += 1

    def end(self) -> None:
        self._told.set()


@pytest.mark.long
@pytest.mark.kafka
async def test_what_was_acknowledged_survives_the_death_of_the_broker(
    own_kafka: KafkaNode, own_settings: Settings
) -> None:
    own = replace(own_settings, kafka_bootstrap_servers=own_kafka.bootstrap_servers, ack_timeout_ms=1_000, read_keys="")
    async with serving(own) as service:
        senders = Senders(service)
        async with asyncio.TaskGroup() as group:
            for sender in range(SENDERS):
                group.create_task(senders.run(sender))
            await eventually(lambda: len(senders.acknowledged) >= 200, within_s=30)
            await asyncio.to_thread(own_kafka.kill)
            await eventually(lambda: senders.refused >= 2 * SENDERS, within_s=30)
            before = len(senders.acknowledged)
            await asyncio.to_thread(own_kafka.start)
            await eventually(lambda: len(senders.acknowledged) >= before + 200, within_s=60)
            senders.end()
        written = {each["messageId"] for each in await service.written(len(senders.acknowledged))}
    assert senders.acknowledged <= written


@pytest.mark.long
async def test_the_process_takes_events_until_it_is_told_to_end(settings: Settings) -> None:
    """`shoal serve`, as it is started; SIGTERM while requests and a live stream are under way."""
    environment = {
        "PATH": os.environ["PATH"],
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_PARTITIONS": str(settings.partitions),
        "SHOAL_WRITE_KEYS": f"shop:{hash_of(WRITE_KEY)}",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from shoal.launcher import main; raise SystemExit(main())", "serve", "--port", "0"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def ready() -> bool:
            try:
                return (await http.get("/ready")).status_code == 200
            except httpx.HTTPError:
                return False

        await soon(ready)
        body = {"event": "A", "userId": "u"}
        under_way = [asyncio.create_task(http.post("/v1/track", json=body, headers=BASIC)) for _ in range(20)]
        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        process.send_signal(signal.SIGTERM)
        answers = await asyncio.gather(*under_way, return_exceptions=True)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    # Each was answered completely, or its connection was no longer accepted.
    for each in answers:
        if isinstance(each, BaseException):
            assert isinstance(each, httpx.TransportError), each
        else:
            assert each.status_code == 200
