"""Connections are closed by their openers, also after a cancellation half way or when the broker never answers."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.conn import AIOKafkaConnection

from app.embedded import EmbeddedBroker
from app.runtime.kafka.clients import connect, connect_admin, connection, start
from app.runtime.kafka.closing import Consumer, Producer
from app.runtime.kafka.log_writer import LogWriter
from app.settings import Settings, load_settings
from tests.support.waiting import eventually, turns

ANY_NUMBER = -1


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


async def producer(settings: Settings) -> Producer:
    started = Producer(**connection(settings))
    await start(started)
    return started


async def consumer(settings: Settings) -> Consumer:
    started = Consumer(**connection(settings))
    await start(started)
    return started


async def writer(settings: Settings) -> LogWriter:
    opened = LogWriter(settings, partition=0)
    await opened.open()
    return opened


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


async def close_client(settings: Settings) -> Coroutine[Any, Any, None]:
    client = await connect(settings)
    await client.fetch_all_metadata()
    return client.close()


async def stop_producer(settings: Settings) -> Coroutine[Any, Any, None]:
    started = await producer(settings)
    await started.send("t", b"1")
    return started.stop()


async def stop_consumer(settings: Settings) -> Coroutine[Any, Any, None]:
    started = await consumer(settings)
    started.assign([TopicPartition("t", 0)])
    await started.position(TopicPartition("t", 0))
    return started.stop()


async def close_writer(settings: Settings) -> Coroutine[Any, Any, None]:
    opened = await writer(settings)
    await opened.producer.send("t", b"1", partition=0)
    return opened.close()


async def abandon_writer(settings: Settings) -> Coroutine[Any, Any, None]:
    opened = await writer(settings)
    await opened.producer.send("t", b"1", partition=0)
    return opened.abandon()


@pytest.mark.parametrize("steps", range(1, 9))
@pytest.mark.parametrize(
    "end", [close_client, stop_producer, stop_consumer, close_writer, abandon_writer], ids=lambda end: end.__name__
)
@pytest.mark.long
async def test_an_end_that_is_cancelled_closes_all_the_same(
    embedded_broker: EmbeddedBroker, end: Callable[[Settings], Awaitable[Coroutine[Any, Any, None]]], steps: int
) -> None:
    async with slow(embedded_broker, ANY_NUMBER) as (_, settings):
        task = asyncio.create_task(await end(settings))
        await turns(steps)
        task.cancel()
        await asyncio.wait([task])
        del task
        assert not left_open(settings)
