"""A writer of control records: its connection, and its producer, of which there is one at a time in a deployment."""

from typing import Self

from aiokafka.client import AIOKafkaClient

from app.errors import UserError
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.settings import Settings


class UnknownKeyError(UserError):
    """Nothing is remembered of a key."""

    def __init__(self, key: str, settings: Settings) -> None:
        super().__init__(
            f"nothing is remembered of {key}",
            detail=f"{settings.topics.profiles} at {settings.kafka_bootstrap_servers} has no profile with this key",
            hint="check the spelling: upper and lower case differ. Who had no event for SHOAL_RETENTION is forgotten",
        )


class KeyStateError(UserError):
    """A key is in a state that the command cannot begin with."""


class ControlWriter:
    """For as long as the `async with` block lasts. UserError where the broker cannot do it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules = settings.time_rules
        self._topic = settings.topics.clickstream
        self._client: AIOKafkaClient | None = None
        self._writer = LogWriter(settings, partition=0, transactional_id=transactional_id(settings))
        self._partitions = 0

    async def __aenter__(self) -> Self:
        client = self._client = await wait_for_broker(self._settings)
        try:
            found = (await client.fetch_all_metadata()).partitions_for_topic(self._topic)
            at = self._settings.kafka_bootstrap_servers
            if not found:
                raise UserError(f"there is no topic {self._topic} at {at}", hint="a worker creates its topics")
            if not await has_transactions(client):
                raise UserError(
                    f"nothing was changed: the broker at {at} has no transactions, and all keys of a user go together",
                    hint="use Apache Kafka or Redpanda",
                )
            self._partitions = len(found)
        except BaseException:
            await client.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._writer.abandon()
        await self._client.close()


def transactional_id(settings: Settings) -> str:
    """One for all commands: a later one ends what an earlier one has left open."""
    return f"{settings.app_id}-users"
