"""A recomputation that begins at a committed place gives what one from the beginning gives after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from app.runtime.records.envelope import Reached, StoredPosition, encode_position, encode_profile
from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry, Poisoned, encode_entry, unfired_entries
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.verification.recomputation import Recomputation
from app.verification.snapshot_file import FORMAT, Ends, Head, Place, Snapshot, Span, writing
from tests.support.shop import DEFINITIONS, START_MS, history

RULES = TimeRules()
PROGRAM = compile_catalog(load_catalog(DEFINITIONS), RULES)
LATER = compile_catalog(
    load_catalog({name: text.replace(">= 2", ">= 1").replace("30m", "9m") for name, text in DEFINITIONS.items()}), RULES
)
PROGRAMS = {each.version: each for each in (PROGRAM, LATER)}
RECORDS = 400
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Row:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


ROWS = [Row(offset, -1, key, value) for offset, (key, value, _) in enumerate(history(users=12, events=RECORDS))]


class Worker:
    """A partition with what it has written: its changelog, and the changes of each commit."""

    def __init__(self, *, timers_max: int = 1_000) -> None:
        self.core = Partition(PROGRAM, RULES, timers_max=timers_max)
        self.values: dict[bytes, bytes] = {}
        self.changes: list[Change] = []
        self.commits = 0
        self.fired_ms = -1

    def commit(self, batch: Batch, *, users: Iterable[str] | None = None, position: bool = True) -> None:
        """Writes profiles, of all users or of some, and the position, as a worker without transactions does."""
        self.commits += 1
        self.changes += batch.changes
        if not self.core.overdue:
            self.fired_ms = batch.clock_ms
        reached = Reached(batch.next_offset, self.fired_ms, self.commits)
        for user, profile in batch.profiles.items():
            if users is not None and user not in users:
                continue
            own = [change.encode() for change in batch.changes if change.user == user]
            self.values[user.encode()] = encode_profile(reached, own, profile)
        if position:
            self.position = StoredPosition(reached, -1, -1, 0, self.core.position())

    def fire_all(self) -> None:
        """Commits until no timer is overdue."""
        while self.core.overdue:
            self.commit(self.core.advance(self.core.clock_ms))

    def snapshot(self, folder: Path, journal: Iterable[JournalEntry] = ()) -> Snapshot:
        """A snapshot of what it has written."""
        place = Place(
            0,
            self.position.reached.offset,
            encode_position(self.position),
            self.core.program.version,
            tuple(map(encode_entry, journal)),
            0,
        )
        with writing(folder / "a", Head(FORMAT, "shoal", 0, 1, ("",) * 4)) as writer:
            writer.add(place, self.values.items())
            writer.finish(Ends((Span(0, 0),), (Span(0, 0),)))
        return Snapshot(folder / "a")


def by_user(changes: Iterable[Change]) -> Mapping[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for change in changes:
        found.setdefault(change.user, []).append(change.encode())
    return found


def after(snapshot: Snapshot, journal: Iterable[JournalEntry] = (), *, end: int = RECORDS) -> Mapping[str, list[bytes]]:
    """The changes that follow a snapshot, by user."""
    version = snapshot.places[0].version or ""
    core = Partition(PROGRAMS[version], RULES)
    start = snapshot.start(0, core)
    again = Recomputation(PROGRAMS[version], RULES, [*snapshot.places[0].journal, *journal], PROGRAMS, start=start)
    found: dict[str, list[bytes]] = {}
    for value in snapshot.ahead(0).changes:
        for user, own in by_user([_decoded(value)]).items():
            found.setdefault(user, []).extend(own)
    computed = [*again.begin(), *again.take(ROWS[snapshot.places[0].offset : end]), *again.move(end)]
    for user, own in by_user(computed).items():
        found.setdefault(user, []).extend(own)
    return found


def whole(journal: Iterable[JournalEntry] = (), *, end: int = RECORDS) -> Mapping[str, list[bytes]]:
    """All changes, by user."""
    again = Recomputation(PROGRAM, RULES, list(journal), PROGRAMS)
    return by_user([*again.take(ROWS[:end]), *again.move(end)])


def _decoded(value: bytes) -> Change:
    return msgspec.json.decode(value, type=Change)


def assert_goes_on(snapshot: Snapshot, found: Mapping[str, list[bytes]], demanded: Mapping[str, list[bytes]]) -> None:
    """The changes found are the end of those demanded, and begin after the numbers of the snapshot."""
    numbers = snapshot.numbers()
    for user, changes in demanded.items():
        rest = [each for each in changes if _decoded(each).sequence > numbers.get(user, -1)]
        assert found.get(user, []) == rest, user
    assert set(found) <= set(demanded)


@pytest.mark.parametrize("place", [0, 1, 57, 200, 399, 400])
@pytest.mark.parametrize("timers_max", [1, 1_000])
def test_it_goes_on_from_any_place_also_with_timers_overdue(tmp_path: Path, place: int, timers_max: int) -> None:
    worker = Worker(timers_max=timers_max)
    worker.commit(worker.core.process(ROWS[:place]))
    snapshot = worker.snapshot(tmp_path)
    found, demanded = after(snapshot), whole()
    assert demanded
    assert_goes_on(snapshot, found, demanded)


def test_profiles_ahead_of_the_position_count_no_event_twice_and_their_changes_are_demanded(tmp_path: Path) -> None:
    worker = Worker()
    worker.commit(worker.core.process(ROWS[:100]))
    batch = worker.core.process(ROWS[100:300])
    worker.commit(batch, users={f"u-{number}" for number in range(1, 12, 2)}, position=False)
    snapshot = worker.snapshot(tmp_path)
    assert snapshot.ahead(0).changes
    assert_goes_on(snapshot, after(snapshot), whole())


def test_a_journal_that_was_applied_in_part_is_applied_from_there(tmp_path: Path) -> None:
    moved = max(START_MS + 150 * 20_000, 0) + DAY_MS
    journal: list[JournalEntry] = [IdleMove(150, moved), Poisoned(170, "x"), IdleMove(RECORDS, moved + DAY_MS)]
    worker = Worker()
    worker.commit(worker.core.process(ROWS[:150]))
    worker.commit(worker.core.advance(moved))
    snapshot = worker.snapshot(tmp_path, journal[:2])
    found = after(snapshot, journal[2:])
    assert_goes_on(snapshot, found, whole(journal))
    assert found


@pytest.mark.parametrize("swept", [0, 3, 1_000])
@pytest.mark.parametrize("cut", [False, True])
def test_a_catalog_whose_evaluation_was_not_over_goes_on(tmp_path: Path, *, swept: int, cut: bool) -> None:
    worker = Worker()
    worker.commit(worker.core.process(ROWS[:200]))
    turn = CatalogChange(200, worker.core.clock_ms, LATER.version, 2)
    worker.core.adopt(LATER, clock_ms=turn.clock_ms)
    if swept:
        worker.commit(worker.core.sweep(swept))
    journal: list[JournalEntry] = [turn]
    left = worker.core.unswept
    if cut:
        journal.append(CatalogChange(200, turn.clock_ms, PROGRAM.version, 3, left[-1] if left else None))
    snapshot = worker.snapshot(tmp_path, journal)
    assert_goes_on(snapshot, after(snapshot), whole(journal))


def test_timers_that_a_catalog_left_behind_do_not_fire(tmp_path: Path) -> None:
    worker = Worker(timers_max=1)
    worker.commit(worker.core.process(ROWS[:200]))
    worker.fire_all()
    first = CatalogChange(200, worker.core.clock_ms, LATER.version, 2)
    worker.core.adopt(LATER, clock_ms=first.clock_ms)
    worker.commit(worker.core.sweep(1_000))
    worker.fire_all()
    worker.commit(worker.core.advance(worker.core.clock_ms + DAY_MS))
    unfired = worker.core.overdue_timers()
    assert unfired
    clock_ms = worker.core.clock_ms
    turn = CatalogChange(200, clock_ms, PROGRAM.version, 3, None, len(unfired))
    journal: list[JournalEntry] = [first, IdleMove(200, clock_ms), *unfired_entries(200, 3, unfired), turn]
    snapshot = worker.snapshot(tmp_path, journal)
    assert_goes_on(snapshot, after(snapshot), whole(journal))


def test_overdue_timers_fire_where_nothing_follows(tmp_path: Path) -> None:
    worker = Worker(timers_max=1)
    worker.commit(worker.core.process(ROWS[:200]))
    moved = worker.core.clock_ms + DAY_MS
    worker.commit(worker.core.advance(moved))
    snapshot = worker.snapshot(tmp_path, journal := [IdleMove(200, moved)])
    snapshot.places[0] = replace(snapshot.places[0], entries=())
    found = after(snapshot, end=200)
    assert_goes_on(snapshot, found, whole(journal, end=200))
    assert found
