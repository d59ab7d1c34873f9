"""Expected output of a run, and the comparison with it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from app.offline.backtest import Backtest, batches_of
from app.segments.evaluation.change import Change
from tests.benchmarks.peers import oracle
from tests.benchmarks.peers.moments import TIME_RULES, Action, Moment, Rules, catalog_of
from tests.benchmarks.synthetic import Synthetic

SAMPLED_USERS: Final = 1_000
#: With more events of a user, the oracle would take too long.
SAMPLED_EVENTS_MAX: Final = 200
SHOWN_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Expected:
    """All that is true of a load up to its last event, by some rules."""

    moments: Counter[Moment]
    end_ms: int

    def counted(self, moments: Mapping[Moment, int], *, timers: bool) -> Counter[Moment]:
        """Those on which a run is judged.

        Without `timers` only those of entering, because nobody says when exactly a window ran empty; of what is said of
        the time after the last event nothing.
        """
        return Counter(
            {
                moment: count
                for moment, count in moments.items()
                if moment.at <= self.end_ms and (timers or moment.action == "entered")
            }
        )

    def wanted(self, *, timers: bool) -> Counter[Moment]:
        """Returns the expected output of a run."""
        return self.counted(self.moments, timers=timers)

    def problem(self, found: Mapping[Moment, int], *, timers: bool) -> str:
        """Describes the first difference of the output, "" for none: each moment must be there as often as here."""
        return difference(self.wanted(timers=timers), self.counted(found, timers=timers))


def difference(expected: Counter[Moment], found: Counter[Moment]) -> str:
    """In words, "" where they are equal."""
    parts = []
    for name, those in (("missing", expected - found), ("extra", found - expected)):
        if those:
            shown = ", ".join(f"{' '.join(moment[:3])} at {moment.at}" for moment in sorted(those)[:SHOWN_MAX])
            parts.append(f"{those.total():,} {name} ({shown})")
    return "; ".join(parts)


def by_backtest(load: Synthetic, rules: Rules) -> Expected:
    """As Shoal's own backtest says, for all users."""
    moments: Counter[Moment] = Counter()

    def hear(change: Change) -> None:
        action: Action = "left" if change.change == "exited" else "entered"
        moments[Moment(change.user, change.segment, action, oracle.instant_ms(change.at))] += 1

    backtest = Backtest(catalog_of(rules), TIME_RULES, hear=hear)
    for partition, records in batches_of(load.lines(), partitions=1, rules=TIME_RULES):
        backtest.process(partition, records)
    backtest.finish()
    return Expected(moments, load.end_ms)


def by_oracle(load: Synthetic, users: set[str], rules: Rules) -> Counter[Moment]:
    """As brute force says, for some users."""
    wanted = {segment.name for segment in catalog_of(rules).segments}
    moments: Counter[Moment] = Counter()
    for user, events in oracle.events_by_user(load.lines(), users).items():
        said = oracle.moments_of(user, events, until_ms=load.end_ms)
        moments.update(moment for moment in said if moment.segment in wanted)
    return moments


def sample(load: Synthetic) -> set[str]:
    """A thousand users, or all where there are fewer; none with more events than the oracle can go through."""
    events: Counter[bytes] = Counter(line.partition(b'"userId":"')[2].partition(b'"')[0] for line in load.lines())
    users = sorted(user.decode() for user, count in events.items() if count <= SAMPLED_EVENTS_MAX)
    return set(Random(load.seed).sample(users, min(SAMPLED_USERS, len(users))))


def expected(load: Synthetic, rules: Rules) -> Expected:
    """As the backtest says; AssertionError unless the oracle says the same of its sample."""
    truth = by_backtest(load, rules)
    users = sample(load)
    of_sample = Counter({moment: count for moment, count in truth.moments.items() if moment.user in users})
    problem = difference(by_oracle(load, users, rules), of_sample)
    assert not problem, f"the backtest differs from the oracle: {problem}"
    return truth
