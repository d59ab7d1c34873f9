"""Faults of each run and their outcome: a table at the end of `make faults`."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.verification.comparison import Comparison


@dataclass(slots=True)
class Run:
    """One deployment's faults by kind, and the verdict."""

    test: str
    faults: Mapping[str, int]
    seconds: float
    changes: int
    missing: int
    repeated: int
    out_of_order: int
    other: int


@dataclass(slots=True)
class Tally:
    """Counts the faults of one deployment while they happen."""

    faults: Counter[str] = field(default_factory=Counter)
    began_s: float = field(default_factory=time.monotonic)

    def count(self, kind: str) -> None:
        """One more."""
        self.faults[kind] += 1

    def close(self, result: Comparison) -> None:
        """The verdict is there."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition("::")[2].partition(" ")[0]
        counts = result.counts
        named = ("missing", "gap", "extra", "out of order")
        RUNS.append(
            Run(
                test=test,
                faults=dict(self.faults),
                seconds=time.monotonic() - self.began_s,
                changes=result.expected,
                missing=counts["missing"] + counts["gap"],
                repeated=result.repeated + counts["extra"],
                out_of_order=counts["out of order"],
                other=sum(count for kind, count in counts.items() if kind not in named),
            )
        )
        if report := os.environ.get("FAULTS_REPORT"):  # after each one: a long run may be ended before its end
            Path(report).parent.mkdir(parents=True, exist_ok=True)
            Path(report).write_text("\n".join(table(RUNS)) + "\n")


#: Those of this process.
RUNS: list[Run] = []
#: The property of a test's report that holds a run as plain values.
REPORTED = "run under faults"
#: The runs of the long form: their number, by kind (the beginning of their names).
WANTED = {
    "SIGKILLs": (300, ("SIGKILL", "kill with timers")),
    "rebalances": (50, ("rebalance",)),
    "failures of brokers": (20, ("broker killed", "broker frozen", "one broker of three")),
}


def reported_runs(properties: Iterable[tuple[str, object]]) -> list[Run]:
    """Those that tests have told in the properties of their reports, whichever process they ran in."""
    return [Run(**value) for name, value in properties if name == REPORTED and isinstance(value, dict)]


def table(runs: list[Run]) -> Iterator[str]:
    """A table in Markdown: each run, then faults of all by kind."""
    yield "| test | faults | changes verified | missing | repeated | out of order | different | seconds |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for run in runs:
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(run.faults.items())) or "-"
        cells = (run.missing, run.repeated, run.out_of_order, run.other)
        yield f"| {run.test} | {faults} | {run.changes:,} | {' | '.join(map(str, cells))} | {run.seconds:.0f} |"
    total: Counter[str] = Counter()
    for run in runs:
        total.update(run.faults)
    sums = [sum(getattr(run, name) for run in runs) for name in ("missing", "repeated", "out_of_order", "other")]
    changes, seconds = sum(run.changes for run in runs), sum(run.seconds for run in runs)
    yield f"| all | {sum(total.values())} faults | {changes:,} | {' | '.join(map(str, sums))} | {seconds:.0f} |"
    yield ""
    yield "| fault | times |"
    yield "|---|---:|"
    yield from (f"| {kind} | {count} |" for kind, count in sorted(total.items()))
    yield ""
    yield "| in all | times | the long form has at least |"
    yield "|---|---:|---:|"
    for what, (least, kinds) in WANTED.items():
        yield f"| {what} | {sum(count for kind, count in total.items() if kind.startswith(kinds))} | {least} |"
