"""Changes computed again, where events wait: those of a worker that took turns and timers in slices, and was cut off by
another catalog."""

import json
from random import Random

import pytest

from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry, unfired_entries
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.verification.recomputation import Recomputation
from tests.model.plain import instant_text
from tests.unit.verification.test_recomputation import START_MS, Row

IDLE = "segment: {}\nwhen: cart.items > 0 and cart.idle >= {} and cart.idle < 25s\n"
TURNED = "segment: turned\nwhen: count(sequence('Product Added' then 'Page Liked' within 10s) within 1m) >= 1\n"


def program(rules: TimeRules, idle: str, wait: str) -> Program:
    files = {"a.yaml": IDLE.format("idle", idle), "turned.yaml": TURNED}
    if wait:
        files[SETTINGS_FILE] = f"order: {{wait: {wait}}}\n"
    return compile_catalog(load_catalog(files), rules)


def row(offset: int, user: str, event: str, at_ms: int) -> Row:
    said = {"type": "track", "event": event, "userId": user, "timestamp": instant_text(START_MS + at_ms)}
    return Row(offset, -1, user.encode(), json.dumps({**said, "properties": {"product_id": "A"}}).encode())


class Worker:
    """A worker's partition, with the journal that it writes."""

    def __init__(self, core: Partition, journal: list[JournalEntry], chance: Random) -> None:
        self.core = core
        self.batches: list[Batch] = []
        self._journal = journal
        self._chance = chance

    def take(self, rows: list[Row]) -> None:
        """Rows in batches; now and then more of what is overdue, or the idle clock goes on."""
        while rows:
            size = self._chance.choice((1, 2, 5))
            self.batches.append(self.core.process(rows[:size]))
            rows = rows[size:]
            if self.core.overdue and self._chance.random() < 0.4:
                self.batches.append(self.core.advance(self.core.clock_ms))
            elif not self.core.overdue and self._chance.random() < 0.2:
                clock_ms = self.core.clock_ms + self._chance.choice((1_000, 6_000, 30_000))
                if self.core.has_due(clock_ms):
                    self._journal.append(IdleMove(self.core.next_offset, clock_ms))
                    self.batches.append(self.core.advance(clock_ms))

    def catch_up(self) -> None:
        while self.core.overdue:
            self.batches.append(self.core.advance(self.core.clock_ms))


@pytest.mark.parametrize("seed", range(150))
def test_a_catalog_that_was_cut_off_while_events_waited_is_computed_again(seed: int) -> None:
    chance = Random(seed)
    rules = TimeRules(disorder_ms=chance.choice((0, 5_000, 10_000)))
    waits = [chance.choice(("", "3s", "5s", "20s")) for _ in range(2)]
    first, second = program(rules, "10s", waits[0]), program(rules, chance.choice(("10s", "12s")), waits[1])
    at_ms, rows = 0, []
    for offset in range(24):
        at_ms += chance.choice((0, 500, 2_000, 4_000, 15_000))
        event = chance.choice(("Product Added", "Product Added", "Page Liked"))
        rows.append(row(offset, chance.choice("uvw"), event, at_ms - chance.choice((0, 0, 3_000, 6_000))))
    cut, journal = chance.randrange(4, 20), list[JournalEntry]()
    timers_max = chance.choice((1, 1, 2))
    before = Worker(Partition(first, rules, timers_max=timers_max), journal, chance)
    before.take(rows[:cut])
    after = Worker(Partition(second, rules, timers_max=timers_max), journal, chance)
    after.core.restore_position(before.core.position())
    kept = {user: profile for batch in before.batches for user, profile in batch.profiles.items()}
    for user, profile in kept.items():
        after.core.restore(user, profile, offset=cut)
    if first.version != second.version:
        left = after.core.overdue_timers()
        journal += unfired_entries(cut, 2, left)
        journal.append(CatalogChange(cut, after.core.clock_ms, second.version, 2, None, len(left)))
        after.core.adopt(second, clock_ms=after.core.clock_ms)
        after.batches.append(after.core.sweep(9))
    after.take(rows[cut:])
    after.catch_up()
    found = [change for batch in before.batches + after.batches for change in batch.changes]
    again = Recomputation(first, rules, journal, {each.version: each for each in (first, second)})
    computed = again.take(rows) + again.move(len(rows))
    for user in "uvw":
        told = [change.encode() for change in found if change.user == user]
        assert [change.encode() for change in computed if change.user == user] == told, f"seed {seed}, waits {waits}"
