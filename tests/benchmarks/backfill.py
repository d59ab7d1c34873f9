"""backfill: a new deployment is filled from files: by a month of a shop, and by that of many such shops at once.

A worker runs on an empty topic; the command plays the files and fills all users, as docs/backfill.md says for a new
deployment. The files stand in a folder that is removed at the end.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.settings import Settings
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.report import Result
from tests.benchmarks.worker import COMMAND, MeasuredWorker, brokers, settings_for

SHOPS: Final = 22
"""Of the real month, these give ten million events."""
ONE: Final = "cart-abandoned"
TIMEOUT: Final = "10m"
_FILLED: Final = re.compile(r"([\d,]+) users? written; ([\d,]+) records?, ([\d,]+) users?")


@dataclass(frozen=True, slots=True)
class Filled:
    """One run of the command. `peak_mib`: the most memory that it held at once."""

    seconds: float
    cpu_s: float
    peak_mib: float
    said: str


def run(workload: Workload) -> Result:
    """On Kafka: the embedded broker has no transactions, which a backfill needs."""
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        folder = Path(temporary)
        for broker in found:
            if broker.transactions:
                month = _written(workload, 1, folder / "month.jsonl")
                settings = settings_for("one-segment", broker)
                rows.append(_row("a month, one segment", settings, [ONE], month, folder))
                settings = settings_for("month", broker)
                rows.append(_row("a month, all segments", settings, ["--all"], month, folder))
                shops = _written(workload, SHOPS, folder / "shops.jsonl")
                settings = settings_for("shops", broker)
                rows.append(_row(f"a month of {SHOPS} shops, one segment", settings, [ONE], shops, folder))
    return Result.on_kafka("backfill", workload.source, workload.seed, workload.events * SHOPS, calibration_us, rows)


def _written(workload: Workload, shops: int, path: Path) -> Path:
    """The messages of so many shops, in order of time, as a file."""
    with path.open("wb") as file:
        for line in workload.of_shops(shops):
            file.write(line + b"\n")
    return path


def _row(name: str, settings: Settings, segments: Sequence[str], events: Path, folder: Path) -> dict[str, Any]:
    with MeasuredWorker(settings, folder) as worker:
        worker.until_ready()
        before_s = worker.cpu_s()
        filled = _fill(settings, segments, events, folder / f"{settings.app_id}-backfill.log")
        worker_s, resident_mib = worker.cpu_s() - before_s, worker.resident_mib()
        worker.end()
    found = _FILLED.search(filled.said)
    if found is None:
        raise RuntimeError(f"the backfill has not filled anybody: {filled.said}")
    written, _, users = (int(each.replace(",", "")) for each in found.groups())
    with events.open("rb") as file:
        count = sum(1 for _ in file)
    return {
        "run": name,
        "events": count,
        "users": users,
        "filled": written,
        "seconds": filled.seconds,
        "events_a_s": count / filled.seconds,
        "cpu_s": filled.cpu_s,
        "us": filled.cpu_s * 1e6 / count,
        "peak_mib": filled.peak_mib,
        "worker_cpu_s": worker_s,
        "worker_mib": resident_mib,
    }


def _fill(settings: Settings, segments: Sequence[str], events: Path, log: Path) -> Filled:
    """Runs `shoal backfill`; RuntimeError with its output if it fails."""
    words = ["backfill", *segments, "--from", "files", str(events), "--segments", str(settings.segments)]
    words += ["--broker", settings.kafka_bootstrap_servers, "--timeout", TIMEOUT]
    words += ["--set", f"topic_prefix={settings.topic_prefix}", f"app_id={settings.app_id}"]
    began_s = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", COMMAND, *words], stdout=output, stderr=subprocess.STDOUT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
    seconds, said = time.perf_counter() - began_s, log.read_text()
    if process.returncode:
        raise RuntimeError(f"the backfill ended with {process.returncode}: {said}")
    return Filled(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, " ".join(said.split()))
