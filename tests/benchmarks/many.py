"""many: 10, 100, 500, 1,000 definitions, of which an event touches 10, then 10, 100, 1,000 that it touches all.

Its cost must follow the touched ones, and grow no faster than their number.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from app.offline.backtest import BATCH_RECORDS, FileRecord
from app.runtime.process.gc_control import without_collector
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.benchmarks.events import ROUNDS, Workload, calibrate
from tests.benchmarks.report import Result

TOUCHED: Final = 10
SIZES: Final = (10, 100, 500, 1_000)
EVENT: Final = "Product Viewed"
RECORDS_MAX: Final = 50_000
TOUCHED_SIZES: Final = (10, 100, 1_000)
TOUCHED_RECORDS_MAX: Final = 2_000
RULES = TimeRules()


def catalog_of(size: int) -> Program:
    """Ten definitions that count the event, each over another window; the others count other events."""
    files = {}
    for number in range(size):
        event = EVENT if number < TOUCHED else f"Other Event {number}"
        condition = f"count('{event}' within {number % TOUCHED + 1}h) >= {2 + number % 5}"
        files[f"d-{number}.yaml"] = f"segment: d-{number}\nwhen: {condition}\n"
    return compile_catalog(load_catalog(files), RULES)


def touched_catalog_of(size: int) -> Program:
    """Definitions that all look for the event, each in another window: an event that comes after it enters them all."""
    files = {
        f"d-{number}.yaml": f"segment: d-{number}\nwhen: exists('{EVENT}' within {3_600 + number}s)\n"
        for number in range(size)
    }
    return compile_catalog(load_catalog(files), RULES)


def run(workload: Workload) -> Result:
    """Rounds in turn, so that a busy moment of the machine meets all sizes; the best of each counts."""
    wanted = f'"{EVENT}"'.encode()
    records = [record for record in workload.records() if record.value and wanted in record.value][:RECORDS_MAX]
    lines = [record.value for record in records if record.value is not None]
    with without_collector():
        rows = [
            {"definitions": size, "touched": TOUCHED} | row for size, row in _rows(SIZES, catalog_of, records).items()
        ]
        touched = _rows(TOUCHED_SIZES, touched_catalog_of, records[:TOUCHED_RECORDS_MAX])
        rows += [{"definitions": f"{size:,}, all touched", "touched": size} | row for size, row in touched.items()]
        calibration_us = calibrate(lines)
    return Result("many", workload.source, workload.seed, len(records), calibration_us, rows)


def _rows(
    sizes: Sequence[int], catalog: Callable[[int], Program], records: Sequence[FileRecord]
) -> dict[int, dict[str, Any]]:
    programs: dict[int, Program] = {}
    compiled_s: dict[int, float] = {}
    for size in sizes:
        began_s = time.process_time()
        programs[size] = catalog(size)
        compiled_s[size] = time.process_time() - began_s
    best = dict.fromkeys(sizes, float("inf"))
    for _ in range(ROUNDS):
        for size in sizes:
            best[size] = min(best[size], _us_an_event(programs[size], records))
    return {
        size: {
            "us_an_event": best[size],
            "ratio_to_10": best[size] / best[sizes[0]],
            "compiled_in_cpu_s": compiled_s[size],
        }
        for size in sizes
    }


def _us_an_event(program: Program, records: Sequence[FileRecord]) -> float:
    partition = Partition(program, RULES)
    began_s = time.process_time()
    for begin in range(0, len(records), BATCH_RECORDS):
        for change in partition.process(records[begin : begin + BATCH_RECORDS]).changes:
            change.encode()
    return (time.process_time() - began_s) * 1e6 / len(records)
