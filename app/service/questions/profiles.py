"""A live user's profile, from where workers keep it: the changelog's partition is read through, nothing else is asked.

That takes about a second for half a million users a partition, and nothing of it is kept: it is for questions of people
(why is this user in?), a few at a time, not for pages.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from app.events.instants import iso
from app.offline.person import Key, claims_of
from app.offline.profile_words import ProfileWords
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.records.envelope import POSITION_KEY, decode_position, decode_profile
from app.runtime.records.newest_profiles import newest_values
from app.segments.compiler.program import Program
from app.segments.definitions.definition import Catalog
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from app.service.http.http_problem import Problem
from app.service.questions.evaluation import LiveEvaluation, Standing, standings
from app.settings import Settings
from tables import profile as profiles

READS_AT_ONCE: Final = 2
READ_TIMEOUT_S: Final = 15.0


class LivePerson(msgspec.Struct, kw_only=True, frozen=True):
    """A live user and all segments; the fields are those of `LiveEvaluation`.

    `remembered`: the content of the profile, as `ProfileWords` tells it.
    """

    asked: str
    moved_to: str | None
    keys: list[Key]
    user: str
    known: bool
    at: str
    version: str
    segments: list[Standing]
    remembered: dict[str, Any]


class Profiles:
    """Reads one user at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self._shares: dict[str, float] = {}

    async def explain(self, user: str, segment: str, *, catalog: Catalog, program: Program) -> LiveEvaluation:
        """Explains why a user is in a segment or not, as of the last commit. Problem 503 if it is unreadable.

        For a key that has moved, the answer is about the user that it has moved to.
        """
        found = await self.person(user, catalog=catalog, program=program)
        return LiveEvaluation(
            asked=found.asked,
            moved_to=found.moved_to,
            keys=found.keys,
            user=found.user,
            known=found.known,
            at=found.at,
            version=found.version,
            segment=next(each for each in found.segments if each.segment == segment),
        )

    async def person(self, user: str, *, catalog: Catalog, program: Program) -> LivePerson:
        """All that one reading of the profile says about a user, and all segments. Problem 503 as `explain`."""
        asked = user
        self._shares[asked] = 0.0
        try:
            async with asyncio.timeout(READ_TIMEOUT_S), self._reading:
                values = await self._values(user, asked)
                passed = {user}
                while (target := _moved_to(user, values)) is not None and target not in passed:
                    user = target
                    passed.add(user)
                    values = await self._values(user, asked)
        except (KafkaError, OSError, TimeoutError, OffsetLostError) as error:
            reason = "it took too long" if isinstance(error, TimeoutError) else "Kafka does not answer"
            raise Problem(503, "profiles", f"the profiles cannot be read: {reason}", retry_after_s=5) from error
        finally:
            self._shares.pop(asked, None)
        found = await asyncio.to_thread(self._person, user, values, catalog, program)
        return msgspec.structs.replace(found, asked=asked, moved_to=user if user != asked else None)

    def share_read(self, user: str) -> float | None:
        """The share of the partition that a question about a user has read, from 0 to 1; None: nobody asks.

        For a key that has moved, the partition of the user that it has moved to follows, from 0 again.
        """
        return self._shares.get(user)

    async def _values(self, user: str, asked: str) -> dict[bytes, bytes]:
        """Of three keys the value that has come furthest: the user, the position, the catalog."""

        def note(share: float) -> None:
            self._shares[asked] = share

        client = await connect(self._settings)
        try:
            also = (POSITION_KEY, CATALOG_KEY.encode())
            values = await newest_values(client, self._settings, [user], also=also, on_share=note)
        finally:
            await client.close()
        if values is None:
            raise Problem(503, "profiles", "no worker has stored a profile yet", retry_after_s=5)
        return values

    def _person(self, user: str, values: dict[bytes, bytes], catalog: Catalog, program: Program) -> LivePerson:
        rules = self._settings.time_rules
        partition = Partition(program, rules, keyed=False)
        clock_ms = 0
        if (kept := values.get(POSITION_KEY)) is not None:
            position = decode_position(kept)
            partition.restore_position(position.position)
            clock_ms = position.reached.clock_ms
        for name in (CATALOG_KEY, user):
            if (kept := values.get(name.encode())) is not None:
                stored = decode_profile(kept)
                partition.restore(name, stored.profile, offset=0)
                clock_ms = max(clock_ms, stored.reached.clock_ms)
        if partition.stale:
            detail = f"the workers use other definitions than this service ({program.version})"
            raise Problem(503, "other-catalog", detail, retry_after_s=10)
        known, keys = partition.profile(user) is not None, claims_of(partition.held(user))
        remembered = ProfileWords(catalog, program).of(user, partition.profile(user))
        told = standings(partition, user, catalog=catalog, program=program, at_ms=clock_ms, rules=rules)
        return LivePerson(
            asked=user,
            moved_to=None,
            keys=keys,
            user=user,
            known=known,
            at=iso(clock_ms),
            version=catalog.version,
            segments=told,
            remembered=remembered,
        )


def _moved_to(user: str, values: Mapping[bytes, bytes]) -> str | None:
    """The user that a key has moved to; None for one that has not, or is not there."""
    value = values.get(user.encode())
    encoded = None if value is None else decode_profile(value).profile
    return None if encoded is None else profiles.decode(encoded).moved_to
