"""Properties of each broker that the tests rely on: order everywhere; commit, abort and restart on the real one."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import LogReader
from app.settings import load_settings
from tests.support.broker import Broker
from tests.support.kafka_node import KafkaNode, kafka_node
from tests.support.shop import soon
from tests.support.waiting import eventually


async def values(bootstrap_servers: str, topic: str) -> list[bytes]:
    """All committed values of partition 0."""
    partition = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, isolation_level="read_committed") as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[bytes] = []
        while await consumer.position(partition) < end:
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                found += [record.value for record in batch]
        return found


async def test_keeps_what_was_sent_in_order(broker: Broker, unique: str) -> None:
    sent = [str(number).encode() for number in range(100)]
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
        for value in sent:
            await producer.send_and_wait(unique, value, partition=0)
    assert await values(broker.bootstrap_servers, unique) == sent


async def test_tells_at_once_whether_it_has_transactions(broker: Broker, unique: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, transactional_id=unique)
    try:
        if broker.transactions:
            await producer.start()
        else:
            with pytest.raises(KafkaError):
                await producer.start()
    finally:
        await producer.stop()


@pytest.mark.kafka
async def test_a_reader_sees_committed_transactions_only(kafka_broker: Broker, unique: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker.bootstrap_servers, transactional_id=unique) as producer:
        async with producer.transaction():
            await producer.send_and_wait(unique, b"kept", partition=0)
        await producer.begin_transaction()
        await producer.send_and_wait(unique, b"dropped", partition=0)
        await producer.abort_transaction()
    assert await values(kafka_broker.bootstrap_servers, unique) == [b"kept"]


@pytest.mark.kafka
async def test_a_reader_says_that_an_open_transaction_holds_it_back(kafka_broker: Broker, unique: str) -> None:
    settings = load_settings({}, kafka_bootstrap_servers=kafka_broker.bootstrap_servers)
    async with AIOKafkaProducer(bootstrap_servers=kafka_broker.bootstrap_servers, transactional_id=unique) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(unique, b"open", partition=0)
        client = await connect(settings)
        try:
            reader = LogReader(client, topic=unique, partition=0, committed_only=True, bytes_max=1_000)
            reader.seek(0)

            async def held_back_s() -> float:
                fetched = await reader.read(records_max=1, wait_ms=50)
                assert not fetched.records
                return fetched.held_back_s

            await soon(held_back_s)
            await producer.abort_transaction()
            await soon(lambda: is_free(held_back_s))
        finally:
            await client.close()


async def is_free(held_back_s: Callable[[], Awaitable[float]]) -> bool:
    return await held_back_s() == 0


@pytest.mark.long
@pytest.mark.kafka
async def test_records_survive_a_kill_and_the_port_stays(own_kafka: KafkaNode, unique: str) -> None:
    before = own_kafka.bootstrap_servers
    async with AIOKafkaProducer(bootstrap_servers=before, acks="all") as producer:
        await producer.send_and_wait(unique, b"one", partition=0)
    own_kafka.kill()
    assert not own_kafka.running
    own_kafka.start()
    assert own_kafka.bootstrap_servers == before
    async with AIOKafkaProducer(bootstrap_servers=before, acks="all") as producer:
        await producer.send_and_wait(unique, b"two", partition=0)
    assert await values(before, unique) == [b"one", b"two"]


@pytest.mark.kafka
async def test_a_paused_node_is_silent_and_goes_on_where_it_was(own_kafka: KafkaNode, unique: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=own_kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(unique, b"one", partition=0)
        own_kafka.pause()
        delivery = await producer.send(unique, b"two", partition=0)
        assert own_kafka.running
        assert not delivery.done()
        own_kafka.resume()
        await eventually(delivery.done)
    assert await values(own_kafka.bootstrap_servers, unique) == [b"one", b"two"]


@pytest.mark.long
@pytest.mark.kafka
def test_an_orderly_stop_ends_it_and_it_starts_again(own_kafka: KafkaNode) -> None:
    own_kafka.stop()
    assert not own_kafka.running
    own_kafka.stop()
    own_kafka.restart()
    assert own_kafka.running


@pytest.mark.parametrize(("required", "outcome"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)])
def test_a_machine_without_java_skips_unless_kafka_is_required(
    required: bool, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(outcome, match="no java on the path"):
        kafka_node(tmp_path, required=required)


@pytest.mark.kafka
def test_a_node_that_cannot_start_says_why(kafka_broker: Broker, tmp_path: Path) -> None:
    node = KafkaNode(tmp_path, settings={"listeners": "nonsense"})
    with pytest.raises(RuntimeError, match="nonsense"):
        node.start()
    assert not node.running
