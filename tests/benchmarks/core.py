"""core: the pure half alone. JSON bytes in, encoded profiles and encoded changes out, in batches of 10,000."""

import time
from collections.abc import Sequence
from typing import Any

from app.main import load_program
from app.offline.backtest import BATCH_RECORDS, FileRecord
from app.runtime.process.gc_control import without_collector
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.benchmarks.events import ROOT, ROUNDS, Workload, calibrate
from tests.benchmarks.report import Result

RULES = TimeRules()


class StagedPartition(Partition):
    """Says how long the end of each batch takes: due timers, and encoding each user that was touched."""

    end_s = 0.0

    def _end(self, batch: Batch) -> Batch:
        began_s = time.process_time()
        ended = super()._end(batch)
        self.end_s += time.process_time() - began_s
        return ended


def run(workload: Workload) -> Result:
    """Three rounds; the best counts."""
    program = load_program(ROOT / "deploy" / "segments", RULES)
    records = workload.records()
    lines = [record.value for record in records if record.value is not None]
    rounds: list[dict[str, Any]] = []
    with without_collector():
        calibration_us = calibrate(lines)
        decode_us = _decode_us(program, lines)
        for number in range(1, ROUNDS + 1):
            rounds.append(_round(f"round {number}", program, records, decode_us))
            calibration_us = min(calibration_us, calibrate(lines))
    best = min(rounds, key=lambda row: float(row["us_an_event"]))
    rows = [*rounds, best | {"run": "best", "in_calibrations": best["us_an_event"] / calibration_us}]
    rows = [row if "in_calibrations" in row else row | {"in_calibrations": ""} for row in rows]
    return Result("core", workload.source, workload.seed, len(records), calibration_us, rows)


def _round(name: str, program: Program, records: Sequence[FileRecord], decode_us: float) -> dict[str, Any]:
    partition = StagedPartition(program, RULES)
    changes, changes_s, process_s = 0, 0.0, 0.0
    wall_s = time.perf_counter()
    for begin in range(0, len(records), BATCH_RECORDS):
        began_s = time.process_time()
        batch = partition.process(records[begin : begin + BATCH_RECORDS])
        processed_s = time.process_time()
        for change in batch.changes:
            change.encode()
        changes_s += time.process_time() - processed_s
        process_s += processed_s - began_s
        changes += len(batch.changes)
    wall_s = time.perf_counter() - wall_s
    us = 1e6 / len(records)
    total_us = (process_s + changes_s) * us
    end_us = partition.end_s * us
    return {
        "run": name,
        "events_a_cpu_s": 1e6 / total_us,
        "events_a_s": len(records) / wall_s,
        "us_an_event": total_us,
        "decode_us": decode_us,
        "evaluation_us": process_s * us - end_us - decode_us,
        "timers_and_profiles_us": end_us,
        "changes_us": changes_s * us,
        "changes": changes,
    }


def _decode_us(program: Program, lines: Sequence[bytes]) -> float:
    """Typed decoding in a pass of its own: a clock around each message would cost more than the message."""
    decode = program.decoder.decode
    best_s = float("inf")
    for _ in range(ROUNDS):
        began_s = time.process_time()
        for line in lines:
            decode(line)
        best_s = min(best_s, time.process_time() - began_s)
    return best_s * 1e6 / len(lines)
