"""restore: a worker that finds 100,000 profiles in the changelog, from the start of its process to being ready."""

import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.main import load_program
from app.offline.backtest import BATCH_RECORDS, FileRecord
from app.runtime.application import own_topics
from app.runtime.delivery.commit import OutputTopics
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.process.gc_control import without_collector
from app.runtime.records.envelope import Reached, StoredPosition
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.settings import Settings
from app.simulation.record import Homes
from tests.benchmarks.events import ROOT, Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

USERS_MIN: Final = 100_000
EVENTS_MAX: Final = 50_000
_RESTORED: Final = re.compile(r"restored ([\d,]+) profiles.* ([\d,]+) ms$", re.MULTILINE)


def run(workload: Workload) -> Result:
    """Each broker in turn, with an empty changelog and with a full one."""
    small = Workload(workload.seed, min(workload.events, EVENTS_MAX))
    program = load_program(ROOT / "deploy" / "segments", TimeRules())
    with without_collector():
        full, events = _profiles(small, program)
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    rows = []
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in found:
            _start(f"{broker.name}-first", broker, None, program, Path(temporary))  # now it creates its own topics
            rows.append(_start(f"{broker.name}-empty", broker, None, program, Path(temporary)))
            rows.append(_start(f"{broker.name}-full", broker, full, program, Path(temporary)))
    return Result("restore", workload.source, workload.seed, events, calibration_us, rows)


def _profiles(workload: Workload, program: Program) -> tuple[list[tuple[Partition, Batch]], int]:
    """For each partition its core and the latest value of each profile. All records stand at -1: the input is empty."""
    homes = Homes(PARTITIONS)
    cores = [(Partition(program, TimeRules()), Batch()) for _ in range(PARTITIONS)]
    waiting: list[list[FileRecord]] = [[] for _ in cores]
    events = 0

    def process(number: int) -> None:
        core, latest = cores[number]
        done = core.process(waiting[number])
        latest.profiles.update(done.profiles)
        latest.clock_ms = done.clock_ms
        waiting[number] = []

    for record in workload.copied(USERS_MIN):
        events += 1
        assert record.key is not None
        number = homes[record.key]
        waiting[number].append(record)
        if len(waiting[number]) == BATCH_RECORDS:
            process(number)
    for number in range(PARTITIONS):
        process(number)
    return cores, events


def _start(
    name: str, broker: Broker, full: list[tuple[Partition, Batch]] | None, program: Program, folder: Path
) -> dict[str, Any]:
    settings = settings_for(name, broker)
    written = asyncio.run(_fill(settings, program, full or []))
    with MeasuredWorker(settings, folder) as worker:
        seconds = worker.until_ready()
        cpu_s = worker.cpu_s()
        profiles, slowest_ms = restored_in(worker.log())
        worker.end()
    if profiles != sum(core.users for core, _ in full or []):
        raise RuntimeError(f"{profiles} profiles were restored")
    return {
        "run": name.replace("-", ", "),
        "profiles": profiles,
        "changelog_mib": written / 2**20,
        "start_to_ready_s": seconds,
        "cpu_s": cpu_s,
        "slowest_partition_ms": slowest_ms,
    }


def restored_in(log: str) -> tuple[int, int]:
    """By a worker's log: how many profiles it has read back, and how long its slowest partition took (ms)."""
    told = _RESTORED.findall(log)[-PARTITIONS:]
    return sum(int(count.replace(",", "")) for count, _ in told), max(int(ms.replace(",", "")) for _, ms in told)


async def _fill(settings: Settings, program: Program, full: list[tuple[Partition, Batch]]) -> int:
    """Makes the topics, and writes what a worker would have written; bytes of keys and values."""
    client = await connect(settings)
    try:
        await ensure_topics(settings, client, topic_specs(settings, sorted(own_topics(settings, program))))
    finally:
        await client.close()
    written = 0
    for number, (core, latest) in enumerate(full):
        layout = OutputTopics(
            topics=settings.topics,
            partition=number,
            partitions=settings.partitions,
            own_topics=frozenset(),
            source="/bench",
        )
        reached = Reached(core.next_offset, latest.clock_ms, 1)
        commit = layout.commit(latest, StoredPosition(reached, -1, -1, 0, core.position()))
        rows = [*commit.profiles, *commit.position]
        writer = LogWriter(settings, partition=number)
        await writer.open()
        await writer.write([(settings.topics.profiles, rows)])
        await writer.close()
        written += sum(len(key or b"") + len(value or b"") for key, value, _ in rows)
    return written
