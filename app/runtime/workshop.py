"""What every partition task of a worker is made with."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.metrics import Metrics
from app.runtime.commit import Layout
from app.runtime.delivery import Delivery
from app.runtime.micro_batch import MicroBatch
from app.segments.partition import Partition
from app.segments.program import Program
from app.settings import Settings


def wall_ms() -> int:
    """The wall clock, in milliseconds since the epoch."""
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """program: the catalog that holds now. new_core: an empty partition under it. new_delivery, layout: by partition
    number. deliver: hands a batch to the agent."""

    settings: Settings
    metrics: Metrics
    program: Callable[[], Program]
    new_core: Callable[[], Partition]
    new_delivery: Callable[[int], Delivery]
    layout: Callable[[int], Layout]
    deliver: Callable[[MicroBatch], Awaitable[None]]
    wall_ms: Callable[[], int] = wall_ms
