"""A worker that ends itself at a named point, or that breaks one of the guarantees: what the verdict is tested with.

--doom=POINT:N[:stop]   SIGKILL (SIGSTOP with `stop`) when it comes to the point for the Nth time
--broken=SWITCH         one guarantee less
--linger=POINT:SECONDS  takes its time there, whenever it comes to it
--poison=yes            cannot process records that have the mark
"""

import asyncio
import os
import secrets
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from app.runtime import application
from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.delivery import Commit, Delivery
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.partition import partition_task
from app.runtime.partition.restore import Restored, restore
from tests.support.poison import FragilePartition

POINTS: Final = ("fenced", "restored", "begun", "written", "ended", "between")
STOPS: Final = "stops itself here"


class Doom:
    """The end of this process; none, until it is `set_to` something."""

    point = ""

    def set_to(self, text: str) -> None:
        """As in `--doom`."""
        self.point, times, *how = text.split(":")
        assert self.point in POINTS, text
        self._left = int(times)
        self._signal = signal.SIGSTOP if how else signal.SIGKILL

    def __call__(self, point: str) -> None:
        """Called wherever it may be."""
        if point != self.point:
            return
        self._left -= 1
        if self._left == 0:
            sys.stderr.write(f"{STOPS}: {point}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), self._signal)


doom = Doom()
lingers: dict[str, float] = {}
"""Seconds by point."""


async def linger(point: str) -> None:
    """Other tasks go on meanwhile."""
    if seconds := lingers.get(point):
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), seconds)


class Mortal(ExactlyOnce):
    """The product's delivery, with points to die at inside the transaction."""

    async def open(self) -> None:
        await super().open()
        doom("fenced")

    async def commit(self, commit: Commit) -> None:
        producer = self._writer.producer
        whole = producer.commit_transaction
        begin = producer.begin_transaction

        async def begin_and_write_some() -> None:
            await begin()
            doom("begun")

        async def end() -> None:
            doom("written")
            await linger("written")
            await whole()
            doom("ended")

        producer.begin_transaction, producer.commit_transaction = begin_and_write_some, end
        try:
            await super().commit(commit)
        finally:
            producer.begin_transaction, producer.commit_transaction = begin, whole


class PositionFirst(Mortal):
    """Broken: the position in a transaction of its own, before the rest."""

    async def commit(self, commit: Commit) -> None:
        """Two transactions."""
        position = Commit(next_offset=commit.next_offset, position=commit.position)
        commit.position = []
        await super().commit(position)
        if commit.changes:
            doom("between")
        await super().commit(commit)


class ChangesFirst(Mortal):
    """Broken: the changes in a transaction of their own, before the rest.

    The position alone after the rest would break nothing: a profile that is ahead of it knows its records.
    """

    async def commit(self, commit: Commit) -> None:
        """Two transactions."""
        changes, commit.changes = commit.changes, []
        if changes:
            await super().commit(Commit(next_offset=commit.next_offset, changes=changes))
            doom("between")
        await super().commit(commit)


class Trusting(Mortal):
    """Broken: does not look whether the broker took what was written."""

    async def commit(self, commit: Commit) -> None:
        """Ends the transaction in any case."""
        write = self._writer.write

        async def write_and_hope(rows: Any, **more: Any) -> None:
            with suppress(Exception):
                await write(rows, **more)

        hopeful: Any = self._writer
        hopeful.write = write_and_hope
        try:
            await super().commit(commit)
        finally:
            hopeful.write = write


class NoJournal(Mortal):
    """Broken: what moved a partition other than its records is written nowhere."""

    async def commit(self, commit: Commit) -> None:
        """Without the journal."""
        commit.announced = [rows for rows in commit.announced if not rows[0].endswith("shoal.journal")]
        await super().commit(commit)


class PositionEarly(AtLeastOnce):
    """Broken, where there are no transactions: the position before the changes."""

    async def commit(self, commit: Commit) -> None:
        """In two steps."""
        changes, commit.changes = commit.changes, []
        await super().commit(commit)
        if changes:
            doom("between")
            await super().commit(Commit(next_offset=commit.next_offset, changes=changes))


class InOrder(AtLeastOnce):
    """The product's order, with the point between profiles and changes."""

    async def commit(self, commit: Commit) -> None:
        """In two steps."""
        first = Commit(next_offset=commit.next_offset, announced=commit.announced, profiles=commit.profiles)
        commit.announced, commit.profiles = [], []
        await super().commit(first)
        if commit.changes:
            doom("between")
        await super().commit(commit)


class ReadsUncommitted(Mortal):
    """Broken: restores what was never committed."""

    committed_only = False


def unfenced(self: application.Application, partition: int) -> Delivery:
    """Broken: a transactional id that no successor knows."""
    name = f"{self.settings.app_id}-{partition}-{secrets.token_hex(4)}"
    writer = LogWriter(self.settings, partition=partition, transactional_id=name)
    return Mortal(writer, changelog=self.settings.topics.profiles)


async def restore_and_perhaps_die(*given: Any) -> Restored:
    """The product's, and a point behind it."""
    restored = await restore(*given)
    await linger("restored")
    doom("restored")
    return restored


fail = partition_task.PartitionTask._fail


async def fail_and_keep(self: partition_task.PartitionTask, error: Exception) -> None:
    """Broken: after a doubt the state is kept, as if the commit had happened."""
    state = self._state
    await fail(self, error)
    self._kept = state


SWITCHES: Final[dict[str, type[ExactlyOnce]]] = {
    "position-first": PositionFirst,
    "changes-first": ChangesFirst,
    "reads-uncommitted": ReadsUncommitted,
    "trusting": Trusting,
    "no-journal": NoJournal,
}
WITHOUT_TRANSACTIONS: Final[dict[str, type[AtLeastOnce]]] = {"position-early": PositionEarly}
UNFENCED: Final = "unfenced"
KEEPS_STATE: Final = "keeps-state"


def main() -> int:
    """The product's command line, after what stands before it."""
    broken = ""
    poison = False
    arguments = sys.argv[1:]
    while arguments[0].startswith("--"):
        name, _, value = arguments.pop(0).partition("=")
        if name == "--doom":
            doom.set_to(value)
        elif name == "--linger":
            point, _, seconds = value.partition(":")
            assert point in POINTS, value
            lingers[point] = float(seconds)
        elif name == "--poison":
            poison = True
        else:
            broken = value
    replace: dict[tuple[Any, str], Any] = {
        (application, "ExactlyOnce"): SWITCHES.get(broken, Mortal),
        (application, "AtLeastOnce"): WITHOUT_TRANSACTIONS.get(broken, InOrder),
        (partition_task, "restore"): restore_and_perhaps_die,
    }
    if broken == UNFENCED:
        replace[application.Application, "_new_delivery"] = unfenced
    elif broken == KEEPS_STATE:
        replace[partition_task.PartitionTask, "_fail"] = fail_and_keep
    else:
        assert not broken or broken in SWITCHES or broken in WITHOUT_TRANSACTIONS, broken
    if poison:
        replace[application, "Partition"] = FragilePartition
    for (owner, attribute), value in replace.items():
        setattr(owner, attribute, value)
    from app.cli.main import main as shoal

    return shoal(arguments)
