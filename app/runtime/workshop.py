"""What every partition task of a worker is made with."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from app.runtime.commit import Layout
from app.runtime.delivery import Delivery
from app.runtime.worker_metrics import Metrics
from app.runtime.world import World
from app.segments.partition import Partition
from app.segments.program import Program
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """program: the catalog that holds now. new_core: an empty partition under it. new_delivery, layout: by partition
    number. world: all that is not computing. new_values: holds a changelog while it is read back."""

    settings: Settings
    metrics: Metrics
    program: Callable[[], Program]
    new_core: Callable[[], Partition]
    new_delivery: Callable[[int], Delivery]
    layout: Callable[[int], Layout]
    world: World
    new_values: Callable[[], MutableMapping[bytes, bytes]] = dict
