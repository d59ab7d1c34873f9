"""Mistakes that a runtime could make with events that wait for those before them, planted one at a time."""

from typing import Any

from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.segments.compiler.program import Program
from app.segments.partition.partition import Partition
from tables import profile as profiles
from tables.profile import Profile
from tables.windows import FOREVER
from tests.simulation.planted import WithTask, planted
from tests.simulation.run import Run
from tests.simulation.scenario import RULES


class WithCore(Run):
    """Another partition."""

    core: type[Partition] = Partition

    def new_core(self, program: Program) -> Partition:
        """Returns an empty partition, by default the right one."""
        return self.core(program, RULES, timers_max=self.scenario.timers_max)


@planted("waiting-not-restored", "events that wait are not read back from the changelog")
class WaitingNotRestored(WithCore):
    """See its meaning."""

    class core(Partition):  # noqa: N801  # an attribute of the run
        """Restores profiles without what waits."""

        def restore(self, user: str, profile: bytes | None, *, offset: int) -> None:
            """Restores a profile with the planted bug."""
            super().restore(user, profile, offset=offset)
            kept = self._encoded.get(user)
            if profile is not None and kept is not None and (found := profiles.decode(kept)).waiting is not None:
                found.waiting = None
                timer = profiles.timer_of(kept) if found.begun else FOREVER
                self._encoded[user] = profiles.encode(found, timer, profiles.epoch_of(kept))


@planted(
    "waits-for-a-record", "the clock does not let an event go whose turn has come, only the user's next record does"
)
class WaitsForARecord(WithCore):
    """See its meaning."""

    class core(Partition):  # noqa: N801  # an attribute of the run
        """Arms no timer for what waits."""

        def _timer(self, profile: Profile) -> int:
            return profile.timer(self.rules.retention_ms) if profile.begun else FOREVER


@planted("taken-at-the-clock", "an event that waited happens when the worker comes to it, not at its own instant")
class TakenAtTheClock(WithCore):
    """See its meaning."""

    class core(Partition):  # noqa: N801  # an attribute of the run
        """Takes an event at the clock."""

        def _apply(
            self, user: str, profile: Profile | None, message: Any, t: int, now: int, *given: Any, **more: Any
        ) -> None:
            super()._apply(user, profile, message, t, max(now, self.clock_ms), *given, **more)


@planted(
    "unfired-without-turns",
    "a catalog is cut off, and nobody is told which events still waited for a turn that had come",
)
class UnfiredWithoutTurns(WithCore):
    """See its meaning."""

    class core(Partition):  # noqa: N801  # an attribute of the run
        """Tells of timers only."""

        def overdue_timers(self) -> dict[str, int]:
            """Users with a timer that the clock has passed, less those with events that wait."""
            overdue = super().overdue_timers()
            return {user: at for user, at in overdue.items() if profiles.decode(self._encoded[user]).waiting is None}


@planted("another-wait-untold", "another wait takes effect, and the journal does not say so")
class AnotherWaitUntold(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Adopts a catalog of which only the wait is another without a word."""

        async def _adopt_catalog(self, state: PartitionState) -> None:
            program = self._context.program()
            if program.wait_ms != state.core.program.wait_ms and state.core.epoch:
                state.core.adopt(program, clock_ms=state.core.clock_ms)
                state.sweeping = bool(state.core.unswept)
                return
            await super()._adopt_catalog(state)
