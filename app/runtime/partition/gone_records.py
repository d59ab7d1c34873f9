"""Records that the retention of the input topic has removed before they were read."""

import logging

from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.partition.environment import Log

log = logging.getLogger(__name__)


async def first_offset_after(lost: OffsetLostError, reader: Log, *, partition: int) -> int:
    """The first offset that is still there; says what is gone. Raises `lost` again if it lies beyond the end."""
    first = await reader.earliest()
    if first <= lost.offset:
        raise lost  # this is not the log that the position is from
    log.error(
        "partition %d: the records from offset %d to %d are gone from %s (its retention is shorter than the "
        "worker was away); goes on behind them",
        partition,
        lost.offset,
        first - 1,
        reader.topic,
    )
    return first
