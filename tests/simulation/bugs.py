"""Mistakes that a runtime could have, planted one at a time: a simulator that does not find them is worth nothing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.delivery import Commit, Delivery
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.kafka.log_reader import Fetched
from app.runtime.partition import partition_task
from app.runtime.partition.environment import Log
from app.runtime.partition.lifecycle import Event
from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.partition.restore import Restored
from tests.simulation import (
    backfill_bugs,
    catalog_bugs,
    census_bugs,
    erasure_bugs,
    identity_bugs,
    order_bugs,
    timer_bugs,
)
from tests.simulation.environment import SimulatedWriter
from tests.simulation.planted import BUGS, Bug, WithDelivery, WithRestore, WithTask, planted
from tests.simulation.run import Outcome, Run

__all__ = [
    "BUGS",
    "Bug",
    "backfill_bugs",
    "catalog_bugs",
    "census_bugs",
    "erasure_bugs",
    "identity_bugs",
    "order_bugs",
    "timer_bugs",
]


# ---------------------------------------------------------------- fencing


@planted("no-fencing", "a new owner takes a transactional id that nobody had before: the old one writes on")
class NoFencing(WithDelivery):
    """See its meaning."""

    names = 0

    def new_delivery(self, writer: Callable[[str | None], SimulatedWriter], partition: int) -> Delivery:
        """Returns the delivery with the planted bug."""
        self.names += 1
        made: Any = writer(f"shop-{partition}-{self.names}")
        return ExactlyOnce(made, changelog=self.settings.topics.profiles)


@planted("restored-before-fenced", "the state is read before the old owner is fenced")
class RestoredBeforeFenced(WithTask, WithRestore):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Opens in another order."""

        fence: Callable[[], Any]

        async def _open(self) -> None:
            made = self._context.new_delivery

            def late(partition: int) -> Delivery:
                delivery = made(partition)
                self.fence = delivery.open

                async def nothing() -> None:
                    """Later."""

                delivery.open = nothing  # type: ignore[method-assign]  # that is the bug
                return delivery

            context, self._context = self._context, replace(self._context, new_delivery=late)
            try:
                await super()._open()
            finally:
                self._context = context
            await self.fence()


