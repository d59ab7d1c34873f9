"""A worker that cannot get on, each in its own way: what the watchdog is tested with.

--stuck=HOW, then the product's command line.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from app.runtime import application
from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.delivery import Commit
from app.runtime.faust import consumer as faust_consumer
from app.runtime.faust.consumer import Consumer
from app.runtime.partition.micro_batch import MicroBatch
from app.runtime.partition.partition_task import PartitionTask


def blocks(batch: MicroBatch) -> None:
    """Never comes back, and lets nothing else run."""
    threading.Event().wait()


class Dying(PartitionTask):
    """Ends as nobody foresaw."""

    async def _serve(self) -> None:
        raise asyncio.CancelledError


class NeverWritten(AtLeastOnce):
    """Every commit fails."""

    async def commit(self, commit: Commit) -> None:
        raise ConnectionError("nobody takes this")


async def hangs(self: Consumer, *_: Any) -> None:
    """A rebalance that never ends."""
    self.app.on_rebalance_start()
    await asyncio.Event().wait()


async def never(_: Any, batch: MicroBatch) -> None:
    """Handed over to nobody."""


HOW: Final[dict[str, tuple[Any, str, Callable[..., Any]]]] = {
    "blocked-loop": (MicroBatch, "process", blocks),
    "hanging-agent": (Consumer, "_deliver", never),
    "dead-task": (faust_consumer, "PartitionTask", Dying),
    "hung-rebalance": (Consumer, "on_partitions_assigned", hangs),
    "endless-opening": (application, "AtLeastOnce", NeverWritten),
}


def main() -> int:
    """The product's command line, after what stands before it."""
    owner, name, other = HOW[sys.argv[1].removeprefix("--stuck=")]
    setattr(owner, name, other)
    from app.cli.main import main as shoal

    return shoal(sys.argv[2:])
