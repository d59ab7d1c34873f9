"""Records of one person: every topic with records of users is read through."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.client import AIOKafkaClient

from app.offline.person_export import is_of, journal_part
from app.runtime.kafka.clients import has_transactions
from app.runtime.kafka.log_readers import LogReaders, rest
from app.runtime.records.envelope import decode_profile
from app.runtime.records.newest_profiles import newest_values
from app.settings import Settings
from tables import profile as profiles
from tables.profile import Profile

READ_RECORDS: Final = 20_000


class Theirs(NamedTuple):
    """A record of the person. `value`: the part of it that is about them."""

    partition: int
    record: Any
    value: bytes | None


class PersonRecords:
    """One reading. `doing`: how far it is, for people; `place`: which of the topics this is. `read`: number of records
    of the topic that was read last."""

    def __init__(self, client: AIOKafkaClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self.doing = "reading the profiles"
        self.place = ""
        self.read = 0

    async def topics(self) -> list[str]:
        """All topics with records about users but that of profiles, each once; also of segments that are no
        longer defined."""
        names = self._settings.topics
        letters = f"{names.destinations}.dead-letter"
        first = [names.clickstream, names.late, names.dead_letters, names.changes]
        last = [names.identity, names.erasures, names.journal, letters]
        about_nobody = {names.profiles, names.catalog, names.audit, names.destinations, names.intake}
        there = (await self._client.fetch_all_metadata()).topics() - {*first, *last, *about_nobody}
        return [*first, *sorted(each for each in there if each.startswith(names.segment_prefix)), *last]

    async def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic; none where it is not there."""
        return sorted((await self._client.fetch_all_metadata()).partitions_for_topic(topic) or ())

    async def whole(self, topic: str) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        """All records of a topic, up to the end that each partition has when it is reached; with the partition."""
        partitions = await self.partitions(topic)
        self.read = 0
        async with LogReaders(
            self._client, self._settings, committed_only=await has_transactions(self._client)
        ) as readers:
            for partition in partitions:
                async for part in rest(readers.open(topic, partition), 0, records_max=READ_RECORDS):
                    self.read += len(part.records)
                    place = f"partition {partition + 1} of {len(partitions)}"
                    self.doing = f"reading {topic}{self.place}: {place}, {self.read:,} records"
                    yield partition, part.records

    async def of(self, topic: str, keys: Collection[str]) -> AsyncIterator[list[Theirs]]:
        """The person's records of a topic."""
        async for partition, records in self.whole(topic):
            yield await asyncio.to_thread(self._theirs, topic, partition, records, keys)

    def _theirs(self, topic: str, partition: int, records: Sequence[Any], keys: Collection[str]) -> list[Theirs]:
        topics = self._settings.topics
        if topic == topics.journal:
            parts = (Theirs(partition, record, journal_part(record.value, keys)) for record in records)
            return [each for each in parts if each.value is not None]
        # What workers write has the right key; what others have written may not.
        may_be_misplaced = topic in (topics.clickstream, topics.late, topics.dead_letters)
        ids = self._settings.user_ids if may_be_misplaced else None
        names = frozenset(key.encode() for key in keys)
        return [
            Theirs(partition, record, record.value) for record in records if is_of(record.key, record.value, names, ids)
        ]

    async def profiles(self, keys: Collection[str]) -> Mapping[str, Profile]:
        """The newest profiles of these keys; where there is no topic of profiles, nobody is known."""
        values = await newest_values(self._client, self._settings, keys) or {}
        stored = {key.decode(): decode_profile(value).profile for key, value in values.items()}
        return {key: profiles.decode(encoded) for key, encoded in stored.items() if encoded is not None}