@planted("fences-in-turn", "whoever was fenced opens again without asking the group")
class FencesInTurn(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Asks nobody."""

        async def _wait_for_group(self) -> None:
            self._happen(Event.CONFIRM)


# ---------------------------------------------------------------- restoring


@planted("position-of-the-group", "the input position is taken from the group's offset")
class PositionOfTheGroup(WithRestore):
    """See its meaning."""

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores with the planted bug."""
        restored = await super().restore(changelog, journal, *given)
        if restored.position is not None:
            log: Any = changelog
            offset = self.broker.group_offset(log._log.partition) or 0
            reached = restored.position.reached._replace(offset=offset)
            restored.position = restored.position._replace(reached=reached)
        return restored


class Uncommitted(ExactlyOnce):
    """Reads what was never committed."""

    committed_only = False


@planted("reads-uncommitted", "changelog, journal and input are read with what was never committed")
class ReadsUncommitted(WithDelivery):
    """See its meaning."""

    delivery = Uncommitted


class Short:
    """A log that seems to end early."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def read(self, *, records_max: int, wait_ms: int) -> Fetched:
        """The first part, as if it were all."""
        fetched = await self._log.read(records_max=records_max, wait_ms=wait_ms)
        return Fetched(fetched.records, fetched.next_offset, fetched.next_offset)


@planted("restored-in-part", "the changelog is not read to its end")
class RestoredInPart(WithRestore):
    """See its meaning."""

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores with the planted bug."""
        short: Any = Short(changelog)
        return await super().restore(short, journal, *given)


@planted("journal-forgotten", "what the journal holds is not read back: a poisoned record is buried once more")
class JournalForgotten(WithRestore):
    """See its meaning."""

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores with the planted bug."""
        restored = await super().restore(changelog, journal, *given)
        restored.replay.poisoned.clear()
        return restored


@planted("kept-without-a-look", "a state that was kept is used, though another worker has committed since")
class KeptWithoutALook(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""

        async def nothing(log: Log, offset: int) -> bool:
            return True

        with patch.object(partition_task, "nothing_written_since", nothing):
            return super().play()


# ---------------------------------------------------------------- writing


class CommittedSurely(ExactlyOnce):
    """Takes an unknown outcome for a commit."""

    async def commit(self, commit: Commit) -> None:
        with suppress(ConnectionError):
            await super().commit(commit)


@planted("unknown-is-committed", "an unknown outcome of a commit is taken for a commit")
class UnknownIsCommitted(WithDelivery):
    """See its meaning."""

    delivery = CommittedSurely


class AbortedSurely(ExactlyOnce):
    """Takes an unknown outcome for an abort, and writes the same again."""

    async def commit(self, commit: Commit) -> None:
        try:
            await super().commit(commit)
        except ConnectionError:
            await self.open()
            await super().commit(commit)


@planted("unknown-is-aborted", "an unknown outcome of a commit is taken for an abort: the batch is written again")
class UnknownIsAborted(WithDelivery):
    """See its meaning."""

    delivery = AbortedSurely


class JournalLater(ExactlyOnce):
    """Two transactions."""

    async def commit(self, commit: Commit) -> None:
        announced, commit.announced = commit.announced, []
        await super().commit(commit)
        if announced:
            await super().commit(Commit(next_offset=commit.next_offset, announced=announced))


@planted("journal-later", "journal, late and dead letters are written after the batch, in a transaction of their own")
class TheJournalLater(WithDelivery):
    """See its meaning."""

    delivery = JournalLater


class PositionLater(ExactlyOnce):
    """Two transactions."""

    async def commit(self, commit: Commit) -> None:
        position, commit.position = commit.position, []
        await super().commit(commit)
        await super().commit(Commit(next_offset=commit.next_offset, position=position))


@planted("position-later", "the position is written after the batch, in a transaction of its own")
class ThePositionLater(WithDelivery):
    """See its meaning."""

    delivery = PositionLater


class PositionSooner(ExactlyOnce):
    """Two transactions."""

    async def commit(self, commit: Commit) -> None:
        position, commit.position = commit.position, []
        await super().commit(Commit(next_offset=commit.next_offset, position=position))
        await super().commit(commit)


@planted("position-sooner", "the position is written before the batch, in a transaction of its own")
class ThePositionSooner(WithDelivery):
    """See its meaning."""

    delivery = PositionSooner


class Careless(ExactlyOnce):
    """Awaits no delivery."""

    async def commit(self, commit: Commit) -> None:
        writer: Any = self._writer
        whole = writer.write

        async def write(rows: Any, **elsewhere: Any) -> None:
            with suppress(ConnectionError):
                await whole(rows, **elsewhere)

        writer.write = write
        await super().commit(commit)


@planted("careless-writes", "the transaction is committed, though one of its record batches was not written")
class CarelessWrites(WithDelivery):
    """See its meaning."""

    delivery = Careless


# ---------------------------------------------------------------- state


@planted("state-kept-in-doubt", "after an exception the state is used on")
class StateKeptInDoubt(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Keeps what it had."""

        async def _fail(self, error: Exception) -> None:
            self._kept = self._state
            await super()._fail(error)


@planted("hands-over-in-doubt", "a state in doubt is kept over a rebalance")
class HandsOverInDoubt(WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Doubts nothing."""

        async def stop(self, *, wait_ms: int) -> PartitionState | None:
            """Stops with the planted bug."""
            state = self._state
            await super().stop(wait_ms=wait_ms)
            return state


@planted("does-not-let-go", "a task goes on after its partition was taken away, with its old producer")
class DoesNotLetGo(WithTask, WithDelivery):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Says that it has stopped."""

        async def stop(self, *, wait_ms: int) -> PartitionState | None:
            """Stops with the planted bug."""
            return self._state


@planted("starvation-condemns", "a record is given up though memory, files or the stack had run out, not for itself")
class StarvationCondemns(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        with patch.object(partition_task, "is_caused_by_record", lambda error: not isinstance(error, TimeoutError)):
            return super().play()


# ---------------------------------------------------------------- without transactions


class PositionFirst(AtLeastOnce):
    """Another order."""

    async def commit(self, commit: Commit) -> None:
        position, commit.position = commit.position, []
        await self._writer.write([(self._changelog, position)])
        await super().commit(commit)


@planted(
    "without: position-first", "without transactions, the position is written before the profiles", transactions=False
)
class WithoutPositionFirst(WithDelivery):
    """See its meaning."""

    delivery = PositionFirst


@planted("without: nothing-sent-again", "changes beyond the position are not sent again", transactions=False)
class NothingSentAgain(WithRestore):
    """See its meaning."""

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores with the planted bug."""
        restored = await super().restore(changelog, journal, *given)
        restored.resend = []
        return restored


@planted("without: nothing-skipped", "records that a profile has seen are processed once more", transactions=False)
class NothingSkipped(WithRestore):
    """See its meaning."""

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores with the planted bug."""
        restored = await super().restore(changelog, journal, *given)
        restored.core._reached = {}
        return restored
