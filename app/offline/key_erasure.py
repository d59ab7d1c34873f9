"""The erasure of a person: finds all their keys, and writes their control records in one transaction."""

import time
from collections.abc import Iterable

from aiokafka.structs import TopicPartition
from msgspec.structs import replace

from app.events.control_record import Control, write_control
from app.events.link_record import link_id
from app.offline.control_writer import ControlWriter, KeyStateError, UnknownKeyError
from app.offline.person_keys import Erasure, claimed_by, is_persons, keys_behind
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.runtime.records.envelope import decode_profile
from app.runtime.records.moved_keys import moved_keys
from app.runtime.records.newest_profiles import newest_values
from tables import profile as profiles
from tables.profile import Profile


class KeyErasure(ControlWriter):
    """One erasure. It reads the profiles of all users: each may have moved to the person."""

    async def erase(self, user: str, *, write: bool, suppress: bool = False) -> Erasure:
        """Erases a person with all their keys; without `write` it says which these are. With `suppress`, later events
        of the user are dropped; then they may be unknown."""
        assert self._client is not None, "not entered"
        moved = await moved_keys(self._client, self._settings)
        if user in moved:
            raise KeyStateError(f"{user} has moved to {moved[user]}", hint=f"shoal users erase {moved[user]}")
        behind = keys_behind(user, moved)
        persons = await self._profiles([user, *behind])
        if user not in persons and not behind and not suppress:
            raise UnknownKeyError(user, self._settings)
        claimed = claimed_by(persons, [user, *behind])
        others = await self._profiles(claimed)
        behind |= {key: owner for key, owner in claimed.items() if is_persons(others.get(key), owner)}
        if write:
            await self._writer.open()
            await self._write_erasure(user, {user: user} | behind, suppress=suppress)
        return Erasure(user=user, keys=(user, *sorted(behind)), written=write, suppressed=suppress)

    async def _write_erasure(self, user: str, keys: dict[str, str], *, suppress: bool) -> None:
        """All records or none: a part of a person would bring the rest back."""
        app = self._rules.app
        at_ms = int(time.time() * 1000)
        name = link_id(app, user, user, at_ms)
        told = Control(deed="erase", app=app, id=name, source=user, to=user, n=0, at_ms=at_ms, user=user)
        told = replace(told, suppress=suppress)
        rows: dict[TopicPartition, list[Row]] = {}
        for key, owner in keys.items():
            tp = TopicPartition(self._topic, partition_of(key.encode(), self._partitions))
            told_keys = tuple(keys) if key == user else ()
            value = write_control(replace(told, source=key, to=owner, keys=told_keys))
            rows.setdefault(tp, []).append((key.encode(), value, []))
        await self._write_rows(rows)

    async def _write_rows(self, rows: dict[TopicPartition, list[Row]]) -> None:
        producer = self._writer.producer
        await producer.begin_transaction()
        await self._writer.write_to(rows.items())
        await producer.commit_transaction()

    async def unsuppress(self, user: str) -> None:
        """Events of a suppressed user, and of the keys that were suppressed with them, are taken again.

        UserError for one who is not suppressed.
        """
        profile = (await self._profiles([user])).get(user)
        if profile is None or profile.identity is None or not profile.identity.is_suppressed:
            hint = "a worker that has not come to the erasure yet does not know it: shoal users erase USER --status"
            raise KeyStateError(f"{user} is not suppressed", hint=hint)
        at_ms = int(time.time() * 1000)
        name = link_id(self._rules.app, user, user, at_ms)
        told = Control(deed="unsuppress", app=self._rules.app, id=name, source=user, to=user, n=0, at_ms=at_ms)
        told = replace(told, user=user)
        rows: dict[TopicPartition, list[Row]] = {}
        for key in (user, *profile.identity.suppressed_with):
            tp = TopicPartition(self._topic, partition_of(key.encode(), self._partitions))
            rows.setdefault(tp, []).append((key.encode(), write_control(replace(told, source=key, to=key)), []))
        await self._writer.open()
        await self._write_rows(rows)

    async def _profiles(self, keys: Iterable[str]) -> dict[str, Profile]:
        assert self._client is not None, "not entered"
        values = await newest_values(self._client, self._settings, keys) or {}
        stored = {key.decode(): decode_profile(value).profile for key, value in values.items()}
        return {key: profiles.decode(encoded) for key, encoded in stored.items() if encoded is not None}
