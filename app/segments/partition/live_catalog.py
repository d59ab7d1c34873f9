"""The catalog that a partition runs: since when, what it remembers, and whom the one before it has left behind."""

from typing import Final

from app.segments.compiler.program import Program
from app.segments.evaluation.settlement import Departed, Settlement
from app.segments.partition.position import (
    CatalogEntry,
    Filling,
    Published,
    read_catalog_entry,
    warm_ms,
    write_catalog_entry,
)
from tables.by_value import is_state, state_id
from tables.profile import Profile
from tables.windows import FOREVER

NOT_FED: Final = FOREVER
"""In place of an instant since which aggregates have been fed: users are here, but their events still wait."""

NOTHING_PUBLISHED: Final = Published(-1, {})


class LiveCatalog:
    """One partition's catalog. It exists since the partition's first user; until then nothing is fed.

    `is_unfed`: users are here, but no event was taken yet: all wait for their turn.
    """

    def __init__(self) -> None:
        self.entry: CatalogEntry | None = None
        self.is_unfed = False
        self._written = True
        self._departed: list[Departed] = []

    @property
    def epoch(self) -> int:
        """The number that profiles evaluated under this catalog carry; 0 before the first user."""
        return 0 if self.entry is None else self.entry.epoch

    def is_other_than(self, program: Program) -> bool:
        """True if it exists and is not what this program was compiled from."""
        entry = self.entry
        return entry is not None and (entry.version, entry.layout) != (program.version, program.layout)

    def restore(self, encoded: bytes, program: Program, settlement: Settlement) -> None:
        """As `unwritten` gave it. Raises UnknownFormatError, DamagedError."""
        self._use(read_catalog_entry(encoded), program, settlement)

    def begin(self, program: Program, settlement: Settlement, *, now: int, clock_ms: int) -> None:
        """The first user of all, at `now`: from here on the aggregates are fed. NOT_FED: their event waits."""
        fed_ms = dict.fromkeys(fed_by(program), now)
        segments = {code.id: (code.name, code.version, code.topic) for code in program.segments}
        self._use(CatalogEntry(1, 1, program.version, clock_ms, segments, fed_ms, program.layout), program, settlement)
        self._written = False

    def follow(self, program: Program, settlement: Settlement, *, clock_ms: int) -> bool:
        """Another catalog takes effect; aggregates that both have keep their history. False: there was none before."""
        before = self.entry
        if before is None:
            return False
        segments = {own: kept for own, kept in before.segments.items() if own not in program.bits}
        segments |= {code.id: (code.name, code.version, code.topic) for code in program.segments}
        since_ms = NOT_FED if self.is_unfed else clock_ms
        fed_ms = {own: before.fed_ms.get(own, since_ms) for own in fed_by(program)}
        entry = CatalogEntry(1, before.epoch + 1, program.version, clock_ms, segments, fed_ms, program.layout)
        entry.population = _still_asked(before.population, program)
        self._use(entry, program, settlement)
        self._written = False
        return True

    def feed(self, program: Program, settlement: Settlement, *, now: int) -> None:
        """The first event of all is taken, at `now`, of those that waited."""
        assert self.entry is not None, "an event waits without a catalog's entry"
        self.entry.fed_ms = {own: min(at, now) for own, at in self.entry.fed_ms.items()}
        self._use(self.entry, program, settlement)
        self._written = False

    def begin_filling(self, filling: Filling | None, program: Program, settlement: Settlement) -> None:
        """A backfill begins: who is filled is as if the aggregates had been fed since the beginning of the history.
        None: it is given up."""
        assert self.entry is not None, "a backfill without a catalog's entry"
        self.entry.filling = filling
        self._use(self.entry, program, settlement)
        self._written = False

    def end_filling(self, program: Program, settlement: Settlement) -> None:
        """Everybody is filled."""
        entry = self.entry
        assert entry is not None, "a backfill without a catalog's entry"
        assert entry.filling is not None, "no backfill is under way"
        entry.fed_ms, entry.filling = filled_ms(entry, entry.filling), None
        self._use(entry, program, settlement)
        self._written = False

    @property
    def population(self) -> Published:
        """The numbers of all users that segments compare with."""
        entry = self.entry
        return NOTHING_PUBLISHED if entry is None or entry.population is None else entry.population

    def publish(self, population: Published) -> None:
        """Other numbers of all users take effect."""
        assert self.entry is not None, "numbers of all users without a catalog's entry"
        self.entry.population = population
        self._written = False

    def evaluate(
        self, profile: Profile, program: Program, settlement: Settlement, user: str, *, retention_ms: int
    ) -> None:
        """The one evaluation of a profile that was last seen under another catalog.

        Where a catalog was cut off, timers of the one before may be left that nobody can fire any more: what waited in
        an aggregate occurs without an evaluation of its own, and who is to be forgotten is not evaluated.
        """
        entry = self.entry
        assert entry is not None, "a profile without a catalog's entry"
        now = max(entry.since_ms, profile.highest_ms, profile.fired_ms)
        forgotten_ms = profile.highest_ms + retention_ms
        settlement.user = user
        settlement.kind = "catalog"
        profile.watched = 0
        remembered, experiments = program.remembered, program.experiments
        for own in [own for own in profile.aggregates if own not in remembered and own not in experiments]:
            if not is_state(own):
                del profile.aggregates[own]
        for own in [own for own in profile.due if own not in program.matched or forgotten_ms <= now]:
            del profile.due[own]
        for own in [own for own, at in profile.due.items() if at <= now]:
            program.matched[own][0].occur(profile, now)
        for gone in self._departed:
            if gone.id in profile.members:
                settlement.depart(profile, gone, min(now, forgotten_ms))
            profile.aggregates.pop(state_id(gone.id), None)
        if forgotten_ms > now:
            settlement.settle(profile, (1 << len(program.segments)) - 1, now)

    def unwritten(self) -> bytes | None:
        """The encoded entry, once after each time that it was made; else None."""
        if self.entry is None or self._written:
            return None
        self._written = True
        return write_catalog_entry(self.entry)

    def _use(self, entry: CatalogEntry, program: Program, settlement: Settlement) -> None:
        self.entry = entry
        self.is_unfed = NOT_FED in entry.fed_ms.values()
        settlement.warm_ms = warm_ms(program.segments, entry.fed_ms)
        filling = entry.filling
        settlement.filled = 0 if filling is None else filling.marker
        settlement.filled_ms = {} if filling is None else warm_ms(program.segments, filled_ms(entry, filling))
        self._departed = [
            Departed(own, *kept)
            for own, kept in sorted(entry.segments.items(), key=lambda item: item[1])
            if own not in program.bits
        ]


def fed_by(program: Program) -> frozenset[int]:
    """The ids of what events feed: aggregates, and the values of segments by value."""
    return frozenset(program.remembered) | {each.state_id for each in program.by_value}


def _still_asked(population: Published | None, program: Program) -> Published | None:
    """Without the numbers that no segment compares with any more."""
    if population is None:
        return None
    kept = {name: number for name, number in population.numbers.items() if name in program.population.masks}
    return Published(population.census, kept)


def filled_ms(entry: CatalogEntry, filling: Filling) -> dict[int, int]:
    """Since when aggregates have been fed, for who is filled."""
    # Not the lower of the two: the clock of a catalog may be behind the first event, which feeds the history.
    return entry.fed_ms | {own: at for own, at in filling.aggregates.items() if own in entry.fed_ms}
