"""All that is known of an open partition: its core, how far it is, and what it goes on from."""

from dataclasses import dataclass

from app.runtime.partition.environment import Log
from app.runtime.partition.idle_clock import IdleClock
from app.runtime.partition.restore import Restored
from app.runtime.records.envelope import Reached, StoredPosition
from app.runtime.records.journal import CatalogChange, JournalEntry, Replay, unfired_entries
from app.segments.compiler.program import Program
from app.segments.partition.partition import NO_CLOCK, Batch, Partition
from app.settings import Settings

DUE_WAIT_MS_MIN = 20  # `due_ms` is a lower bound: a shorter wait would ask the broker for nothing a thousand times


@dataclass(slots=True)
class PartitionState:
    """After a clean stop it can be kept: with transactions it is good as long as nobody has written to the changelog or
    journal since.

    offset: the next input offset. anchor: what the idle clock goes on from. journal_offset: journal entries before it
    are done with; journal_end: where the journal ended when it was read, or written to. number: of the last commit.
    changelog_end: the offset behind the last record of the changelog. seen: records before this input offset were
    processed once, though half of what they brought about may not be written. sweeping: whether profiles may be left
    that have not been evaluated under the present catalog. fired_ms: all timers up to this clock have fired;
    it is that of the core, or an earlier one while timers are `overdue` there.
    """

    core: Partition
    offset: int
    anchor: IdleClock | None
    replay: Replay
    journal_offset: int
    journal_end: int
    number: int
    changelog_end: int
    seen: int = -1
    sweeping: bool = True
    fired_ms: int = NO_CLOCK

    def wait_ms(self, settings: Settings, *, wall_ms: int) -> int:
        """Longest wait of the next fetch in milliseconds: not beyond the instant at which a timer is due."""
        if self.sweeping or self.core.overdue:
            return 1
        due_ms = self.core.due_ms()
        if self.anchor is None or not settings.idle_clock or due_ms is None:
            return settings.fetch_wait_ms
        return min(settings.fetch_wait_ms, max(DUE_WAIT_MS_MIN, self.anchor.wall_ms_of(due_ms) - wall_ms))

    @property
    def unsaid(self) -> bool:
        """True if all timers have fired up to the clock, and no position says so yet."""
        return not self.core.overdue and self.fired_ms < self.core.clock_ms

    def turn_to(self, program: Program) -> list[JournalEntry]:
        """Returns the journal entries that must be written before another catalog takes effect.

        None if they are written already, or if there is no user yet: the first user's profile records their catalog.
        """
        core = self.core
        if not core.epoch:
            return []
        swept = core.unswept[-1] if core.unswept else None
        unfired = core.overdue_timers() if core.overdue else {}
        entry = CatalogChange(self.offset, core.clock_ms, program.version, core.epoch + 1, swept, len(unfired))
        if self.replay.catalogs.get(entry.epoch) == entry and self.replay.unfired.get(entry.epoch) == unfired:
            return []
        return [*unfired_entries(entry.offset, entry.epoch, unfired), entry]

    def next_position(self, outcome: Batch) -> StoredPosition:
        """The position that is written with an outcome."""
        self.number += 1
        if self.replay.finished:
            self.journal_offset = self.journal_end
        if not self.core.overdue:
            self.fired_ms = outcome.clock_ms
        anchor = self.anchor
        return StoredPosition(
            Reached(self.offset, self.fired_ms, self.number),
            -1 if anchor is None else anchor.clock_ms,
            -1 if anchor is None else anchor.wall_ms,
            self.journal_offset,
            self.core.position(),
        )


async def state_of(restored: Restored, reader: Log, settings: Settings) -> PartitionState:
    """Returns the restored state; without a position the partition begins at the first record that `reader` finds."""
    position = restored.position
    anchor, fired_ms = None, NO_CLOCK
    if position is None:
        offset, journal_offset = await reader.earliest(), 0
    else:
        offset, journal_offset = position.reached.offset, position.journal_offset
        fired_ms = position.reached.clock_ms
        if position.anchor_wall_ms >= 0:
            anchor = IdleClock(position.anchor_clock_ms, position.anchor_wall_ms, settings.idle_clock_speed)
    return PartitionState(
        core=restored.core,
        offset=offset,
        anchor=anchor,
        replay=restored.replay,
        journal_offset=journal_offset,
        journal_end=restored.journal_end,
        number=restored.number,
        changelog_end=restored.changelog_end,
        seen=restored.seen,
        fired_ms=fired_ms,
    )
