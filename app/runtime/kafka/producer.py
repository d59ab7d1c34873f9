"""A producer that knows both ways in which brokers say that another one has taken over its transactional id, and whose
failed transactions nobody has to ask for.

Brokers have had a code of its own for it since Kafka 2.7; aiokafka knows only the older one, and takes the other for an
error of which nothing can be said. Kafka itself translates for clients that speak as old a protocol as aiokafka does;
brokers by others need not.
"""

import asyncio
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import InvalidProducerEpoch
from aiokafka.producer.message_accumulator import MessageAccumulator, MessageBatch
from aiokafka.producer.transaction_manager import TransactionManager

from app.runtime.kafka.closing import Producer

PRODUCER_FENCED: Final = 90
INVALID_PRODUCER_EPOCH: Final = InvalidProducerEpoch.errno


def new_producer(**arguments: Any) -> Producer:
    """aiokafka's, not started; it raises ProducerFenced or InvalidProducerEpoch for both codes."""
    producer = Producer(**arguments)
    producer._sender.client = TranslatingClient(producer.client)
    producer._message_accumulator.__class__ = Accumulator
    if producer._txn_manager is not None:
        producer._txn_manager.__class__ = Transactions
    return producer


class Accumulator(MessageAccumulator):  # type: ignore[misc]  # aiokafka has no types
    """Its batches note their own failure: nobody waits until they are drained."""

    def _append_batch(self, builder: Any, tp: Any) -> Any:
        batch = super()._append_batch(builder, tp)
        batch.__class__ = NotedBatch
        return batch


class NotedBatch(MessageBatch):  # type: ignore[misc]  # as above
    """See `Accumulator`."""

    def failure(self, exception: BaseException) -> None:
        """See `MessageBatch`."""
        super().failure(exception)
        note(self._drain_waiter)


class Transactions(TransactionManager):  # type: ignore[misc]  # aiokafka has no types
    """Transaction manager whose failed futures cause no warning.

    A writer learns of a failure from the batch that failed; nobody awaits the end of the transaction then, and the
    event loop would log that its exception was never retrieved.
    """

    def error_transaction(self, exc: BaseException) -> None:
        """See `TransactionManager`."""
        super().error_transaction(exc)
        note(self._transaction_waiter)

    def fatal_error(self, exc: BaseException) -> None:
        """See `TransactionManager`."""
        super().fatal_error(exc)
        note(self._transaction_waiter)


def note(future: "asyncio.Future[Any]") -> None:
    """Marks the exception of a future as seen: the failure is known from elsewhere."""
    if future.done() and not future.cancelled():
        future.exception()


class TranslatingClient:
    """Client of a producer's sender that maps both error codes for fencing to one."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._translated = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._translated, name)

    async def send(self, node_id: Any, request: Any, **options: Any) -> Any:
        """See `AIOKafkaClient.send`."""
        response = await self._translated.send(node_id, request, **options)
        _translate(response)
        return response


def _translate(response: Any) -> None:
    """In place. A code stands in the response itself, or behind the number of each partition of each topic."""
    if getattr(response, "error_code", 0) == PRODUCER_FENCED:
        response.error_code = INVALID_PRODUCER_EPOCH
    for name in ("errors", "topics"):
        listed = getattr(response, name, None) or ()
        if any(code == PRODUCER_FENCED for _, partitions in listed for _, code, *_ in partitions):
            told = [(topic, [_translated(each) for each in partitions]) for topic, partitions in listed]
            setattr(response, name, told)


def _translated(partition: tuple[Any, ...]) -> tuple[Any, ...]:
    number, code, *rest = partition
    return (number, INVALID_PRODUCER_EPOCH if code == PRODUCER_FENCED else code, *rest)
