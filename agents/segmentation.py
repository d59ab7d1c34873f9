"""The main job: clickstream in, segment changes out."""

from faust.types import StreamT

from app.runtime.application import Application
from app.runtime.partition.micro_batch import MicroBatch


async def segmentation(batches: StreamT[MicroBatch]) -> None:
    """One micro-batch of one partition after the other, of many partitions in turn.

    Processing fires the timers that are due, then lets each event touch what it can change, user by user. What that
    brings about is written by the partition's own task, while the next partition's batch is being processed here.
    """
    async for batch in batches:
        batch.process()
        batch.commit_nowait()


def install(app: Application) -> None:
    """Makes it an agent of the application."""
    app.agent(app.clickstream, name="segmentation")(segmentation)
