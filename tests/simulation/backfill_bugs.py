"""Mistakes that an engine and the command could make with a backfill, planted one at a time."""

from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

from app.offline.backfill_shadow import Shadow
from app.segments.partition.live_catalog import LiveCatalog
from tests.simulation.planted import planted
from tests.simulation.run import Outcome, Run


@planted("fill-too-old", "a fill is written though something of its user has come in between")
class FillTooOld(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""

        def whoever(_: Shadow, partition: int, users: Iterable[str], between: object) -> set[str]:
            return set(users)

        with patch.object(Shadow, "may_fill", whoever):
            return super().play()


@planted(
    "fill-across-numbers",
    "a fill is written though other numbers of all users have come in between",
    seed=207_100,
)
class FillAcrossNumbers(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        may_fill = Shadow.may_fill

        def of_users_alone(shadow: Shadow, partition: int, users: Iterable[str], between: Iterable[Any]) -> set[str]:
            return may_fill(shadow, partition, users, [record for record in between if record.key is not None])

        with patch.object(Shadow, "may_fill", of_users_alone):
            return super().play()


@planted("backfill-forgotten", "a worker that is started again does not know of the backfill that is under way")
class BackfillForgotten(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        begin_filling = LiveCatalog.begin_filling

        def kept_to_itself(catalog: LiveCatalog, *given: Any) -> None:
            written = catalog._written
            begin_filling(catalog, *given)
            catalog._written = written

        with patch.object(LiveCatalog, "begin_filling", kept_to_itself):
            return super().play()


@planted("end-of-others", "a partition where everybody is filled keeps the others from their end")
class EndOfOthers(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        may_end = Shadow.may_end

        def at_once(shadow: Shadow, partition: int, between: Iterable[Any]) -> bool:
            log = shadow._logs[partition]
            over, log.is_over = log.is_over, False
            try:
                return may_end(shadow, partition, between)
            finally:
                log.is_over = over

        with patch.object(Shadow, "may_end", at_once):
            return super().play()
