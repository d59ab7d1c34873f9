"""Canaries: every event carries a word of its own, and of who was erased none is found again, wherever one looks.

A canary names the key of its event, and how many erasures there had been when the event came. When an erasure has
finished, all that is written from then on is searched for canaries of its keys from before it, and so is what
compaction leaves of the profiles, and the files of profiles on disk, where workers keep them there. What stands in the
logs before it goes with their retention: Kafka deletes whole segments by age, whatever is in them. When all terms are
over, no profile is left.

What a device has given to a user is the user's, also when they have logged out there. Of a device that is erased as a
person of its own, only its own records and profile are searched. Of a user who is erased, theirs are searched for what
their devices sent as well, unless they claim the device again: not the input, where a device that has logged out may
still pass on an event, nor late events, which are kept of who is forgotten by then.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

import rocksdict
from rocksdict import Cache, DBCompressionType

from app.events.link_record import link_id
from app.runtime.delivery.commit import OutputTopics
from app.runtime.kafka.partitioner import partition_of
from app.runtime.partition.disk_table import DiskTable
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.runtime.records.erasure_events import read_erasure
from app.runtime.records.identity_events import MOVES, read_identity
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE
from app.segments.definitions.definition import Catalog
from app.segments.partition.partition import Partition
from tables.identity import DAY_MS
from tests.simulation.administrator import Administrator
from tests.simulation.backfill import Backfiller
from tests.simulation.broker import Log
from tests.simulation.environment import START_MS
from tests.simulation.identity_bugs import WithPeople
from tests.simulation.run import Outcome
from tests.simulation.scenario import RULES, Event, Scenario
from tests.simulation.verdict import latest

FILES = {
    "viewers.yaml": (
        "segment: viewers\nwhen: count('Product Viewed' within 10m) >= 1\ntopic: true\n"
        "attach: {note: last(note of 'Product Viewed')}\n"
    ),
    IDENTITY_FILE: "switches_max: 2\ndevices_max: 3\n",
}
OPTIONS = rocksdict.Options
CATALOG = load_catalog(FILES)
PROGRAM = compile_catalog(CATALOG, RULES)
AFTER_MS = 45 * DAY_MS
AHEAD_MS = 600_000
"""Of the clock of the command: an event whose own clock is ahead of an erasure, and comes behind it, is a new one."""


WORD: Final = b"canary-of-"


def canary(key: str, erasures: int) -> bytes:
    """The word of an event.

    >>> canary("ann", 2)
    b'canary-of-ann-2.'
    """
    return f"canary-of-{key}-{erasures}.".encode()


@dataclass(frozen=True, slots=True)
class CanaryScenario(Scenario):
    """A scenario with one catalog, which remembers canaries and sends them along."""

    @property
    def programs(self) -> tuple[Program, ...]:
        """The catalog."""
        return (PROGRAM,)

    @property
    def catalogs(self) -> tuple[Catalog, ...]:
        """The same, before it is compiled."""
        return (CATALOG,)


class CanaryAdministrator(Administrator):
    """Knows the erasures: the id of each, and how many there had been."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.moments = []
        self.erasures = [self._scenario.until_ms * share for share in (0.4, 0.7)]
        self.known: dict[str, int] = {}
        self._speed = self._scenario.settings.idle_clock_speed

    def erase(self, at_ms: float) -> None:
        """Erases somebody, by a clock that is ahead."""
        later_ms = at_ms + AHEAD_MS / self._speed
        super().erase(later_ms)

    def _write(self, written: list[tuple[str, bytes]]) -> None:
        super()._write(written)
        said = json.loads(written[0][1])
        self.known[link_id(RULES.app, said["user"], said["user"], said["at_ms"])] = len(self.known)


class WrittenTable(DiskTable[str]):
    """Profiles on disk. Each is written to a file before another takes its place, without compression, so that a search
    finds what is left of it. `removed`: earlier profiles of erased keys that are in no file; `left`: keys whose are."""

    def __init__(self, path: Path, cache: Any) -> None:
        with patch("rocksdict.Options", uncompressed):
            super().__init__(path, cache)
        self._path = path
        self._earlier: dict[str, set[bytes]] = {}
        self.removed = 0
        self.left: list[str] = []

    def __setitem__(self, key: str, value: bytes) -> None:
        if WORD in value:
            self._earlier.setdefault(key, set()).add(value)
        else:
            self._database.flush()
        super().__setitem__(key, value)

    def forget_older(self, keys: Iterable[str]) -> None:
        """As the original; then the files are searched."""
        super().forget_older(keys)
        files = b"".join(path.read_bytes() for path in self._path.glob("*.sst"))
        for key in keys:
            for value in self._earlier.pop(key, ()):
                if value in files:
                    self.left.append(key)
                else:
                    self.removed += 1


def uncompressed() -> Any:
    """Options of a table that does not compress."""
    made = OPTIONS()
    made.set_compression_type(DBCompressionType.none())
    return made


