"""Mistakes that a runtime could make when definitions change, planted one at a time."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from msgspec import structs

from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.records.journal import CatalogChange, JournalEntry, Replay
from app.segments.compiler.program import Program
from app.segments.partition.partition import Batch
from tests.simulation.planted import WithTask, planted
from tests.simulation.run import Outcome, Run


@planted("sweeps-on-under-another", "a worker goes on with the sweep of a catalog that it does not know, under its own")
class SweepsOnUnderAnother(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Looks at the catalog when everybody was evaluated."""

        def _is_behind(self, state: PartitionState) -> bool:
            return not state.sweeping and super()._is_behind(state)


@planted("sweep-cut-off-untold", "a sweep is cut off, and nobody is told how far it had come")
class SweepCutOffUntold(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        told = PartitionState.turn_to

        def untold(state: PartitionState, program: Program) -> list[JournalEntry]:
            entries = told(state, program)
            return [structs.replace(each, swept=None) if isinstance(each, CatalogChange) else each for each in entries]

        with patch.object(PartitionState, "turn_to", untold):
            return super().play()


@planted("announced-and-forgotten", "a catalog was announced, never took effect, and stays in the journal", seed=12_500)
class AnnouncedAndForgotten(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        with patch.object(Replay, "epoch", 0):
            return super().play()


@planted("first-catalog-untold", "the catalog under which the first user came is not in the journal")
class FirstCatalogUntold(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Tells only of those that follow."""

        async def _commit(self, outcome: Batch, entries: Sequence[JournalEntry], **given: Any) -> None:
            others = [entry for entry in entries if not isinstance(entry, CatalogChange)]
            await super()._commit(outcome, others, **given)
