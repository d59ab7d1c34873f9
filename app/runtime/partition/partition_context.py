"""Context that the partition tasks of a worker share."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from app.runtime.delivery.commit import OutputTopics
from app.runtime.delivery.delivery import Delivery
from app.runtime.partition.disk_table import forget_erased
from app.runtime.partition.environment import Environment
from app.runtime.partition.worker_metrics import Metrics
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import Batch
from app.segments.partition.partition import Partition
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionContext:
    """program: the catalog that holds now. new_core: an empty partition under it. new_delivery, layout: by partition
    number. environment: all that is not computing. new_values: holds a changelog while it is read back.
    forget_erased: removes from the disk what a committed batch has erased."""

    settings: Settings
    metrics: Metrics
    program: Callable[[], Program]
    new_core: Callable[[], Partition]
    new_delivery: Callable[[int], Delivery]
    layout: Callable[[int], OutputTopics]
    environment: Environment
    new_values: Callable[[], MutableMapping[bytes, bytes]] = dict
    forget_erased: Callable[[Partition, Batch], None] = forget_erased
