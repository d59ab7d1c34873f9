"""The work of `shoal users erase --status`: finds the erasures of a person, and what the topics still have of them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.console.output import make_console
from app.console.running import reporting
from app.errors import UserError
from app.events.control_record import CONTROL_MARK, Control, read_control
from app.events.message import MessageError
from app.offline.erasure_terms import ErasureStatus, Remains, kept_until, profile_until
from app.offline.person_records import PersonRecords
from app.runtime.audit import audited
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.kafka.topic_states import topic_configs
from app.runtime.records.envelope import POSITION_KEY, decode_position, decode_profile, is_further
from app.settings import Settings
from tables import profile as profiles
from tables.identity import ERASED
from tables.profile import Profile

NOTHING_MS: Final = -1


def erasure_status(settings: Settings, user: str) -> ErasureStatus:
    """The state of the erasures of a person; the audit log has that somebody has asked. UserError if there is none."""
    return asyncio.run(_audited(settings, user))


async def _audited(settings: Settings, user: str) -> ErasureStatus:
    async with audited(settings, "users.show", user=user):
        client = await wait_for_broker(settings)
        look = _Look(client, settings)
        try:
            found: list[ErasureStatus] = []
            await reporting(look.run(user, found), make_console(stderr=True), lambda: look.records.doing)
            return found[0]
        except (KafkaError, OffsetLostError) as error:
            raise UserError("a topic cannot be read", detail=f"{type(error).__name__}: {error}") from None
        finally:
            await client.close()


@dataclass(frozen=True, slots=True)
class _Deed:
    """A control record of an erasure, and its place."""

    control: Control
    partition: int
    offset: int


@dataclass(slots=True)
class _Stored:
    """The profiles of the person. `reached`: offset of the clickstream that each partition has come to."""

    newest: dict[bytes, bytes | None] = field(default_factory=dict)
    records: int = 0
    newest_ms: int = NOTHING_MS
    reached: dict[int, int] = field(default_factory=dict)

    def take(self, partition: int, record: Any, keys: frozenset[bytes]) -> None:
        """Takes a record of the topic."""
        key, value = record.key, record.value
        if key == POSITION_KEY:
            self.reached[partition] = max(self.reached.get(partition, 0), decode_position(value).reached.offset)
        elif key in keys:
            self.records += 1
            self.newest_ms = max(self.newest_ms, record.timestamp)
            known = self.newest.get(key)
            if value is None or known is None or is_further(value, known):
                self.newest[key] = value

    def profile(self, key: str) -> Profile | None:
        """The profile of a key; None if nothing is remembered."""
        value = self.newest.get(key.encode())
        encoded = None if value is None else decode_profile(value).profile
        return None if encoded is None else profiles.decode(encoded)


class _Look:
    """One reading."""

    def __init__(self, client: AIOKafkaClient, settings: Settings) -> None:
        self._settings = settings
        self.records = PersonRecords(client, settings)

    async def run(self, user: str, found: list[ErasureStatus]) -> None:
        """Appends the status."""
        settings, topics = self._settings, self._settings.topics
        deeds = await self._deeds(user)
        found_keys = {each.control.source for each in deeds} | await self._suppressed_with(user)
        keys = tuple(dict.fromkeys((user, *sorted(found_keys))))
        stored = await self._stored(frozenset(key.encode() for key in keys))
        names = await self.records.topics()
        there = [name for name in (*names, topics.profiles) if await self.records.partitions(name)]
        configs = await topic_configs(settings, there)
        remains = [
            each for name in names if (each := await self._remains(name, keys, configs.get(name, {}))) is not None
        ]
        if stored.records:
            is_deleted = all(value is None for value in stored.newest.values())
            is_suppressed = any(_is_suppressed(stored.profile(key)) for key in keys)
            config = configs.get(topics.profiles, {})
            term = profile_until(config, stored.newest_ms, is_deleted=is_deleted, is_suppressed=is_suppressed)
            remains.append(Remains(topics.profiles, stored.records, stored.newest_ms, term))
        if not deeds and not any(_erased_ms(stored.profile(key)) >= 0 for key in keys):
            raise _not_erased(user, remains)
        found.append(_status(user, keys, deeds, stored, tuple(remains)))

    async def _deeds(self, user: str) -> list[_Deed]:
        """The control records of all erasures that have erased this key."""
        found: list[_Deed] = []
        async for partition, records in self.records.whole(self._settings.topics.clickstream):
            for record in records:
                if record.value is None or not record.value.startswith(CONTROL_MARK):
                    continue
                try:
                    control = read_control(record.value)
                except MessageError:
                    continue
                if control.deed == "erase" and control.app == self._settings.app_id:
                    found.append(_Deed(control, partition, record.offset))
        ids = {each.control.id for each in found if each.control.source == user}
        return [each for each in found if each.control.id in ids]

    async def _suppressed_with(self, user: str) -> set[str]:
        """Other keys that were suppressed with a user, who remembers them longer than the control records are there."""
        stored = await self._stored(frozenset({user.encode()}))
        profile = stored.profile(user)
        return set() if profile is None or profile.identity is None else set(profile.identity.suppressed_with)

    async def _stored(self, keys: frozenset[bytes]) -> _Stored:
        stored = _Stored()
        async for partition, records in self.records.whole(self._settings.topics.profiles):
            for record in records:
                stored.take(partition, record, keys)
        return stored

    async def _remains(self, topic: str, keys: tuple[str, ...], config: dict[str, str]) -> Remains | None:
        count, newest_ms = 0, NOTHING_MS
        async for part in self.records.of(topic, keys):
            count += len(part)
            newest_ms = max(newest_ms, max((each.record.timestamp for each in part), default=NOTHING_MS))
        return Remains(topic, count, newest_ms, kept_until(config, newest_ms)) if count else None


def _status(
    user: str, keys: tuple[str, ...], deeds: list[_Deed], stored: _Stored, remains: tuple[Remains, ...]
) -> ErasureStatus:
    known = {key: stored.profile(key) for key in keys}
    waiting = {each.control.source for each in deeds if stored.reached.get(each.partition, 0) <= each.offset}
    erased = {key: _erased_ms(profile) for key, profile in known.items()}
    at_ms = max([each.control.at_ms for each in deeds], default=erased[user])
    return ErasureStatus(
        user=user,
        at_ms=at_ms,
        keys=keys,
        waiting=tuple(key for key in keys if key in waiting),
        back=tuple(key for key, profile in known.items() if key not in waiting and _is_back(profile)),
        elsewhere=tuple(key for key, profile in known.items() if key not in waiting and _is_elsewhere(profile)),
        suppressed=tuple(key for key, profile in known.items() if _is_suppressed(profile)),
        remains=remains,
    )


def _erased_ms(profile: Profile | None) -> int:
    return (
        NOTHING_MS if profile is None or profile.identity is None else profile.identity.answered.get(ERASED, NOTHING_MS)
    )


def _is_suppressed(profile: Profile | None) -> bool:
    return profile is not None and profile.identity is not None and profile.identity.is_suppressed


def _is_back(profile: Profile | None) -> bool:
    return profile is not None and profile.moved_to is None and (profile.begun or profile.waiting is not None)


def _is_elsewhere(profile: Profile | None) -> bool:
    return profile is not None and profile.moved_to is not None


def _not_erased(user: str, remains: list[Remains]) -> UserError:
    if not remains:
        return UserError(
            f"no topic has anything of {user}: not their erasure either",
            hint="shoal.audit keeps erasures longer, under an HMAC of the user: GET /v1/audit",
        )
    return UserError(f"{user} has not been erased", hint=f"shoal users erase {user}")
