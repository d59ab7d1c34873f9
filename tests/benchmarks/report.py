"""Result of a benchmark, as a table for people and as JSON for comparisons."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import msgspec
from rich.console import Console
from rich.table import Table

from tests.benchmarks.events import interpreter_us
from tests.benchmarks.figures import Figure, Figures, show, title
from tests.support.kafka_jars import POM

PACKAGES = ("shoal", "aiokafka", "faust-streaming", "msgspec", "cramjam", "orjson", "uvloop")


@dataclass(slots=True)
class Result:
    """`rows` have the same keys; the first is the name of the row. `invalid` says why its figures do not count."""

    benchmark: str
    source: str
    seed: int
    events: int
    calibration_us: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    invalid: str = ""

    @classmethod
    def on_kafka(
        cls,
        benchmark: str,
        source: str,
        seed: int,
        events: int,
        calibration_us: float,
        rows: list[dict[str, Any]],
        invalid: Sequence[str] = (),
    ) -> Self:
        """Of a benchmark that is run on Kafka only: without rows there was none, and it is invalid."""
        if not rows:
            rows, invalid = [{"run": "none"}], ["there is no Kafka here: it wants Java and Maven"]
        return cls(benchmark, source, seed, events, calibration_us, rows, "; ".join(invalid))


def machine() -> dict[str, Figure | None]:
    """The shape of this machine, and how busy it was when asked."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Python's, and those of the packages that matter."""
    own = {"python": platform.python_version(), "kafka": kafka_version()}
    return own | {name: version(name) for name in PACKAGES} | _commit()


def kafka_version() -> str:
    """Of the Kafka that benchmarks and tests run."""
    found = re.search(r"<artifactId>kafka_.*?<version>(.+?)<", POM.read_text(), re.DOTALL)
    assert found is not None, POM
    return found[1]


def write(result: Result, folder: Path) -> Path:
    """One file a benchmark; the last run takes the place of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    figures = Figures(
        **asdict(result), interpreter_us=interpreter_us(), when=when, machine=machine(), versions=versions()
    )
    path = folder / f"{result.benchmark}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    return path


def show_result(result: Result, console: Console) -> None:
    """The table."""
    head = f"{result.benchmark}: {result.events:,} events, {result.source}; calibration {result.calibration_us:.2f} us"
    console.print(f"[bold]{head}[/]", highlight=False, soft_wrap=True)
    table = Table(pad_edge=False, box=None)
    for number, column in enumerate(result.rows[0]):
        table.add_column(title(column), justify="right" if number else "left")
    for row in result.rows:
        table.add_row(*(show(value) for value in row.values()))
    console.print(table)
    if result.invalid:
        console.print(f"[bold red]invalid[/]: {result.invalid}")
    console.print()


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _commit() -> dict[str, str]:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {"commit": said.stdout.strip()} if said.returncode == 0 else {}