class CanaryRun(WithPeople):
    """A run of people who are erased, each with their own devices. `disk`: workers keep profiles there."""

    disk: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tables: list[WrittenTable] = []
        given = {each.name: getattr(self.scenario, each.name) for each in fields(Scenario)}
        events = tuple(map(self._own, self.scenario.events))
        less = {"events": events, "new_catalogs_ms": (), "transactions": True, "census": False}
        self.scenario = CanaryScenario(**given | less)
        self.census.is_wanted = False
        self.canaries = CanaryAdministrator(self.scenario, self.broker, self._chance, self._chance)
        self.administrator = self.canaries
        self.backfiller = Backfiller(self.scenario, self.broker, self.tell, Random(f"backfill of {self.seed}"))
        self.written: dict[int, float] = {}

    def new_core(self, program: Program) -> Partition:
        """An empty partition, with its profiles on disk if there is one."""
        if self.disk is None:
            return super().new_core(program)
        self.tables.append(WrittenTable(self.disk / str(len(self.tables)), Cache(1 << 20)))
        return Partition(program, RULES, held=self.tables[-1], timers_max=self.scenario.timers_max)

    def layout(self, partition: int) -> OutputTopics:
        """Of a worker whose broker has transactions: profiles carry no changes."""
        return replace(super().layout(partition), resendable=False)

    def _own(self, event: Event) -> Event:
        """The event, of a device that belongs to one person."""
        try:
            said = json.loads(event.value)
        except ValueError:
            return event
        device = "a" + said["anonymousId"][1:]
        said |= {"anonymousId": device, "properties": said.get("properties", {}) | {"note": "CANARY"}}
        key = device
        if "userId" in said:
            key = said["userId"] = f"u{int(device[1:]) % 2}"
        partition = partition_of(key.encode(), self.settings.partitions)
        return replace(event, key=key.encode(), value=json.dumps(said).encode(), partition=partition)

    def _arrive(self, event: Event) -> None:
        word = canary(event.key.decode(), len(self.canaries.known))
        super()._arrive(replace(event, value=event.value.replace(b"CANARY", word)))

    def play(self) -> Outcome:
        """From the start to the end of all terms."""
        append = Log.append

        def noting(log: Log, *given: Any) -> int:
            offset = append(log, *given)
            self.written[id(log.records[offset])] = self.times.now_ms  # logs keep all of them
            return offset

        with patch.object(Log, "append", noting):
            outcome = super().play()
        for key in (key for table in self.tables for key in table.left):
            self.violate(f"a file of profiles: what {key} was before they were erased")
        for problem in (*self._found(), *self._remembered()):
            self.violate(problem)
        return outcome

    def _found(self) -> Iterator[str]:
        """Canaries of the erased, in what was written behind the end of the erasure, and in profiles."""
        steps = [(read_erasure(record.value), record) for record in self._committed(self.settings.topics.erasures)]
        ends = {step.id: record for step, record in steps if step.result == "finished"}
        linked = [read_identity(record.value) for record in self._committed(self.settings.topics.identity)]
        moves = [said for said in linked if said.result in MOVES]
        for step, _ in steps:
            if step.result == "erased" and step.key is not None and step.id in ends:
                of_user = [said for said in moves if said.to == step.key]
                again = {said.source for said in of_user if said.at > (step.until or "")}
                devices = {said.source for said in of_user} - again
                is_given = step.user == step.key and any(said.source == step.key for said in moves)
                for key in (step.key, *sorted(devices)):
                    words = [canary(key, number) for number in range(self.canaries.known[step.id] + 1)]
                    only = step.key.encode() if is_given or key != step.key else None
                    behind = self._written_behind(ends[step.id], words, only, of_device=key != step.key)
                    for place in (*behind, *self._in_profiles(words, only)):
                        yield f"{place}: a canary of {key}, with {step.key} erased before"

    def _committed(self, topic: str) -> Iterator[Any]:
        for number in range(self.settings.partitions):
            yield from self.broker.log(topic, number).committed()

    def _written_behind(
        self, end: Any, words: list[bytes], only: bytes | None, *, of_device: bool = False
    ) -> Iterator[str]:
        """Places of records with one of the words, in later batches than that of `end`. `only`: of this key."""
        topics = self.settings.topics
        names = [topics.changes, topics.segment("viewers"), topics.dead_letters]
        if not of_device:
            names += [topics.clickstream, topics.late]
        for topic in (*names, topics.identity, topics.journal, topics.erasures):
            for record in self._committed(topic):
                is_later = (
                    self.written[id(record)] > self.written[id(end)] and record.transaction is not end.transaction
                )
                is_asked = is_later and only in (None, record.key)
                if is_asked and any(word in (record.value or b"") for word in words):
                    yield f"{topic} at {record.offset}"

    def _in_profiles(self, words: list[bytes], only: bytes | None) -> Iterator[str]:
        """Keys whose profiles have one of the words when they are compacted. `only`: of this key."""
        for number in range(self.settings.partitions):
            log = self.broker.log(self.settings.topics.profiles, number)
            log.compact()
            for record in log.records:
                if record is None or only not in (None, record.key):
                    continue
                if any(word in (record.value or b"") for word in words):
                    yield f"profile of {record.key!r}"

    def _remembered(self) -> Iterator[str]:
        """Keys of which something is left when all terms are over."""
        for number in range(self.settings.partitions):
            core = Partition(PROGRAM, RULES)
            for key, value in latest(self.broker.log(self.settings.topics.profiles, number)).items():
                encoded = None if key == POSITION_KEY else decode_profile(value).profile
                if encoded is not None:
                    core.restore(key.decode(), encoded, offset=0)
            batch = core.advance(START_MS + AFTER_MS)
            held = {user for user, encoded in batch.profiles.items() if encoded is not None} - {"\x00catalog"}
            if core.users:
                yield f"partition {number} remembers {core.users} users after all terms: {sorted(held)}"
