"""Both codes for `another producer has taken over` are understood, in every answer that a producer reads."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced, UnknownError
from aiokafka.producer.sender import AddPartitionsToTxnHandler, EndTxnHandler, InitPIDHandler, SendProduceReqHandler
from aiokafka.protocol.produce import ProduceResponse_v7
from aiokafka.protocol.transaction import (
    AddPartitionsToTxnResponse_v0,
    EndTxnResponse_v0,
    InitProducerIdResponse_v0,
)
from aiokafka.structs import TopicPartition

from app.runtime.kafka.clients import connection
from app.runtime.kafka.log_writer import is_fenced
from app.runtime.kafka.producer import TranslatingClient, new_producer
from app.settings import load_settings

TP = TopicPartition("segment.changes", 0)
NOBODY = 0


class Answering:
    """In place of a client: gives one answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        return self.answer


class Batch:
    """Batch to be produced."""

    error: Exception | None = None

    def get_data_buffer(self) -> bytes:
        return b""

    def done(self, *_: object) -> None:
        """Written."""

    def failure(self, exception: Exception) -> None:
        self.error = exception


def begins(sender: Any) -> Awaitable[Any]:
    done: Awaitable[Any] = InitPIDHandler(sender).do(NOBODY)
    return done


def adds(sender: Any) -> Awaitable[Any]:
    done: Awaitable[Any] = AddPartitionsToTxnHandler(sender, [TP]).do(NOBODY)
    return done


def ends(sender: Any) -> Awaitable[Any]:
    sender._txn_manager.partition_added(TP)
    sender._txn_manager.committing_transaction()
    done: Awaitable[Any] = EndTxnHandler(sender, True).do(NOBODY)
    return done


async def writes(sender: Any) -> None:
    batch = Batch()
    await SendProduceReqHandler(sender, {TP: batch}).do(NOBODY)
    if batch.error is not None:
        raise batch.error


DEEDS: list[tuple[Callable[[Any], Awaitable[Any]], Callable[[int], Any]]] = [
    (begins, lambda code: InitProducerIdResponse_v0(0, code, 7, 0)),
    (adds, lambda code: AddPartitionsToTxnResponse_v0(0, [(TP.topic, [(TP.partition, code)])])),
    (ends, lambda code: EndTxnResponse_v0(0, code)),
    (writes, lambda code: ProduceResponse_v7([(TP.topic, [(TP.partition, code, 4, -1, 0)])], 0)),
]


async def sender_of(answer: Any) -> Any:
    """aiokafka's own, of a producer that nobody starts, whose broker gives this answer."""
    producer = new_producer(**connection(load_settings({})), acks="all", transactional_id="shoal-0")
    producer._closed = True
    sender = producer._sender
    assert isinstance(sender.client, TranslatingClient), "aiokafka's sender asks with something else"
    sender.client._translated = Answering(answer)
    sender._txn_manager.set_pid_and_epoch(7, 0)
    sender._txn_manager.begin_transaction()
    sender._txn_manager.maybe_add_partition_to_txn(TP)
    return sender


@pytest.mark.parametrize("code", [90, InvalidProducerEpoch.errno])
@pytest.mark.parametrize(("do", "answer"), DEEDS, ids=[do.__name__ for do, _ in DEEDS])
async def test_who_is_fenced_is_told_so(
    do: Callable[[Any], Awaitable[Any]], answer: Callable[[int], Any], code: int
) -> None:
    with pytest.raises((ProducerFenced, InvalidProducerEpoch)) as raised:
        await do(await sender_of(answer(code)))
    assert is_fenced(raised.value)


@pytest.mark.parametrize(("do", "answer"), DEEDS, ids=[do.__name__ for do, _ in DEEDS])
async def test_a_code_of_which_nothing_is_known_is_not_taken_for_it(
    do: Callable[[Any], Awaitable[Any]], answer: Callable[[int], Any]
) -> None:
    with pytest.raises(UnknownError):
        await do(await sender_of(answer(121)))


@pytest.mark.parametrize(("do", "answer"), DEEDS[1:], ids=[do.__name__ for do, _ in DEEDS[1:]])
async def test_a_good_answer_stays_one(do: Callable[[Any], Awaitable[Any]], answer: Callable[[int], Any]) -> None:
    await do(await sender_of(answer(0)))
