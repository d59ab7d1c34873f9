"""Users who are counted, and compared with numbers of all users: control records.

Theory of operation. A census is two records in every partition, each at any place of its log:

1. *Census*: the partition counts its users at this place, each as they are then, and says the result.
2. *Publish*: the coordinator has the results of all partitions, and says what the numbers of all users are. From this
   place on segments compare with them. Whoever a number has passed, up or down, is evaluated at once.

All that the clock has passed happens before either, so what is counted does not depend on how the log was read. Between
two publications a number is as fixed as one in a definition. The entry of the catalog has the numbers that its
definitions ask for. What may live here: what the two records do. What may not: who sums up, and when
(`app/population/census.py`).
"""

from collections.abc import Callable, Iterator, Mapping

from app.events.control_record import Control
from app.segments.compiler.population import Measure
from app.segments.evaluation.batch import UserCount
from app.segments.evaluation.change import Cause
from app.segments.evaluation.population_histogram import Histogram, bucket_of
from app.segments.partition.filled_keys import FilledKeys
from app.segments.partition.live_catalog import NOT_FED
from app.segments.partition.position import Published
from tables import profile as profiles
from tables.profile import Profile

Passed = Callable[[Profile, int], bool]
"""True if another number may matter to a profile at an instant."""


class CountedUsers(FilledKeys):
    """Users who can be counted."""

    @property
    def counts(self) -> list[UserCount]:
        """Counts of the batch in progress, or of the last one."""
        return self._batch.counts

    def _take_of_partition(self, control: Control, offset: int) -> None:
        """A control record that is about the partition, not about a key."""
        catalog = self._catalog
        if control.deed in ("census", "publish") and catalog.entry is None:
            # Without users, too: from here on the journal says which definitions count.
            catalog.begin(self.program, self._settlement, now=NOT_FED, clock_ms=self.clock_ms)
        if control.deed == "census":
            self._take_census(control)
        elif control.deed == "publish":
            self._take_numbers(control, offset)
        else:
            self._take_filling(control)

    def _reach_clock(self) -> None:
        """Everything happens that the clock has passed, however much that is; profiles in hand are encoded."""
        raise NotImplementedError

    def _catch_up_all(self) -> None:
        """Nobody is left whom the catalog has not evaluated, and no timer that is due."""
        for user in self._reevaluation.take(len(self.unswept)):
            if user not in self._touched and user not in self._gone:
                self._load(user)
        self._reach_clock()

    def _take_census(self, control: Control) -> None:
        self._catch_up_all()
        measures = self.program.population.measures
        histograms: list[Histogram] = [{} for _ in measures]
        if measures:
            counted = list(zip(measures, histograms, strict=True))
            for _, profile in self._standing():
                now = max(self.clock_ms, profile.highest_ms, profile.fired_ms)
                for measure, histogram in counted:
                    bucket = bucket_of(measure.value(profile, now))
                    if bucket is not None:
                        histogram[bucket] = histogram.get(bucket, 0) + 1
        members = self._settlement.members
        self._batch.counts.append(
            UserCount(
                app=self.rules.app,
                census=control.n,
                clock_ms=self.clock_ms,
                version=self.program.version,
                measures={
                    measure.text: (measure.parts, dict(sorted(histogram.items())))
                    for measure, histogram in zip(measures, histograms, strict=True)
                },
                members={each.name: members[each.name] for each in self.program.segments if each.values is None},
            )
        )

    def _standing(self) -> Iterator[tuple[str, Profile]]:
        """All users of whom an event was taken, as they are: those in hand, and copies of the others."""
        for user in list(self._encoded):
            if user in self._gone:
                continue
            profile = self._touched.get(user) or profiles.decode(self._encoded[user])
            if profile.begun:
                yield user, profile

    def _take_numbers(self, control: Control, offset: int) -> None:
        catalog, code = self._catalog, self.program.population
        before = catalog.population
        if control.n < before.census:
            return
        self._catch_up_all()
        said = {name: number for name, number in control.numbers.items() if name in code.masks}
        numbers = {name: number for name, number in (before.numbers | said).items() if number is not None}
        # The same once more: it may have been cut off when some users were written, and others were not.
        is_again = control.n == before.census
        changed = {name for name in said if is_again or numbers.get(name) != before.numbers.get(name)}
        mask = 0
        for name in changed:
            mask |= code.masks[name]
        has_passed = _passed(code.measures, changed, {} if is_again else before.numbers, numbers)
        passed = list(self._find_passed(has_passed, offset)) if mask else []
        catalog.publish(Published(control.n, numbers))
        code.read(numbers)
        self._settlement.name(Cause("population", census=control.n))
        for user, profile, now in passed:
            self._settlement.user = user
            profile.fired_ms = max(profile.fired_ms, now)
            self._settlement.settle(profile, mask, now)

    def _find_passed(self, has_passed: Passed, offset: int) -> Iterator[tuple[str, Profile, int]]:
        """The users to be evaluated, in hand, each with the instant of that."""
        for user, found in self._standing():
            now = max(self.clock_ms, found.highest_ms, found.fired_ms)
            if self._reached.get(user, 0) <= offset and has_passed(found, now):
                profile = self._touched.get(user) or self._load(user)
                assert profile is not None, "a user who stands"
                yield user, profile, now


def _passed(
    measures: tuple[Measure, ...],
    changed: set[str],
    before: Mapping[str, int | float],
    after: Mapping[str, int | float],
) -> Passed:
    """Tells the users whom a changed number has passed: their value lies between what it was and what it is. A number
    that was not there has passed everybody who has a value; the size of a segment everybody."""
    spans = []
    for measure in measures:
        for name in sorted(measure.parts.keys() & changed):
            changed = changed - {name}
            old, new = before.get(name), after.get(name)
            spans.append((measure.value, None if old is None or new is None else (min(old, new), max(old, new))))
    if changed:
        return lambda profile, now: True

    def has_passed(profile: Profile, now: int) -> bool:
        for value_of, span in spans:
            value = value_of(profile, now)
            if value is not None and (span is None or span[0] <= value <= span[1]):
                return True
        return False

    return has_passed
