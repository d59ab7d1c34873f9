"""Records that the retention of the input topic has removed before they were read."""

import logging

from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.partition.environment import Log

log = logging.getLogger(__name__)


async def first_offset_after(lost: OffsetLostError, reader: Log, *, partition: int) -> int:
    """The first existing offset; logs the missing records. Raises `lost` again if it is beyond the end."""
    first = await reader.earliest()
    if first <= lost.offset:
        raise lost  # this is not the log that the position is from
    log.error(
        "partition %d: retention deleted the records from offset %d to %d of %s before they were read; continues after "
        "them",
        partition,
        lost.offset,
        first - 1,
        reader.topic,
    )
    return first
