"""stages: where the CPU time of a draining worker goes, from fetching to the end of the transaction."""

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.drain import RATE_MIN, fill
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.sampled_worker import NAMES
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker


def run(workload: Workload) -> Result:
    """On Kafka with transactions; invalid where there is none."""
    calibration_us = calibrate(list(Workload(workload.seed, min(workload.events, 20_000)).lines()))
    rows: list[dict[str, Any]] = []
    records = 0
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in (each for each in found if each.transactions):
            rows, records = _drain(workload, broker, Path(temporary))
    events = max(0, records - PARTITIONS)
    return Result.on_kafka("stages", workload.source, workload.seed, events, calibration_us, rows)


def _drain(workload: Workload, broker: Broker, folder: Path) -> tuple[list[dict[str, Any]], int]:
    settings = settings_for("stages", broker)
    records = asyncio.run(fill(workload, settings))
    samples = folder / "samples"
    with MeasuredWorker(settings, folder, samples=samples) as worker:
        began_s = worker.until_reading()
        began_cpu_s = worker.cpu_s()
        ended_s = worker.until_counted(records, within_s=60 + records / RATE_MIN)
        us = (worker.cpu_s() - began_cpu_s) * 1e6 / records
        worker.end()
    counts = counted(samples, began_s, ended_s)
    total = counts.total()
    return [_row(name, counts[rank], total, us) for rank, name in enumerate(NAMES)], records


def _row(name: str, samples: int, total: int, us: float) -> dict[str, Any]:
    return {"stage": name, "us_an_event": us * samples / total, "share": samples / total, "samples": samples}


def counted(samples: Path, began_s: float, ended_s: float) -> Counter[int]:
    """Samples by the number of their stage, between two instants. The last line may be cut off."""
    found: Counter[int] = Counter()
    for line in samples.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            at_s, rank = line.split()
            if began_s <= float(at_s) <= ended_s:
                found[int(rank)] += 1
    return found
