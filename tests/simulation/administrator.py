"""An administrator who splits keys that are linked, merges keys, and erases people, while workers come and go."""

from collections.abc import Iterator
from random import Random
from typing import Any

from app.offline.person_keys import keys_behind
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.runtime.records.journal import decode_entry
from app.segments.partition.position import CATALOG_KEY, read_catalog_entry
from tables import profile as profiles
from tables.identity import SPLIT
from tables.profile import Profile
from tests.simulation.broker import SimulatedBroker
from tests.simulation.environment import START_MS
from tests.simulation.scenario import RULES, Scenario
from tests.simulation.verdict import latest
from tests.support.separating import Written, erase_records, merge_records, split_records

DECIDED_MS = START_MS + 10 * 86_400_000
"""Above every number of a claim."""


class Administrator:
    """Decides at `moments` of a run of people, and erases at others; they are few, and none without transactions."""

    def __init__(self, scenario: Scenario, broker: SimulatedBroker, chance: Random, erasing: Random) -> None:
        self._scenario = scenario
        self._broker = broker
        self._chance = chance
        self._decided = 0
        has_any = scenario.identity and scenario.transactions and chance.random() < 0.5
        count = chance.randrange(1, 5) if has_any else 0
        self.moments = [scenario.until_ms * chance.uniform(0.2, 1.0) for _ in range(count)]
        self._erasing = erasing
        may_erase = scenario.identity and scenario.transactions and erasing.random() < 0.4
        erasures = erasing.randrange(1, 4) if may_erase else 0
        self.erasures = [scenario.until_ms * erasing.uniform(0.2, 1.0) for _ in range(erasures)]

    def decide(self) -> None:
        """Splits two keys, or merges two: both records stand in the logs at once."""
        self._decided += 1
        number = DECIDED_MS + self._decided
        stored = dict(self._profiles())
        linked = sorted((user, key) for user, profile in stored.items() for key in _keys_of(profile))
        if linked and self._chance.random() < 0.8:
            self._write(self._split(*self._chance.choice(linked), number))
        elif len(stored) > 1:
            key, user = self._chance.sample(sorted(stored), 2)
            if stored[user].moved_to is None:
                self._write(merge_records(key, user, rules=RULES, n=number, at_ms=START_MS))

    def erase(self, at_ms: float) -> None:
        """Erases somebody with the keys that profiles know of: all records stand in the logs at once."""
        stored = dict(self._profiles())
        moved = {key: profile.moved_to for key, profile in stored.items() if profile.moved_to is not None}
        users = sorted(stored.keys() - moved.keys())
        if users:
            user = self._erasing.choice(users)
            keys = sorted(keys_behind(user, moved))
            now_ms = START_MS + int(at_ms * self._scenario.settings.idle_clock_speed)
            self._write(erase_records(user, keys, rules=RULES, at_ms=now_ms))

    def _split(self, user: str, key: str, number: int) -> Written:
        """The records of the command; none where events of the user stand behind those that it can read."""
        topics, name = self._scenario.settings.topics, user.encode()
        partition = partition_of(name, self._scenario.settings.partitions)
        log: Any = self._broker.log(topics.clickstream, partition)
        if any(record is not None and record.key == name for record in log.records[log.stable_end :]):
            return []
        entry = decode_profile(latest(self._broker.log(topics.profiles, partition))[CATALOG_KEY.encode()]).profile
        assert entry is not None, "a profile without a catalog"
        version = read_catalog_entry(entry).version
        return split_records(
            user,
            key,
            log.committed(),
            program=next(each for each in self._scenario.programs if each.version == version),
            rules=RULES,
            catalog=entry,
            n=number,
            at_ms=START_MS,
            journal=[decode_entry(each.value) for each in self._broker.log(topics.journal, partition).committed()],
        )

    def _write(self, written: Written) -> None:
        settings = self._scenario.settings
        for key, value in written:
            log = self._broker.log(settings.topics.clickstream, partition_of(key.encode(), settings.partitions))
            log.append(START_MS, (key.encode(), value, []), None)

    def _profiles(self) -> Iterator[tuple[str, Profile]]:
        for partition in range(self._scenario.settings.partitions):
            for key, value in latest(self._broker.log(self._scenario.settings.topics.profiles, partition)).items():
                if key in (POSITION_KEY, CATALOG_KEY.encode()):
                    continue
                if (encoded := decode_profile(value).profile) is not None:
                    yield key.decode(), profiles.decode(encoded)


def _keys_of(profile: Profile) -> list[str]:
    """The keys that can be split from a user."""
    identity = profile.identity
    if identity is None or identity.moved_to is not None:
        return []
    return [key for key, claim in identity.claims.items() if claim.state != SPLIT and not claim.is_refused]
