"""drain: a topic that is full, and a worker that reads it to the end; invalid unless every change is the right one."""

import asyncio
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console

from app.main import load_program
from app.segments.time_rules import TimeRules
from app.settings import Settings
from app.simulation.playing import Played, play
from app.simulation.recording import Recording
from app.simulation.writer import TopicWriter, ensure_topic
from app.verification.comparison import Comparison
from app.verification.job import Verification
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.load import Load
from tests.benchmarks.report import Result
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

#: No slower than this many events a second, or it is given up.
RATE_MIN: Final = 1_000


def run(workload: Workload) -> Result:
    """Each broker in turn; on Kafka with transactions, and without them for comparison."""
    rows = []
    invalid = []
    calibration_us = calibrate(list(Workload(workload.seed, min(workload.events, 20_000)).lines()))
    events = 0
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in found:
            for delivery in ("exactly-once", "at-least-once") if broker.transactions else ("at-least-once",):
                row, result = _drain(workload, broker, delivery, Path(temporary))
                rows.append(row)
                events = int(row["records"]) - PARTITIONS
                if not result.equal or (result.repeated and delivery == "exactly-once"):
                    invalid.append(f"{row['run']}: {dict(result.counts)}, {result.repeated} repeated")
    return Result("drain", workload.source, workload.seed, events, calibration_us, rows, "; ".join(invalid))


def _drain(workload: Workload, broker: Broker, delivery: str, folder: Path) -> tuple[dict[str, Any], Comparison]:
    name = f"{broker.name}-{delivery}"
    settings = settings_for(name, broker)
    records = asyncio.run(fill(workload, settings))
    with MeasuredWorker(settings, folder, given={"delivery": delivery}) as worker:
        began_s = worker.until_reading()
        began_cpu_s = worker.cpu_s()
        seconds = worker.until_counted(records, within_s=60 + records / RATE_MIN) - began_s
        cpu_s = worker.cpu_s() - began_cpu_s
        result = asyncio.run(verify(settings))
        worker.end()
    row = {
        "run": f"{broker.name}, {delivery}",
        "records": records,
        "seconds": seconds,
        "events_a_s": records / seconds,
        "cpu_s_a_million": cpu_s * 1e6 / records,
        "events_a_cpu_s": records / cpu_s,
        "changes": result.expected,
        "equal": "yes" if result.equal else "no",
    }
    return row, result


async def fill(load: Load, settings: Settings) -> int:
    """Plays the events, and a mark of the end for each partition, into a topic of its own; how many records."""
    partitions = await ensure_topic(settings, exactly=True)
    recording = Recording(load.lines(), partitions=partitions, rules=settings.time_rules)
    played = Played()
    async with TopicWriter(settings, partitions=partitions) as writer:
        await play(recording.records(), writer, played=played)
        await play(recording.end_marks(), writer, played=played)
    return played.records


async def verify(settings: Settings) -> Comparison:
    """Every change of every user against a recomputation."""
    program = load_program(settings.segments, TimeRules())
    job = Verification(settings, {program.version: program}, (), timeout_s=60)
    await job.run(Console(file=StringIO()), exactly=True)
    return job.result
