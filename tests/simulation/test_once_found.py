"""Findings of former runs. A seed means another run as soon as scenarios are drawn differently: so each finding also
has its situation, laid out by hand."""

from dataclasses import replace
from random import Random

import pytest

from app.runtime.records.journal import IdleMove, JournalEntry, Poisoned, encode_entry
from tests.simulation.__main__ import play, story_of
from tests.simulation.environment import START_MS
from tests.simulation.run import Run
from tests.simulation.scenario import POISON, draw

SEEDS = (
    2_600,
    3_252,
    3_537,
    66_447,
    73_946,
    75_347,
    207_168,
    216_986,
    259_889,
    281_585,
    300_786,
    339_407,
    5_001_448,
    5_015_481,
    5_017_215,
)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seed_that_found_it(seed: int) -> None:
    outcome = play(seed, telling=True)
    assert not outcome.violations, story_of(outcome)


class LaidOut(Run):
    """No fault, no transactions; a worker died after it had announced something, before it came to its position."""

    def __post_init__(self) -> None:
        super().__post_init__()
        calm = {"fault_share": 0.0, "compactions": (), "outages": (), "comings": (), "goings": (), "workers": 1}
        events = tuple(replace(event, at_ms=0.0) for event in self.scenario.events)
        self.scenario = replace(self.scenario, events=events, **calm)  # type: ignore[arg-type]  # each of its own type
        self.network.share = 0.0

    def announce(self, *entries: JournalEntry) -> None:
        """As if a worker had written them."""
        topics = self.settings.topics
        for entry in entries:
            if isinstance(entry, Poisoned):
                letter = (None, None, [("shoal-source-offset", b"%d" % entry.offset), ("shoal-reason", b"poison")])
                self.broker.log(topics.dead_letters, 0).append(START_MS, letter, None)
            self.broker.log(topics.journal, 0).append(START_MS, (b"0", encode_entry(entry), []), None)


def _seed_of_whole_batches() -> int:
    """One with a single partition, of which a fetch brings many records at once, none of them poisonous."""
    for seed in range(1_000):
        scenario = draw(Random(seed), transactions=False)
        settings = scenario.settings
        poisonous = any(POISON in event.value for event in scenario.events)
        many = settings.batch_records_max == 10 and len(scenario.events) > 10
        if settings.partitions == 1 and many and not poisonous:
            return seed
    raise AssertionError("no such seed")


def test_a_move_behind_a_poisoned_record_drops_nothing_that_was_fetched_with_it() -> None:
    run = LaidOut(_seed_of_whole_batches(), transactions=False, telling=True)
    run.announce(Poisoned(0, "cannot digest this"), IdleMove(1, START_MS + 1_000))
    outcome = run.play()
    assert not outcome.violations, story_of(outcome)
