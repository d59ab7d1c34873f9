"""A backfill while workers come and go: the command, which dies now and then, and what must hold when it is over."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from app.events.control_record import CONTROL_MARK, read_control, write_control
from app.offline.backfill_plan import Plan, plan_of
from app.offline.backfill_shadow import DEEDS, Shadow
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.runtime.records.journal import IdleMove, JournalEntry, Poisoned, decode_entry
from app.segments.compiler.aggregates import segment_id
from app.segments.definitions.definition import Catalog
from app.segments.partition.position import CATALOG_KEY, CatalogEntry, read_catalog_entry
from tables import profile as profiles
from tests.simulation.broker import Log, SimulatedBroker
from tests.simulation.environment import START_MS
from tests.simulation.scenario import RULES, Scenario
from tests.simulation.verdict import Recomputed, latest, left_unfired, reached
from tests.support.standings import standing

Logs = Callable[[str, int], Log]


@dataclass(slots=True)
class Command:
    """One process of the command: what it has played of each log, and its fills that no worker has read."""

    plan: Plan
    shadow: Shadow
    epochs: dict[int, int]
    played: list[int]
    sent: list[dict[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sent = [{} for _ in self.played]


class Backfiller:
    """Fills segments of whatever catalog the partitions run, in some runs of a broker with transactions.

    A step is one transaction in some partitions. Its records come into a log together.
    """

    def __init__(
        self, scenario: Scenario, broker: SimulatedBroker, tell: Callable[[str], None], chance: Random
    ) -> None:
        self._scenario = scenario
        self._broker = broker
        self._tell = tell
        self._chance = chance
        self.is_wanted = scenario.transactions and chance.random() < 0.3
        self.begin_ms = scenario.until_ms * chance.uniform(0.2, 1.0)
        self._pause_ms = chance.choice((50.0, 300.0, 1_000.0))
        self._dies = chance.choice((0.0, 0.01, 0.05))
        self._most = chance.choice((1, 2, 100))
        self._command: Command | None = None
        self._names: dict[str, tuple[str, ...]] = {}

    def pause_ms(self) -> float:
        """The time to the next step."""
        return self._pause_ms * self._chance.uniform(0.5, 1.5)

    @property
    def plan(self) -> Plan | None:
        """The plan of the backfill that has come to its end; None if none has."""
        command = self._command
        return command.plan if command is not None and self.is_over else None

    @property
    def is_over(self) -> bool:
        """True if nothing is left to be filled: all partitions with users have read the end."""
        entries = self._entries() if self.is_wanted else {}
        if not entries:
            return True
        command = self._command
        if command is None or command.epochs != _epochs(entries):
            return False
        if command.shadow.is_stuck and len(set(self._scenario.waits_ms)) > 1:
            return True  # a login happens at another moment by the newest definitions: the real command ends here
        begun = [number for number in range(self._partitions) if command.shadow.users(number)]
        return all(command.shadow.is_over(number) for number in begun)

    def step(self) -> None:
        """The work of one process of the command between two looks at the logs."""
        entries = self._entries()
        versions = {entry.version for entry in entries.values()}
        if len(versions) != 1:
            return
        command = self._command
        if command is None or command.epochs != _epochs(entries) or self._chance.random() < self._dies:
            command = self._command = self._begin(versions.pop(), entries)
        self._follow(command)
        if command.shadow.is_stuck:
            return
        for number in range(self._partitions):
            if self._chance.random() < 0.8:
                self._fill(command, number)
        if not any(command.sent):
            self._end(command)

    @property
    def _partitions(self) -> int:
        return self._scenario.settings.partitions

    def _entries(self) -> dict[int, CatalogEntry]:
        """The catalog of each partition that has users, as its worker has stored it."""
        found: dict[int, CatalogEntry] = {}
        for number in range(self._partitions):
            stored = latest(self._broker.log(self._scenario.settings.topics.profiles, number))
            value = stored.get(CATALOG_KEY.encode())
            entry = None if value is None else decode_profile(value).profile
            users = (each for key, each in stored.items() if key not in (CATALOG_KEY.encode(), POSITION_KEY))
            if entry is not None and any(decode_profile(each).profile is not None for each in users):
                found[number] = read_catalog_entry(entry)
        return found

    def _begin(self, version: str, entries: dict[int, CatalogEntry]) -> Command:
        self._tell("shoal backfill starts")
        catalog = next(each for each in self._scenario.catalogs if each.version == version)
        if version not in self._names:
            names = sorted(segment.name for segment in catalog.segments)
            self._names[version] = tuple(self._chance.sample(names, self._chance.randrange(1, len(names) + 1)))
        plan = _plan(catalog, self._names[version])
        shadow = Shadow(plan, RULES, partitions=self._partitions)
        return Command(plan, shadow, _epochs(entries), [0] * self._partitions)

    def _follow(self, command: Command) -> None:
        """Plays what the workers have done by now."""
        topics = self._scenario.settings.topics
        for number in range(self._partitions):
            end = max(0, reached(self._broker.log(topics.profiles, number)).offset)
            records = self._broker.log(topics.clickstream, number).committed()
            command.shadow.feed(number, [each for each in records if command.played[number] <= each.offset < end])
            command.played[number] = max(end, command.played[number])
            command.shadow.note_journal(number, journal_of(self._broker.log, topics.journal, number))
        command.shadow.play()

    def _between(self, command: Command, number: int) -> list[Any]:
        """The records behind what was played, also of transactions that are open, of none that was aborted."""
        log = self._broker.log(self._scenario.settings.topics.clickstream, number)
        first = command.shadow.next_offset(number)
        found = log.read(first, len(log.records) + 1, committed_only=False).records
        return [each for each in found if each.transaction is None or not each.transaction.aborted]

    def _fill(self, command: Command, number: int) -> None:
        shadow, plan = command.shadow, command.plan
        if shadow.is_over(number) or not shadow.users(number):
            return
        place = shadow.next_offset(number)
        sent = command.sent[number] = {user: at for user, at in command.sent[number].items() if at >= place}
        fills = shadow.fills(number, self._most, but=sent)
        allowed = shadow.may_fill(number, (user for user, _ in fills), self._between(command, number))
        if not shadow.has_begun(number) and not sent:
            begun = plan.begun(plan.aggregates, shadow.fed_ms(number))
            sent[""] = self._write(number, None, write_control(begun))
        elif len(allowed) < len(fills):
            self._tell(f"a fill of partition {number} is given up: something has come in between")
            return
        for user, value in fills:
            if user in allowed:
                sent[user] = self._write(number, user.encode(), value)

    def _end(self, command: Command) -> None:
        """Ends the backfill, if everybody is filled."""
        shadow = command.shadow
        begun = [number for number in range(self._partitions) if shadow.users(number)]
        if not begun or all(map(shadow.is_over, begun)) or not all(map(shadow.has_begun, begun)):
            return
        if all(shadow.may_end(number, self._between(command, number)) for number in begun):
            self._tell("the backfill is over")
            for number in begun:
                if not shadow.is_over(number):
                    self._write(number, None, write_control(command.plan.over()))

    def _write(self, number: int, key: bytes | None, value: bytes) -> int:
        return self._broker.log(self._scenario.settings.topics.clickstream, number).append(
            START_MS, (key, value, []), None
        )


@cache
def _plan(catalog: Catalog, names: tuple[str, ...]) -> Plan:
    return plan_of(catalog, names, RULES, source="topic")


def _epochs(entries: dict[int, CatalogEntry]) -> dict[int, int]:
    return {number: entry.epoch for number, entry in entries.items()}


def journal_of(logs: Logs, topic: str, number: int) -> list[JournalEntry]:
    """The journal of a partition."""
    return [decode_entry(record.value) for record in logs(topic, number).committed()]


def is_of_backfill(value: bytes | None) -> bool:
    """True for a record of a backfill."""
    return value is not None and value.startswith(CONTROL_MARK) and read_control(value).deed in DEEDS


def judge_backfill(logs: Logs, scenario: Scenario, backfiller: Backfiller) -> Iterator[str]:
    """Users whose segments are not what one run over all records has made of them, once their backfill is over.

    Where catalogs let events wait for different times, or keys give what they know, one run takes other turns.
    """
    plan = backfiller.plan
    if plan is None or scenario.identity or len(set(scenario.waits_ms)) > 1:
        return
    topics = scenario.settings.topics
    own = {segment_id(name): name for name in plan.names}
    program = next(each for each in scenario.programs if each.version == plan.program.version)
    for number in range(scenario.settings.partitions):
        journal = journal_of(logs, topics.journal, number)
        entries = [each for each in journal if isinstance(each, IdleMove | Poisoned)]
        run = Recomputed(program, RULES, entries)
        records = logs(topics.clickstream, number).committed()
        run.take(each for each in records if not is_of_backfill(each.value))
        run.move(len(logs(topics.clickstream, number).records))
        stored = latest(logs(topics.profiles, number))
        yield from _differences(run, stored, own)


def _differences(run: Recomputed, stored: dict[bytes, bytes], own: dict[int, str]) -> Iterable[str]:
    left = left_unfired(stored)
    for key, value in stored.items():
        if key in (POSITION_KEY, CATALOG_KEY.encode()):
            continue
        user, encoded = key.decode(), decode_profile(value).profile
        if encoded is None or user in left:
            continue
        wanted, found = standing(run.core.held(user), own), standing(profiles.decode(encoded), own)
        if wanted != found:
            yield f"{user} is {found} after the backfill, in one run {wanted}"
