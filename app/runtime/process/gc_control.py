"""Python's cyclic garbage collector, run by hand: on the hot path it costs a third of the speed.

What lives long (the compiled catalog, Faust, the first profiles) is frozen once; the collector is switched off and
run between batches instead, now and then.
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Under load a run takes 50-150 ms, for the batches in progress, and finds nothing: only errors leave cycles.
YOUNG_S = 30.0
MIDDLE_S = 300.0
ALL_S = 1800.0


class GcControl:
    """`tick` is called about every second from the event loop, so between batches."""

    def __init__(self) -> None:
        self._was_enabled = False
        self._young_s = self._middle_s = self._all_s = 0.0

    def begin(self) -> None:
        """Freezes what there is, and switches the collector off."""
        self._was_enabled = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        self._young_s = self._middle_s = self._all_s = time.monotonic()

    def tick(self) -> None:
        """Collects what is due."""
        now_s = time.monotonic()
        if now_s - self._all_s >= ALL_S:
            gc.collect()
            self._all_s = self._middle_s = self._young_s = now_s
        elif now_s - self._middle_s >= MIDDLE_S:
            gc.collect(1)
            self._middle_s = self._young_s = now_s
        elif now_s - self._young_s >= YOUNG_S:
            gc.collect(0)
            self._young_s = now_s

    def end(self) -> None:
        """Everything as it was before."""
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()


@contextmanager
def without_collector() -> Iterator[None]:
    """Runs without the cyclic collector: the state has no cycles, and a walk over it costs a third of the time."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
