"""two_workers: the same full topic for one worker, and for two of one group; what an event costs then."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.benchmarks.drain import RATE_MIN, fill, verify
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for, until_counted
from tests.support.broker import Broker

#: In turn, so that a busy moment of the machine affects both; the cheapest run of each counts.
ROUNDS: Final = 2
NAMES: Final = {1: "one worker", 2: "two workers"}
#: Both workers join the group before partitions are assigned: no partition moves during the measurement.
TOGETHER: Final = {"group.initial.rebalance.delay.ms": "5000"}


def run(workload: Workload) -> Result:
    """On Kafka with transactions; invalid where there is none, and unless every change is the right one, told once."""
    calibration_us = calibrate(list(Workload(workload.seed, min(workload.events, 20_000)).lines()))
    best: dict[int, dict[str, Any]] = {}
    invalid = []
    events = 0
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary), kafka=TOGETHER) as found:
        for broker in (each for each in found if each.transactions):
            for number in range(1, ROUNDS + 1):
                for workers in NAMES:
                    row = _drain(workload, broker, workers, f"workers-{workers}-{number}", Path(temporary))
                    events = int(row["records"]) - PARTITIONS
                    if row["equal"] != "yes":
                        invalid.append(f"{row['run']}, round {number}: {row['equal']}")
                    if workers not in best or row["cpu_s_a_million"] < best[workers]["cpu_s_a_million"]:
                        best[workers] = row
    rows = [row | {"ratio_to_one": row["cpu_s_a_million"] / best[1]["cpu_s_a_million"]} for row in best.values()]
    return Result.on_kafka("two_workers", workload.source, workload.seed, events, calibration_us, rows, invalid)


def _drain(workload: Workload, broker: Broker, count: int, name: str, folder: Path) -> dict[str, Any]:
    settings = settings_for(name, broker)
    records = asyncio.run(fill(workload, settings))
    with ExitStack() as stack:
        given = {"delivery": "exactly-once"}
        workers = [
            stack.enter_context(MeasuredWorker(settings, folder, given=given, name=f"{name}-{number}"))
            for number in range(count)
        ]
        began = [(worker.until_reading(), worker.cpu_s()) for worker in workers]
        began_s = max(since_s for since_s, _ in began)
        seconds = until_counted(workers, records, within_s=60 + records / RATE_MIN) - began_s
        cpu_s = sum(worker.cpu_s() - since_s for worker, (_, since_s) in zip(workers, began, strict=True))
        read = [worker.partitions_read() for worker in workers]
        result = asyncio.run(verify(settings))
        for worker in workers:
            worker.end()
    return {
        "run": NAMES[count],
        "records": records,
        "seconds": seconds,
        "events_a_s": records / seconds,
        "cpu_s_a_million": cpu_s * 1e6 / records,
        "changes": result.expected,
        "equal": _verdict(read, equal=result.equal, repeated=result.repeated),
    }


def _verdict(read: list[int], *, equal: bool, repeated: int) -> str:
    """`yes`, or what is wrong; `read` is how many partitions each worker began to read."""
    if any(partitions != PARTITIONS // len(read) for partitions in read):
        return f"no: partitions were moved: {', '.join(map(str, read))}"
    return "yes" if equal and not repeated else f"no: {repeated} repeated"
