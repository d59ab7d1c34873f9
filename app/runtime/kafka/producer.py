"""A producer that knows both ways in which brokers say that another one has taken over its transactional id.

Brokers have had a code of its own for it since Kafka 2.7; aiokafka knows only the older one, and takes the other for an
error of which nothing can be said. Kafka itself translates for clients that speak as old a protocol as aiokafka does;
brokers by others need not.
"""

from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import InvalidProducerEpoch

PRODUCER_FENCED: Final = 90
INVALID_PRODUCER_EPOCH: Final = InvalidProducerEpoch.errno


def new_producer(**arguments: Any) -> AIOKafkaProducer:
    """aiokafka's, not started; it raises ProducerFenced or InvalidProducerEpoch for both codes."""
    producer = AIOKafkaProducer(**arguments)
    producer._sender.client = TranslatingClient(producer.client)
    return producer


class TranslatingClient:
    """What the sender of a producer asks brokers with; of a client, with both codes made one in what they answer."""

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
