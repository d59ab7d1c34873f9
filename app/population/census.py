"""A census: who begins it, who has counted, and what its numbers are. Pure.

Theory of operation. All that is known of a census stands in the topic of the population, so whoever reads it knows what
comes next, and it does not matter who that is:

1. *Begin*. A control record goes into every partition, and `begun` into the topic, in one transaction.
2. Each partition counts its users at its record, and writes `counted` in the transaction of that record.
3. *Publish*. When all partitions have counted, the numbers are a function of what they have counted. They go into
   every partition, and `result` into the topic, in one transaction.

One census at a time: the next one begins when this one has its result. One that has none when two periods are over is
given up, and the next one begins: the record of a partition may have been given up as poison. A coordinator
that has died is replaced by one that reads the topic; the transactional id fences the former. Without transactions a
step may be cut off, and is done again: partitions count a second time, of which the first counts, or take the same
numbers twice.
"""

from dataclasses import dataclass, field
from typing import Final

from app.runtime.records.population_events import Begun, Counted, PopulationEvent, Result
from app.segments.evaluation.population_numbers import census_record, numbers_record, population_of

PERIODS: Final = 2
"""Periods after which a census without a result is given up."""


@dataclass(frozen=True, slots=True)
class CensusStep:
    """The next step: a control record for every partition, and an event for the topic of the population."""

    control: bytes
    event: PopulationEvent


@dataclass(slots=True)
class Ledger:
    """The contents of the topic of the population. `app`: of the workers; events of others are passed over."""

    app: str
    begun: Begun | None = None
    counts: dict[int, Counted] = field(default_factory=dict)
    result: Result | None = None

    def take(self, event: PopulationEvent | None) -> None:
        """The next event of the topic."""
        if event is None or event.app != self.app:
            return
        match event:
            case Begun():
                if self.begun is None or event.census > self.begun.census:
                    self.begun, self.counts = event, {}
            case Counted():
                if self.begun is not None and event.census == self.begun.census:
                    self.counts.setdefault(event.partition, event)
            case Result():
                if self.result is None or event.census > self.result.census:
                    self.result = event

    @property
    def is_open(self) -> bool:
        """True if a census has begun and has no result yet."""
        return self.begun is not None and (self.result is None or self.result.census < self.begun.census)

    @property
    def missing(self) -> list[int]:
        """The partitions that have not counted yet."""
        if self.begun is None or not self.is_open:
            return []
        return [number for number in range(self.begun.partitions) if number not in self.counts]

    def due_ms(self, every_ms: int) -> int:
        """The instant from which on the next census may begin, once this one has its result."""
        return 0 if self.begun is None else self.begun.at_ms + every_ms

    def next_step(
        self, now_ms: int, every_ms: int, partitions: int, *, given_up_ms: int | None = None
    ) -> CensusStep | None:
        """Returns the step to be written now; None: nothing is. `given_up_ms`: after it, an open census is given up."""
        if self.is_open and not self.missing:
            return self.publish()
        if self.is_open:
            assert self.begun is not None, "an open census that has not begun"
            is_given_up = now_ms >= self.begun.at_ms + (PERIODS * every_ms if given_up_ms is None else given_up_ms)
            return self.begin(now_ms, partitions) if is_given_up else None
        return self.begin(now_ms, partitions) if now_ms >= self.due_ms(every_ms) else None

    def begin(self, now_ms: int, partitions: int) -> CensusStep:
        """The next census. Its number is the instant, but higher than those before."""
        census = now_ms if self.begun is None else max(now_ms, self.begun.census + 1)
        return CensusStep(
            census_record(self.app, census),
            Begun(app=self.app, census=census, at_ms=now_ms, partitions=partitions),
        )

    def again(self) -> CensusStep | None:
        """The beginning of a census that has no result yet, once more: for a broker without transactions."""
        if self.begun is None or not self.missing:
            return None
        return CensusStep(census_record(self.app, self.begun.census), self.begun)

    def publish(self) -> CensusStep:
        """The result of a census that all partitions have counted."""
        assert self.begun is not None, "no census has begun"
        counts = [self.counts[number] for number in range(self.begun.partitions)]
        counted = [{text: (each.shares, each.users) for text, each in count.measures.items()} for count in counts]
        found = population_of(counted, [count.members for count in counts])
        census = self.begun.census
        result = Result(
            app=self.app,
            census=census,
            at_ms=self.begun.at_ms,
            numbers=found.numbers,
            users=found.users,
            members=found.members,
        )
        return CensusStep(numbers_record(self.app, census, found.numbers), result)
