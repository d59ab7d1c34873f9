"""Kafka clients whose connections are closed also when their end is cancelled or fails half way.

aiokafka's count as closed from the first step of their end, whatever becomes of it: nobody could end them again.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient


class Client(AIOKafkaClient):  # type: ignore[misc]  # aiokafka has no types
    """See `AIOKafkaClient`."""

    async def close(self) -> None:
        """See `AIOKafkaClient`."""
        try:
            await super().close()
        finally:
            cut(self)


class Producer(AIOKafkaProducer):  # type: ignore[misc]  # as above
    """See `AIOKafkaProducer`."""

    async def stop(self) -> None:
        """See `AIOKafkaProducer`."""
        try:
            await super().stop()
        finally:
            self.cut()

    def cut(self) -> None:
        """Ends it at once; what it has not sent is thrown away."""
        self._closed = True
        cut(self.client, self._sender, self._message_accumulator)


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # as above
    """See `AIOKafkaConsumer`."""

    async def stop(self) -> None:
        """See `AIOKafkaConsumer`."""
        try:
            await super().stop()
        finally:
            cut(self._client, self._fetcher, self._coordinator)


def cut(client: AIOKafkaClient, *users: object) -> None:
    """Cancels the tasks of the parts that use a client, since they would connect again, and closes its connections.

    Nothing is awaited. For a client that is closed it does nothing.
    """
    for task in tasks_of(*users, client):
        task.cancel()
    for connection in client._conns.values():
        connection.close()


def tasks_of(*parts: object) -> list["asyncio.Task[Any]"]:
    """Tasks of this event loop that run a method of one of these objects, without the one that asks."""
    found = []
    for task in asyncio.all_tasks():
        frame = getattr(task.get_coro(), "cr_frame", None)
        owner = None if frame is None else frame.f_locals.get("self")
        if owner is not None and any(owner is part for part in parts) and task is not asyncio.current_task():
            found.append(task)
    return found
