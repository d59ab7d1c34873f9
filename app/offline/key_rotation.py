"""The rotation of pseudonyms: who is known by an id, or by a pseudonym of an older key, moves to the newest pseudonym.

It is a merge by force for each person, and for each visitor without a user. A suppressed key does not move: its new
pseudonym is suppressed as well. Keys that have moved to a user stay: events of their new pseudonyms claim these again.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiokafka.structs import TopicPartition
from msgspec.structs import replace

from app.errors import UserError
from app.events.control_record import Control, Deed, write_control
from app.events.link_record import link_id
from app.offline.control_writer import ControlWriter
from app.runtime.kafka.log_readers import LogReaders, whole
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.runtime.records.envelope import POSITION_KEY, Reached, decode_profile, reached_of
from app.runtime.records.newest_profiles import newest_values
from app.segments.partition.position import CATALOG_KEY
from tables import profile as profiles
from tables.identity import NEVER_MS
from tables.profile import Profile

READ_RECORDS: Final = 10_000
DEED_OF_NEW: Final[Deed] = "erase"
DEED_OF_OLD: Final[Deed] = "unsuppress"
KEYS_AT_ONCE: Final = 500
"""In one transaction."""
Records = list[tuple[str, Control]]
"""Control records, each with its key."""


@dataclass(frozen=True, slots=True)
class Old:
    """A key that is no newest pseudonym. `suppressed_with`: of a suppressed one, the other keys; None: it moves."""

    key: str
    answered: int
    suppressed_with: tuple[str, ...] | None


@dataclass(slots=True)
class Rotated:
    """Numbers of keys: those that move, those that are suppressed under the new pseudonym, all that were read."""

    moving: int = 0
    suppressed: int = 0
    read: int = 0


class KeyRotation(ControlWriter):
    """One rotation, for as long as the `async with` block lasts. A part of it is harmless: run it again."""

    async def rotate(self, done: Rotated, *, write: bool) -> None:
        """Writes the control records, partition after partition; without `write` it counts. UserError without keys."""
        if not self._settings.incoming_ids.hides:
            raise UserError("ids are not replaced: there is no pseudonym key", hint="SHOAL_PSEUDONYM_KEYS, or _FILE")
        assert self._client is not None, "not entered"
        topic = self._settings.topics.profiles
        partitions = (await self._client.fetch_all_metadata()).partitions_for_topic(topic) or ()
        if write:
            await self._writer.open()
        suppressed: list[Old] = []
        for partition in sorted(partitions):
            found = await self._old_keys(topic, partition, done)
            suppressed += (each for each in found if each.suppressed_with is not None)
            moving = [each for each in found if each.suppressed_with is None]
            for at in range(0, len(moving), KEYS_AT_ONCE):
                await self._write(map(self._merge, moving[at : at + KEYS_AT_ONCE]), write=write)
            done.moving += len(moving)
        known = await self._erased({self._new(each) for each in suppressed})
        for at in range(0, len(suppressed), KEYS_AT_ONCE):
            some = suppressed[at : at + KEYS_AT_ONCE]
            await self._write((self._suppression(each, known) for each in some), write=write)
        done.suppressed += len(suppressed)

    async def _old_keys(self, topic: str, partition: int, done: Rotated) -> list[Old]:
        newest: dict[bytes, tuple[Reached, Old | None]] = {}
        assert self._client is not None
        key_of = self._settings.incoming_ids.key_of
        names: dict[bytes, bool] = {POSITION_KEY: False, CATALOG_KEY.encode(): False}
        async with LogReaders(self._client, self._settings, committed_only=True) as readers:
            async for records in whole(readers.open(topic, partition), records_max=READ_RECORDS):
                for record in records:
                    key, value = record.key, record.value
                    if key not in names:
                        done.read += 1
                        names[key] = key_of(key.decode()) != key.decode()
                    if not names[key]:
                        continue
                    if value is None:
                        newest.pop(key, None)
                        continue
                    reached = reached_of(value)
                    if key not in newest or reached >= newest[key][0]:
                        newest[key] = reached, _old(key.decode(), decode_profile(value).profile)
        return [old for _, old in newest.values() if old is not None]

    async def _erased(self, keys: set[str]) -> set[str]:
        """Those of some keys that have been erased, suppressed or not."""
        assert self._client is not None
        values = await newest_values(self._client, self._settings, keys) or {}
        stored = {key.decode(): decode_profile(value).profile for key, value in values.items()}
        found = {key: profiles.decode(encoded).identity for key, encoded in stored.items() if encoded is not None}
        return {key for key, identity in found.items() if identity is not None and identity.erased_ms > NEVER_MS}

    def _new(self, old: Old) -> str:
        return self._settings.incoming_ids.key_of(old.key)

    def _merge(self, old: Old) -> Records:
        """The key moves to the new pseudonym: a record for either."""
        new, at_ms = self._new(old), int(time.time() * 1000)
        n = max(at_ms + self._rules.skew_max_ms, old.answered) + 1
        name = link_id(self._rules.app, old.key, new, n)
        told = Control(deed="merge", app=self._rules.app, id=name, source=old.key, to=new, n=n, at_ms=at_ms)
        return [(old.key, told), (new, told)]

    def _suppression(self, old: Old, known: set[str]) -> Records:
        """The new pseudonym is suppressed; once it is, the old key is no more, as nobody sends it."""
        new, at_ms, app = self._new(old), int(time.time() * 1000), self._rules.app
        key, deed = (old.key, DEED_OF_OLD) if new in known else (new, DEED_OF_NEW)
        told = Control(deed=deed, app=app, id=link_id(app, key, key, at_ms), source=key, to=key, n=0, at_ms=at_ms)
        told = replace(told, user=key)
        if key == new:
            others = map(self._settings.incoming_ids.key_of, old.suppressed_with or ())
            told = replace(told, suppress=True, keys=(new, *others))
        return [(key, told)]

    async def _write(self, some: Iterable[Records], *, write: bool) -> None:
        """All records of some keys, or none."""
        if not write:
            return
        rows: dict[TopicPartition, list[Row]] = {}
        for key, control in (each for records in some for each in records):
            tp = TopicPartition(self._topic, partition_of(key.encode(), self._partitions))
            rows.setdefault(tp, []).append((key.encode(), write_control(control), []))
        producer = self._writer.producer
        await producer.begin_transaction()
        await self._writer.write_to(rows.items())
        await producer.commit_transaction()


def _old(key: str, encoded: bytes | None) -> Old | None:
    """A key that has something to take along; None for one that has moved, or of which nothing is remembered."""
    profile: Profile | None = None if encoded is None else profiles.decode(encoded)
    if profile is None or profile.moved_to is not None:
        return None
    identity = profile.identity
    if identity is not None and identity.is_suppressed:
        return Old(key, 0, identity.suppressed_with)
    if not (profile.begun or profile.waiting is not None or profile.leaves):
        return None
    return Old(key, 0 if identity is None else max(identity.answered.values(), default=0), None)
