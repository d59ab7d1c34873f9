"""A coordinator of censuses that dies anywhere while workers come and go, and what must hold of its numbers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from app.events.control_record import CONTROL_MARK, read_control
from app.population.census import Ledger
from app.runtime.records.population_events import (
    PARTITION,
    Begun,
    Counted,
    Result,
    counted_of,
    encode_population,
    read_population,
)
from app.segments.evaluation.batch import UserCount
from tests.simulation.broker import BusyError, Log, SimulatedBroker
from tests.simulation.environment import START_MS
from tests.simulation.scenario import RULES, Scenario

Logs = Callable[[str, int], Log]
TRANSACTIONAL_ID = "shop-census"


def with_census(scenario: Scenario, chance: Random) -> Scenario:
    """The scenario, now and then with segments that compare with all users."""
    return replace(scenario, census=scenario.transactions and chance.random() < 0.3)


class CensusTaker:
    """Takes one step at a time, as the process does; it dies within a step, and after it."""

    def __init__(
        self, scenario: Scenario, broker: SimulatedBroker, tell: Callable[[str], None], chance: Random
    ) -> None:
        self._scenario = scenario
        self._broker = broker
        self._tell = tell
        self._chance = chance
        self.is_wanted = scenario.census
        self.begin_ms = scenario.until_ms * chance.uniform(0.0, 0.5)
        self._pause_ms = chance.choice((20.0, 100.0, 500.0))
        self._every_ms = chance.choice((1_000, 3_000, 10_000))
        self.dies = chance.choice((0.0, 0.1, 0.3))
        self._owner: tuple[str, int] | None = None
        self.ledger = Ledger(RULES.app)

    def pause_ms(self) -> float:
        """The time to the next look at the topic."""
        return self._pause_ms * self._chance.uniform(0.5, 1.5)

    @property
    def is_over(self) -> bool:
        """True if no census is open."""
        if not self.is_wanted:
            return True
        known = Ledger(RULES.app)
        self._read(known)
        return not known.is_open

    def _log(self) -> Log:
        return self._broker.log(self._scenario.settings.topics.population, PARTITION)

    def _read(self, ledger: Ledger) -> None:
        for record in self._log().committed():
            ledger.take(read_population(record.value))

    def step(self, now_ms: float) -> None:
        """Reads the topic, and writes what comes next: all of it, or a part of a transaction that nobody ends."""
        if self._broker.away:
            return
        try:
            self._step(int(now_ms))
        except (BusyError, InvalidProducerEpoch, ProducerFenced) as error:
            self._owner = self._owner if isinstance(error, BusyError) else None

    def _step(self, now_ms: int) -> None:
        if self._owner is None:
            self._owner = (TRANSACTIONAL_ID, self._broker.begin_producer(TRANSACTIONAL_ID))
            self.ledger = Ledger(RULES.app)
            self._tell("shoal census starts")
        log = self._log()
        if not self.has_read_all(log):
            return
        self._read(self.ledger)
        partitions = self._scenario.settings.partitions
        is_late = now_ms > self._scenario.until_ms  # what is open comes to its end, no other begins
        every_ms, given_up_ms = 10**9 if is_late else self._every_ms, 2 * self._every_ms
        step = self.ledger.next_step(now_ms, every_ms, partitions, given_up_ms=given_up_ms)
        if step is None:
            return
        clickstream = self._scenario.settings.topics.clickstream
        rows = [(self._broker.log(clickstream, number), step.control) for number in range(partitions)]
        rows.append((log, encode_population(step.event)))
        self._chance.shuffle(rows)
        for place, value in rows:
            if self._chance.random() < self.dies / len(rows):
                self._tell("shoal census dies within a step")
                self._owner = None
                return
            self._broker.produce(place, [(None, value, [])], START_MS + now_ms, self._owner)
        assert self._owner is not None
        self._broker.commit(self._owner)
        self._tell(f"census {step.event.census}: {type(step.event).__name__.lower()}")
        if self._chance.random() < self.dies:
            self._tell("shoal census dies after a step")
            self._owner = None

    def has_read_all(self, log: Log) -> bool:
        """True if nothing in the topic is open: else a step may be there that cannot be seen yet."""
        return log.stable_end == len(log.records)


def judge_census(logs: Logs, scenario: Scenario, counts: list[list[UserCount]]) -> Iterator[str]:
    """Problems of the censuses. `counts`: what the records of each partition demand that it has counted."""
    topics = scenario.settings.topics
    if not scenario.census:
        return
    events = [read_population(record.value) for record in logs(topics.population, PARTITION).committed()]
    found = Counter(encode_population(event) for event in events if isinstance(event, Counted))
    wanted = Counter(
        encode_population(counted_of(count, partition=number)) for number, own in enumerate(counts) for count in own
    )
    yield from (f"count missing: {value!r:.300}" for value in wanted - found)
    yield from (f"count too often: {value!r:.300}" for value in found - wanted)
    begun = Counter(event.census for event in events if isinstance(event, Begun))
    results = {event.census: event for event in events if isinstance(event, Result)}
    told = Counter(event.census for event in events if isinstance(event, Result))
    yield from (f"census {census} has begun {times} times" for census, times in begun.items() if times > 1)
    yield from (f"census {census} has {times} results" for census, times in told.items() if times > 1)
    expected = [("census", census) for census in begun] + [("publish", census) for census in told]
    for number in range(scenario.settings.partitions):
        controls = [read_control(each.value) for each in _controls(logs(topics.clickstream, number))]
        own = Counter((each.deed, each.n) for each in controls)
        if own != Counter(expected):
            yield f"partition {number} has the records {sorted(own.items())}, not {sorted(expected)}"
        for each in controls:
            if each.deed == "publish" and each.numbers != results[each.n].numbers:
                yield f"partition {number} was told other numbers of census {each.n} than the topic"
    yield from _wrong_numbers(events, results)


def _controls(log: Log) -> Iterator[Any]:
    for record in log.committed():
        value = record.value
        if value is not None and value.startswith(CONTROL_MARK) and read_control(value).deed in ("census", "publish"):
            yield record


def _wrong_numbers(events: list[Any], results: dict[int, Result]) -> Iterator[str]:
    """Results that do not follow from what partitions have counted."""
    for census, result in results.items():
        known = Ledger(RULES.app)
        for event in events:
            if isinstance(event, Begun | Counted) and event.census == census:
                known.take(event)
        if known.missing or known.publish().event != result:
            yield f"the result of census {census} is not that of what partitions have counted"
