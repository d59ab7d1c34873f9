"""The export of a person as one JSON object. Every topic with records of users is read through, and a part of the
object comes as soon as it is known: so an export needs the memory of one read, however long it is."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from aiokafka.client import AIOKafkaClient

from app.catalogs.catalog_in_use import catalog_in_use
from app.errors import UserError
from app.events.instants import iso
from app.offline.person import find_person
from app.offline.person_export import TYPE, PersonsKeys, keys_of, pretty, record_in_words
from app.offline.person_records import PersonRecords
from app.offline.profile_words import ProfileWords
from app.runtime.records.moved_keys import moved_keys
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog
from app.settings import Settings


class UnknownPersonError(UserError):
    """Nothing is known of a key, and no record names it."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"nothing is remembered of {key}, and no topic has a record of them",
            hint="check the spelling: upper and lower case differ; SHOAL_TOPIC_PREFIX names the deployment",
        )


class PersonDocument:
    """One export. `records` and `keys` are the numbers so far; `doing` says how far it is."""

    def __init__(self, client: AIOKafkaClient, settings: Settings, asked: str) -> None:
        self._client = client
        self._settings = settings
        self._asked = asked
        self._read = PersonRecords(client, settings)
        self.records = 0
        self.keys = 0

    @property
    def doing(self) -> str:
        """A line for people."""
        return self._read.doing

    async def parts(self) -> AsyncIterator[bytes]:
        """The object, in parts. UnknownPersonError before the first part of somebody of whom nothing is there."""
        read = self._read
        person = await find_person(self._asked, read.profiles)
        user = self._asked if person is None else person.user
        keys = await keys_of(user, await moved_keys(self._client, self._settings), read.profiles)
        self.keys = len(keys.profiles)
        begin = await self._head(user, keys)
        if person is not None:
            yield begin
            begin = b""
        scanned: list[dict[str, Any]] = []
        topics = await read.topics()
        for number, topic in enumerate(topics, 1):
            read.place = f" ({number} of {len(topics)} topics)"
            before = self.records
            async for part in self._records(topic, keys):
                yield begin + part
                begin = b""
            exported = self.records - before
            partitions = len(await read.partitions(topic))
            scanned.append({"topic": topic, "partitions": partitions, "read": read.read, "exported": exported})
        if begin:
            raise UnknownPersonError(self._asked)
        yield b"\n  ],\n" + pretty({"topics": scanned})[2:] + b"\n"

    async def _head(self, user: str, keys: PersonsKeys) -> bytes:
        catalog = await catalog_in_use(self._settings)
        words = ProfileWords(catalog, await asyncio.to_thread(_compiled, catalog, self._settings))
        head = {
            "type": TYPE,
            "exported_at": iso(int(time.time() * 1000)),
            "asked": self._asked,
            "user": user,
            "keys": list(keys.profiles),
            "left_out": keys.left_out,
            "profiles": [words.of(key, profile) for key, profile in keys.profiles.items()],
        }
        return pretty(head)[:-2] + b',\n  "records": ['

    async def _records(self, topic: str, keys: PersonsKeys) -> AsyncIterator[bytes]:
        """The person's records of a topic, each with the comma before it."""
        async for found in self._read.of(topic, keys.profiles):
            for partition, record, value in found:
                told = pretty(record_in_words(topic, partition, record, value)).replace(b"\n", b"\n    ")
                yield (b",\n    " if self.records else b"\n    ") + told
                self.records += 1


def _compiled(catalog: Catalog, settings: Settings) -> Program:
    return compile_catalog(catalog, settings.time_rules)
