"""`python -m tests.benchmarks`: runs benchmarks one after the other; exit code 1 if a run is invalid."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from app.console.running import quiet_clients
from tests.benchmarks import (
    backfill,
    beside,
    core,
    drain,
    latency,
    logins,
    many,
    memory,
    million,
    one_user,
    report,
    restore,
    stages,
    steps,
    timers,
    two_workers,
)
from tests.benchmarks.events import REAL_EVENTS, ROOT, Workload
from tests.benchmarks.peers import comparison
from tests.benchmarks.report import Result

BENCHMARKS: Final[dict[str, Callable[[Workload], Result]]] = {
    "core": core.run,
    "steps": steps.run,
    "many": many.run,
    "one_user": one_user.run,
    "memory": memory.run,
    "drain": drain.run,
    "stages": stages.run,
    "two_workers": two_workers.run,
    "restore": restore.run,
    "latency": latency.run,
    "beside": beside.run,
    "timers": timers.run,
    "logins": logins.run,
    "million": million.run,
    "backfill": backfill.run,
    "peers": comparison.run,
}
EVENTS_MIN: Final = 1_000


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="some of them, separated by commas")
    parser.add_argument("--events", type=int, default=REAL_EVENTS, help="how many (all of the real file)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated shop")
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "bench", help="folder of the JSON files")
    parser.add_argument("--rate", type=float, help="latency: shares of what, events a second (drain.json in --output)")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        parser.error(f"--only {','.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    if given.events < EVENTS_MIN:
        parser.error(f"--events {given.events}: at least {EVENTS_MIN:,}")
    quiet_clients()
    console = Console(width=None if sys.stdout.isatty() else 160)
    workload = Workload(given.seed, given.events)
    valid = True

    def run_latency(workload: Workload) -> Result:
        return latency.run(workload, drain_a_s=given.rate or latency.drain_rate(given.output))

    benchmarks = BENCHMARKS | {"latency": run_latency}
    for name in wanted:
        result = benchmarks[name](workload)
        report.show_result(result, console)
        path = report.write(result, given.output)
        console.print(f"written to {path}\n", highlight=False, soft_wrap=True)
        valid = valid and not result.invalid
    return 0 if valid else 1


if __name__ == "__main__":
    sys.exit(main())
