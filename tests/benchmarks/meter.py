"""Measures the time from an instant to its answer as a reader of committed records sees it."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.runtime.process.gc_control import without_collector
from app.settings import Settings
from app.simulation.record import Record
from app.verification.topic_contents import Cluster
from tests.benchmarks.open_loop import OpenLoop, pause

#: If the 99th of 100 batches is later than this, the figures show the meter and not the worker.
LAG_MAX_S: Final = 0.005
SHARES: Final = {"p50_ms": 0.5, "p99_ms": 0.99, "p99_9_ms": 0.999}


class Cause(msgspec.Struct):
    """Cause of a change."""

    kind: str
    message_id: str | None = None


class Caused(msgspec.Struct):
    """Fields of a change that are needed here."""

    user: str
    cause: Cause


read_change: Final = msgspec.json.Decoder(Caused).decode


@dataclass(slots=True)
class Meter:
    """One measurement: the answers of a worker are read from `topic`. The figures are there after `run`.

    `key_of` returns of a record in it what it is the answer to, None for records that do not count; `due_s` has, for
    each key, the instant from which its answer is waited for, in seconds after the beginning. What was sent in the
    first `warm_up_s` of them does not count, and what was due in them.
    """

    settings: Settings
    topic: str
    key_of: Callable[[bytes], str | None]
    due_s: Mapping[str, float]
    warm_up_s: float
    seen: list[tuple[float, float]] = field(default_factory=list)
    """For each answer: when it was due (seconds after the beginning), and how long after that it was read (seconds)."""
    lag_p99_s: float = 0.0
    cpu_share: float = 0.0
    """Of one core, of this process: sending and reading."""
    records: int = 0
    seconds: float = 0.0
    _began_s: float = 0.0

    async def run(self, ticks: Iterable[Sequence[Record]], *, began_s: float | None, on_its_way_s: float) -> None:
        """Sends from `began_s` (of `time.perf_counter`; None: when all is built) on, and reads for some time longer."""
        async with Cluster(self.settings) as cluster, OpenLoop(self.settings) as loop:
            self.records = loop.build(ticks)
            reader = asyncio.create_task(self._read(cluster))
            with without_collector():
                self._began_s = time.perf_counter() if began_s is None else began_s
                began_cpu_s = time.process_time()
                await loop.send(self._began_s)
                self.seconds = time.perf_counter() - self._began_s
                self.cpu_share = (time.process_time() - began_cpu_s) / self.seconds
                await pause(on_its_way_s)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        self.lag_p99_s = percentile([lag_s for due_s, lag_s in loop.lags_s if due_s >= self.warm_up_s], 0.99)
        self.seen = [(due_s, latency_s) for due_s, latency_s in self.seen if due_s >= self.warm_up_s]

    @property
    def too_late(self) -> str:
        """Reason why the figures do not count; empty if they do."""
        if self.lag_p99_s <= LAG_MAX_S:
            return ""
        return f"the generator was {1000 * self.lag_p99_s:.1f} ms late at p99, at {self.cpu_share:.2f} of a core"

    async def _read(self, cluster: Cluster) -> None:
        async for _, records in cluster.follow(self.topic):
            now_s = time.perf_counter() - self._began_s
            for record in records:
                key = self.key_of(record.value)
                if key is not None and (due_s := self.due_s.get(key)) is not None:
                    self.seen.append((due_s, now_s - due_s))


def latency_columns(latencies_s: Iterable[float]) -> dict[str, Any]:
    """Number of latencies and their percentiles in milliseconds; only the number if there are none."""
    found = sorted(latencies_s)
    if not found:
        return {"changes": 0, **dict.fromkeys([*SHARES, "max_ms"], "")}
    shares = {name: 1000 * percentile(found, share) for name, share in SHARES.items()}
    return {"changes": len(found), **shares, "max_ms": 1000 * found[-1]}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    return sorted(values)[int(len(values) * share)]
