"""latency: 5,000 events a second into a real Kafka, and how long after an event the change that it causes is read."""

import asyncio
import re
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from app.settings import Settings
from app.simulation.recording import Recording
from app.simulation.writer import TopicWriter, ensure_topic
from app.verification.topics import Cluster
from tests.benchmarks.drain import verify
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

RATE: Final = 5_000
TICK_S: Final = 0.01
WARM_UP_S: Final = 5
MEASURED_S: Final = 30
ON_ITS_WAY_S: Final = 2.0
#: Not so much as this share of the rate: the machine was too busy, and the figures mean nothing.
RATE_SHARE_MIN: Final = 0.98
_MESSAGE_ID: Final = re.compile(rb'"messageId":"([^"]+)"')


class Cause(msgspec.Struct):
    """What brought a change about."""

    kind: str
    message_id: str | None = None


class Caused(msgspec.Struct):
    """What is needed of a change."""

    cause: Cause


def run(workload: Workload) -> Result:
    """Each way of delivery in turn, on the same Kafka."""
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    rows, invalid = [], []
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in found:
            for delivery in ("exactly-once", "at-least-once") if broker.transactions else ():
                row = _measure(workload, broker, delivery, Path(temporary))
                rows.append(row)
                if row["events_a_s"] < RATE * RATE_SHARE_MIN or row["equal"] != "yes":
                    invalid.append(f"{row['run']}: {row['events_a_s']:,.0f} events/s, equal: {row['equal']}")
    if not rows:
        rows, invalid = [{"run": "none"}], ["there is no Kafka here: it wants Java and Maven"]
    events = RATE * (WARM_UP_S + MEASURED_S)
    return Result("latency", workload.source, workload.seed, events, calibration_us, rows, "; ".join(invalid))


def _measure(workload: Workload, broker: Broker, delivery: str, folder: Path) -> dict[str, Any]:
    name = f"latency-{delivery}"
    settings = settings_for(name, broker)
    asyncio.run(ensure_topic(settings, exactly=True))
    with MeasuredWorker(settings, folder, given={"delivery": delivery}) as worker:
        worker.until_ready()
        began_cpu_s = worker.cpu_s()
        meter = Meter(settings, workload)
        asyncio.run(meter.run())
        cpu_s = worker.cpu_s() - began_cpu_s
        result = asyncio.run(verify(settings))
        worker.end()
    found = sorted(meter.latencies_s)
    return {
        "run": f"{broker.name}, {delivery}",
        "events_a_s": meter.events_a_s,
        "changes": len(found),
        **{f"p{share}_ms": 1000 * found[len(found) * share // 100] for share in (50, 90, 99)},
        "max_ms": 1000 * found[-1],
        "worker_cpu_share": cpu_s / (WARM_UP_S + MEASURED_S),
        "equal": "yes" if result.equal else "no",
    }


class Meter:
    """Writes at a steady rate, and reads the changes: committed ones, as everybody should."""

    def __init__(self, settings: Settings, workload: Workload) -> None:
        self.latencies_s: list[float] = []
        self.events_a_s = 0.0
        self._settings = settings
        self._workload = workload
        self._sent_s: dict[str, float] = {}
        self._from_s = float("inf")

    async def run(self) -> None:
        """All of it. The first seconds are not counted."""
        async with Cluster(self._settings) as cluster:
            readers = [asyncio.create_task(self._read(cluster, number)) for number in range(PARTITIONS)]
            await self._write()
            await _pause(ON_ITS_WAY_S)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _write(self) -> None:
        rules = self._settings.time_rules
        records = Recording(self._workload.lines(), partitions=PARTITIONS, rules=rules).records()
        prepared = [
            (record, found[1].decode())
            for record in islice(records, RATE * (WARM_UP_S + MEASURED_S))
            if (found := _MESSAGE_ID.search(record.value or b""))
        ]
        a_tick = int(RATE * TICK_S)
        async with TopicWriter(self._settings, partitions=PARTITIONS) as writer:
            began_s = time.perf_counter()
            self._from_s = began_s + WARM_UP_S
            for tick in range(len(prepared) // a_tick):
                wait_s = began_s + tick * TICK_S - time.perf_counter()
                await _pause(max(0.0, wait_s))
                for record, message_id in prepared[tick * a_tick : (tick + 1) * a_tick]:
                    self._sent_s[message_id] = time.perf_counter()
                    await writer.add(record)
                await writer.flush()
            self.events_a_s = len(prepared) / (time.perf_counter() - began_s)

    async def _read(self, cluster: Cluster, partition: int) -> None:
        decode = msgspec.json.Decoder(Caused).decode
        async for value in cluster.follow(cluster.topics.changes, partition):
            now_s = time.perf_counter()
            cause = decode(value).cause
            sent_s = self._sent_s.get(cause.message_id or "")
            if cause.kind == "event" and sent_s is not None and sent_s >= self._from_s:
                self.latencies_s.append(now_s - sent_s)


async def _pause(for_s: float) -> None:
    """The pace of the writing: nothing is waited for."""
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(for_s, over.set_result, None)
    await over
