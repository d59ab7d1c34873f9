"""Connections are closed by their openers, also after a cancellation half way or when the broker never answers."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection

from app.embedded import EmbeddedBroker
from app.runtime.kafka.clients import connect, connect_admin, connection, start
from app.settings import Settings, load_settings
from tests.support.waiting import eventually


class Slow:
    """Stands before a broker and passes on only so many of its answers."""

    def __init__(self, broker_port: int, answers: int) -> None:
        self._broker_port = broker_port
        self._answers = answers
        self.waited_for = asyncio.Event()
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_broker: asyncio.StreamWriter | None = None
        self.open += 1
        try:
            broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            while size := await reader.read(4):
                to_broker.write(size + await reader.readexactly(int.from_bytes(size)))
                answer_size = await broker.readexactly(4)
                answer = await broker.readexactly(int.from_bytes(answer_size))
                if self._answers == 0:
                    self.waited_for.set()
                    continue
                self._answers -= 1
                writer.write(answer_size + answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            for each in (writer, to_broker):
                if each is not None:
                    each.close()


@asynccontextmanager
async def slow(broker: EmbeddedBroker, answers: int) -> AsyncIterator[tuple[Slow, Settings]]:
    before = Slow(int(broker.bootstrap_servers.rpartition(":")[2]), answers)
    async with await asyncio.start_server(before.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield before, load_settings({}, kafka_bootstrap_servers=f"127.0.0.1:{port}")
        await eventually(lambda: before.open == 0, what="all connections are closed")


async def producer(settings: Settings) -> None:
    await start(AIOKafkaProducer(**connection(settings)))


async def consumer(settings: Settings) -> None:
    await start(AIOKafkaConsumer(**connection(settings)))


def left_open(settings: Settings) -> list[AIOKafkaConnection]:
    """Connections to this broker that nobody closed; they are closed now."""
    gc.collect()
    known = [each for each in gc.get_objects() if isinstance(each, AIOKafkaConnection) and each.connected()]
    found = [each for each in known if settings.kafka_bootstrap_servers == f"{each.host}:{each.port}"]
    for each in found:
        each.close()
    return found


@pytest.mark.parametrize("answers", [0, 1])
@pytest.mark.parametrize("begin", [connect, connect_admin, producer, consumer], ids=lambda begin: begin.__name__)
async def test_what_is_cancelled_half_way_is_closed(
    embedded_broker: EmbeddedBroker, begin: Callable[[Settings], Awaitable[object]], answers: int
) -> None:
    async with slow(embedded_broker, answers) as (before, settings):
        task = asyncio.ensure_future(begin(settings))
        async with asyncio.timeout(20):
            await before.waited_for.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        del task
        assert not left_open(settings), "its first connection is where `_close_first_connection` does not look"
