"""Counts and numbers of censuses as they should be against those in the log, over all partitions. Pure.

Theory of operation. What a partition must have counted follows from its records and its journal, as its changes do. The
result of a census, and the numbers that each partition is told, follow from the counts of all partitions. The topic of
the population is read before the rest of the input: a census that has begun since is not judged.

Without transactions a partition may count twice, and the first count holds: there, one of its counts must be right, and
the result must be that of the first ones.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from app.events.control_record import CONTROL_MARK, read_control
from app.events.message import MessageError
from app.population.census import Ledger
from app.runtime.records.population_events import (
    Begun,
    Counted,
    Result,
    counted_of,
    encode_population,
    read_population,
)
from app.segments.evaluation.batch import UserCount
from app.verification.comparison import NO_SEQUENCE, Comparison, Difference

TOLD_MAX: Final = 5

Numbers = Mapping[str, int | float | None]


class Censuses:
    """Collects both sides, then compares.

    `app`: of the workers. `once`: on a broker with transactions, each record is counted once. `since_ms`: for a
    comparison that begins with a snapshot, each partition's clock in it.
    """

    def __init__(self, app: str, *, once: bool, since_ms: Sequence[int] | None = None) -> None:
        self._app = app
        self._once = once
        self._since_ms = since_ms
        self._expected: defaultdict[tuple[int, int], list[Counted]] = defaultdict(list)
        self._certain: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._begun: dict[int, Begun] = {}
        self._found: defaultdict[tuple[int, int], list[Counted]] = defaultdict(list)
        self._results: defaultdict[int, list[Result]] = defaultdict(list)
        self._told: defaultdict[int, defaultdict[int, list[Numbers]]] = defaultdict(lambda: defaultdict(list))
        self._told_for_certain: set[int] = set()
        self.has_topic = True
        """False: the topic of the population is not there, or may not be read."""
        self.is_whole = True
        """False: the topic has lost its beginning, and only censuses whose first record is there are judged."""

    @property
    def counted(self) -> int:
        """Counts of partitions that were found."""
        return sum(map(len, self._found.values()))

    def expect(self, partition: int, counts: Iterable[UserCount], *, certain: bool) -> None:
        """Counts that a partition must have written, in order; those that are not certain may still be coming."""
        for count in counts:
            place = count.census, partition
            self._expected[place].append(counted_of(count, partition=partition))
            self._certain[place] += certain

    def read(self, partition: int, value: bytes | None, *, certain: bool) -> None:
        """A record of the input topic; one that tells no numbers is passed over. `certain`: it was there before the
        topic of the population was read."""
        if value is None or not value.startswith(CONTROL_MARK):
            return
        try:
            control = read_control(value)
        except MessageError:
            return
        if control.app == self._app and control.deed == "publish":
            self._told[control.n][partition].append(control.numbers)
            if certain:
                self._told_for_certain.add(control.n)

    def find(self, value: bytes | None) -> None:
        """A record of the topic of the population, in its order."""
        event = read_population(value)
        if event is None or event.app != self._app:
            return
        match event:
            case Begun():
                self._begun.setdefault(event.census, event)
            case Counted():
                self._found[event.census, event.partition].append(event)
            case Result():
                self._results[event.census].append(event)

    def compare(self, result: Comparison) -> None:
        """Adds what differs to the result."""
        if not self.has_topic:
            for census in sorted({census for (census, _), certain in self._certain.items() if certain}):
                said = "the topic of its counts is not there, or may not be read"
                result.add(_difference("missing", f"census {census}", said))
            return
        for census, partition in sorted(self._expected.keys() | self._found.keys()):
            if self.is_whole or census in self._begun:
                for difference in self._differences_of_count(census, partition):
                    result.add(difference)
        for census in sorted(self._results.keys() | self._told_for_certain):
            if self.is_whole or census in self._begun:
                for difference in self._differences_of_numbers(census):
                    result.add(difference)

    def _differences_of_count(self, census: int, partition: int) -> Iterator[Difference]:
        place = census, partition
        expected, found, certain = self._expected.get(place, []), self._found.get(place, []), self._certain[place]
        if not self._once and expected:
            right = [each for each in found if each == expected[0]]
            expected, found, certain = expected[:1], (right or found)[:1], min(certain, 1)
        elif not self._once:
            found = found[:1]
        name = f"partition {partition} in census {census}"
        for should, is_ in zip(expected, found, strict=False):
            if should != is_:
                said = f"the count is wrong: {_tell_counts_apart(should, is_)}"
                yield _difference("different", name, said, should, is_)
        for should in expected[len(found) : certain]:
            yield _difference("missing", name, f"the count is not there: {_users_of(should)}", should)
        for is_ in found[len(expected) :]:
            if self._since_ms is None or is_.clock_ms > self._since_ms[partition]:
                said = f"a count that no record of a census demands: {_users_of(is_)}"
                yield _difference("extra", name, said, found=is_)

    def _differences_of_numbers(self, census: int) -> Iterator[Difference]:
        results, told, name = self._results.get(census, []), self._told[census], f"census {census}"
        if census not in self._begun:
            yield _difference("extra", name, "numbers of a census that has not begun", found=next(iter(results), None))
            return
        should = self._result_of(self._begun[census])
        if should is None:
            said = f"numbers, but not all of {self._begun[census].partitions} partitions have counted"
            yield _difference("extra", name, said, found=next(iter(results), None))
            return
        for is_ in results:
            if is_ != should:
                said = f"the result is wrong: {_tell_results_apart(should, is_)}"
                yield _difference("different", name, said, should, is_)
        for is_ in results[1:] if self._once else ():
            yield _difference("extra", name, "the result is there more than once", found=is_)
        for partition in range(self._begun[census].partitions):
            place = f"partition {partition} in {name}"
            for numbers in told.get(partition, ()):
                if numbers != should.numbers:
                    said = f"the numbers told are wrong: {_listed(_parts(should.numbers, numbers))}"
                    yield _difference("different", place, said)
            if partition not in told and results and self._since_ms is None:
                yield _difference("missing", place, "the numbers of the result were not told")

    def _result_of(self, begun: Begun) -> Result | None:
        """The result that follows from what the partitions must have counted; from before a snapshot, what they have.
        None where one has not."""
        first, second = (self._expected, self._found) if self._once else (self._found, self._expected)
        ledger = Ledger(self._app)
        ledger.take(begun)
        for partition in range(begun.partitions):
            place = begun.census, partition
            ledger.take(next(iter(first.get(place) or second.get(place, [])), None))
        if ledger.missing:
            return None
        event = ledger.publish().event
        assert isinstance(event, Result), "a census is published with its result"
        return event


def _difference(
    kind: Any, name: str, said: str, expected: Counted | Result | None = None, found: Counted | Result | None = None
) -> Difference:
    should = None if expected is None else encode_population(expected)
    return Difference(kind, name, NO_SEQUENCE, said, should, None if found is None else encode_population(found))


def _users_of(count: Counted) -> str:
    measured = {text: sum(each.users.values()) for text, each in count.measures.items()}
    return _listed([f"users of {text}: {users}" for text, users in measured.items()] + _sizes(count.members))


def _sizes(members: Mapping[str, int]) -> list[str]:
    return [f"users in {segment}: {users}" for segment, users in members.items()]


def _tell_counts_apart(expected: Counted, found: Counted) -> str:
    parts = []
    for text in dict.fromkeys((*expected.measures, *found.measures)):
        should, is_ = expected.measures.get(text), found.measures.get(text)
        if should is None or is_ is None:
            parts.append(f"{text}: {'not expected, but found' if should is None else 'expected, but not found'}")
            continue
        parts += _parts(should.shares, is_.shares)
        parts += [f"users of {text} in bucket {each}" for each in _parts(should.users, is_.users, nothing=0)]
    parts += [f"users in {each}" for each in _parts(expected.members, found.members)]
    parts += _parts(
        {"clock_ms": expected.clock_ms, "version": expected.version},
        {"clock_ms": found.clock_ms, "version": found.version},
    )
    return _listed(parts)


def _tell_results_apart(expected: Result, found: Result) -> str:
    parts = _parts(expected.numbers, found.numbers)
    parts += [f"users of {each}" for each in _parts(expected.users, found.users)]
    parts += [f"users in {each}" for each in _parts(expected.members, found.members)]
    return _listed(parts + _parts({"at_ms": expected.at_ms}, {"at_ms": found.at_ms}))


def _parts(expected: Mapping[Any, Any], found: Mapping[Any, Any], *, nothing: Any = "nothing") -> list[str]:
    """The names whose values differ, with both.

    >>> _parts({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None})
    ['b: expected 2, found 3', 'c: expected nothing, found null']
    """
    return [
        f"{name}: expected {_words(expected.get(name, nothing))}, found {_words(found.get(name, nothing))}"
        for name in dict.fromkeys((*expected, *found))
        if expected.get(name, nothing) != found.get(name, nothing)
    ]


def _words(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _listed(parts: Sequence[str]) -> str:
    more = f"; and {len(parts) - TOLD_MAX} more" if len(parts) > TOLD_MAX else ""
    return "; ".join(parts[:TOLD_MAX]) + more
