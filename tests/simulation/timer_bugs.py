"""Mistakes that a runtime could make with timers that fire in several commits, planted one at a time."""

from typing import Any
from unittest.mock import patch

from msgspec import structs

from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.partition.restore import Restored
from app.runtime.records.envelope import StoredPosition
from app.runtime.records.journal import CatalogChange, JournalEntry
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import Batch
from app.segments.partition.partition import Partition
from tests.simulation.planted import WithRestore, WithTask, planted
from tests.simulation.run import Outcome, Run


@planted("overdue-forgotten", "who restores a partition does not know that timers are left from before")
class OverdueForgotten(WithRestore):
    """See its meaning."""

    async def restore(self, *given: Any) -> Restored:
        """Restores the partition with the planted bug."""
        restored = await super().restore(*given)
        restored.core._overdue = False
        return restored


@planted("adopts-with-timers-left", "another catalog takes effect while timers are left that the clock has passed")
class AdoptsWithTimersLeft(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Waits for the sweep only, and tells nobody."""

        def _is_behind(self, state: PartitionState) -> bool:
            with patch.object(Partition, "overdue", False):
                return super()._is_behind(state)

        async def _adopt_catalog(self, state: PartitionState) -> None:
            # Of this core only: a simulated worker that dies in here never leaves the block.
            with patch.object(state.core, "overdue_timers", dict):
                await super()._adopt_catalog(state)


@planted("unfired-untold", "a catalog is cut off, and nobody is told which of its timers never fired")
class UnfiredUntold(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        told = PartitionState.turn_to

        def untold(state: PartitionState, program: Program) -> list[JournalEntry]:
            entries = told(state, program)
            return [structs.replace(each, unfired=0) for each in entries if isinstance(each, CatalogChange)]

        with patch.object(PartitionState, "turn_to", untold):
            return super().play()


@planted(
    "done-too-soon",
    "the position says that all timers have fired, as soon as the first of them have",
    transactions=False,  # profiles that are ahead of the position show the bug much sooner
)
class DoneTooSoon(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        written = PartitionState.next_position

        def early(state: PartitionState, outcome: Batch) -> StoredPosition:
            state.fired_ms = outcome.clock_ms
            return written(state, outcome)

        with patch.object(PartitionState, "next_position", early):
            return super().play()
