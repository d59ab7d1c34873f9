"""million: a worker that finds a million profiles of about 300 bytes, in a changelog of twice as many records."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.main import load_program
from app.offline.backtest import FileRecord
from app.runtime.application import own_topics
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import NO_HEADERS, Row
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.process.gc_control import without_collector
from app.runtime.records.envelope import POSITION_KEY, Reached, StoredPosition, encode_position, plain_prefix
from app.segments.compiler.program import Program
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from app.settings import Settings
from app.simulation.record import Homes
from tests.benchmarks.events import ROOT, Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.restore import restored_in
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for

USERS: Final = 1_000_000
EVENTS_MAX: Final = 50_000
PROFILE_BYTES_MAX: Final = 400
WRITTEN_TIMES: Final = 2
ROWS_A_WRITE: Final = 50_000


def run(workload: Workload) -> Result:
    """On Kafka, or on the embedded broker where there is none; profiles in memory, then on disk."""
    small = Workload(workload.seed, min(workload.events, EVENTS_MAX))
    program = load_program(ROOT / "deploy" / "segments", TimeRules())
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    with without_collector():
        core, profiles = _profiles(small, program)
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        settings = settings_for("million", found[0])
        written = asyncio.run(_fill(settings, program, core, profiles))
        rows = [_start(settings, store, written, Path(temporary)) for store in ("memory", "disk")]
    return Result("million", workload.source, workload.seed, USERS * WRITTEN_TIMES, calibration_us, rows)


def _profiles(workload: Workload, program: Program) -> tuple[Partition, dict[str, bytes]]:
    """A core that has seen some events, and its encoded profiles, but for the large ones."""
    core = Partition(program, TimeRules())
    records = [FileRecord(-1, -1, record.key, record.value) for record in workload.records()]
    encoded = core.process(records).profiles
    small = {user: each for user, each in encoded.items() if each is not None and len(each) < PROFILE_BYTES_MAX}
    return core, small | {CATALOG_KEY: encoded[CATALOG_KEY] or b""}


def _rows(profiles: dict[str, bytes], reached: Reached, number: int) -> Iterator[Row]:
    """The profiles of one partition, under as many names as make a million users of them in all."""
    homes, prefix = Homes(PARTITIONS), plain_prefix(reached)
    every = [(user, each) for user, each in profiles.items() if user != CATALOG_KEY]
    for count in range(USERS):
        user, encoded = every[count % len(every)]
        key = f"{user}-{count}".encode()
        if homes[key] == number:
            yield key, prefix + encoded, NO_HEADERS


async def _fill(settings: Settings, program: Program, core: Partition, profiles: dict[str, bytes]) -> dict[str, float]:
    """Makes the topics, and writes what workers would have written: each profile twice, then the position."""
    client = await connect(settings)
    try:
        await ensure_topics(settings, client, topic_specs(settings, sorted(own_topics(settings, program))))
    finally:
        await client.close()
    sums: defaultdict[str, float] = defaultdict(float)
    topic = settings.topics.profiles
    for number in range(PARTITIONS):
        writer = LogWriter(settings, partition=number)
        await writer.open()
        reached = Reached(core.next_offset, core.clock_ms, 1)
        catalog = (CATALOG_KEY.encode(), plain_prefix(reached) + profiles[CATALOG_KEY], NO_HEADERS)
        for _ in range(WRITTEN_TIMES):
            waiting: list[Row] = [catalog]
            for row in _rows(profiles, reached, number):
                waiting.append(row)
                sums["records"] += 1
                sums["bytes"] += len(row[0] or b"") + len(row[1] or b"")
                if len(waiting) == ROWS_A_WRITE:
                    await writer.write([(topic, waiting)])
                    waiting = []
            await writer.write([(topic, waiting)])
        position = encode_position(StoredPosition(reached, -1, -1, 0, core.position()))
        await writer.write([(topic, [(POSITION_KEY, position, NO_HEADERS)])])
        await writer.close()
    return sums


def _start(settings: Settings, store: str, written: dict[str, float], folder: Path) -> dict[str, Any]:
    given = {"profile_store": store, "profile_directory": str(folder / "profiles")}
    with MeasuredWorker(settings, folder, given=given) as worker:
        seconds = worker.until_ready()
        cpu_s = worker.cpu_s()
        profiles, slowest_ms = restored_in(worker.log())
        resident_mib = worker.resident_mib()
        worker.end()
    if profiles != USERS:
        raise RuntimeError(f"{profiles} profiles were restored")
    return {
        "run": f"profiles {'in memory' if store == 'memory' else 'on disk'}",
        "profiles": profiles,
        "records": int(written["records"]),
        "bytes_a_record": written["bytes"] / written["records"],
        "start_to_ready_s": seconds,
        "slowest_partition_ms": slowest_ms,
        "cpu_s": cpu_s,
        "resident_mib": resident_mib,
    }
