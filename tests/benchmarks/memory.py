"""memory: what a user costs, in a process of its own: growth of its resident memory / users, after all their events."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from app.main import load_program
from app.runtime.process.gc_control import without_collector
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.settings import Settings
from tests.benchmarks.events import ROOT, Workload, calibrate
from tests.benchmarks.report import Result

BATCH_RECORDS: Final = Settings().batch_records_max
USERS_MIN: Final = 1_000_000
TIMEOUT_S: Final = 1_200


def run(workload: Workload) -> Result:
    """Needs Linux, where a process can see its resident memory."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.memory", str(workload.seed), str(workload.events)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    ).stdout
    row: dict[str, Any] = json.loads(said)
    events = int(row.pop("events"))
    sample = list(Workload(workload.seed, 5_000).lines())
    return Result("memory", workload.source, workload.seed, events, calibrate(sample), [row])


def measure(workload: Workload) -> dict[str, Any]:
    """In this process, which must not have done anything else."""
    program = load_program(ROOT / "deploy" / "segments", TimeRules())
    partition = Partition(program, TimeRules())
    records = workload.copied(USERS_MIN)
    events = 0
    with without_collector():
        before = resident_bytes()
        while batch := [record for _, record in zip(range(BATCH_RECORDS), records, strict=False)]:
            partition.process(batch)
            events += len(batch)
        del batch
        grown = resident_bytes() - before
    return {
        "run": "real users",
        "users": partition.users,
        "events": events,
        "resident_mib": grown / 2**20,
        "bytes_a_user": grown / partition.users,
        "of_them_encoded_profile": partition.state_bytes / partition.users,
    }


def resident_bytes() -> int:
    """This process's resident memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("VmRSS is not there")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Workload(int(sys.argv[1]), int(sys.argv[2])))))
