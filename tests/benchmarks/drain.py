"""drain: a topic that is full, and a worker that reads it to the end; invalid unless every change is the right one."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console

from app.main import load_program
from app.segments.evaluation.time_rules import TimeRules
from app.settings import Settings
from app.simulation.playing import Played, play
from app.simulation.recording import Recording
from app.simulation.writer import TopicWriter, ensure_topic
from app.verification.comparison import Comparison
from app.verification.job import Verification
from tests.benchmarks.events import ROOT, Workload, calibrate
from tests.benchmarks.load import Load
from tests.benchmarks.peers.moments import folder_of
from tests.benchmarks.peers.verdict import expected
from tests.benchmarks.report import Result
from tests.benchmarks.synthetic import SPREADS, Synthetic
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

#: Below this number of events a second the run is given up.
RATE_MIN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Task:
    """A load and the definitions for it, on one broker."""

    load: Load
    segments: Path
    broker: Broker
    delivery: str
    name: str


def run(workload: Workload) -> Result:
    """The real events on each broker in turn, on Kafka with transactions, and without them for comparison.

    Then, on Kafka with transactions, as many synthetic events with the five rules of windows.
    """
    rows = []
    invalid = []
    calibration_us = calibrate(list(Workload(workload.seed, min(workload.events, 20_000)).lines()))
    events = 0
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for task in _tasks(workload, found):
            row, result = measure(task, Path(temporary))
            rows.append(row)
            events = max(events, int(row["records"]) - PARTITIONS)
            if not result.equal or (result.repeated and task.delivery == "exactly-once"):
                invalid.append(f"{row['run']}: {dict(result.counts)}, {result.repeated} repeated")
            elif isinstance(task.load, Synthetic) and expected(task.load, "windows").moments.total() != result.expected:
                invalid.append(f"{row['run']}: not as many changes as by brute force")
    return Result("drain", workload.source, workload.seed, events, calibration_us, rows, "; ".join(invalid))


def _tasks(workload: Workload, found: Sequence[Broker]) -> Iterator[Task]:
    for broker in found:
        for delivery in ("exactly-once", "at-least-once") if broker.transactions else ("at-least-once",):
            yield Task(workload, ROOT / "deploy" / "segments", broker, delivery, f"{broker.name}, {delivery}")
    for broker in found:
        for spread in SPREADS if broker.transactions else ():
            load = Synthetic(workload.events, spread, workload.seed)
            name = f"{broker.name}, exactly-once, {load.source}"
            yield Task(load, folder_of("windows"), broker, "exactly-once", name)


def measure(task: Task, folder: Path, *, claims: int = 0) -> tuple[dict[str, Any], Comparison]:
    """One worker empties the topic of a task: the row of figures, and its changes against a recomputation.

    It is empty when so many anonymous ids have moved to users, too.
    """
    run_name = re.sub(r"[^a-z-]+", "-", task.name)
    settings = replace(settings_for(run_name, task.broker), segments=task.segments)
    records = asyncio.run(fill(task.load, settings))
    with MeasuredWorker(settings, folder, given={"delivery": task.delivery}) as worker:
        began_s = worker.until_reading()
        began_cpu_s = worker.cpu_s()
        within_s = 60 + records / RATE_MIN
        ended_s = worker.until_counted(records, within_s=within_s)
        if claims:
            ended_s = worker.until_merged(claims, within_s=within_s)
        seconds = ended_s - began_s
        cpu_s = worker.cpu_s() - began_cpu_s
        result = asyncio.run(verify(settings))
        worker.end()
    row = {
        "run": task.name,
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
