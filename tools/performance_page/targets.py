"""Targets beside the measured figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.figures import Figure, Figures, show


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for one figure: the least that it may be, or the most. `row` is what the name of its row begins with."""

    what: str
    benchmark: str
    row: str
    column: str
    bound: float
    least: bool = False

    def reached_by(self, figure: float) -> bool:
        """True if the figure is on the right side of the bound."""
        return figure >= self.bound if self.least else figure <= self.bound


EXACTLY_ONCE: Final = "kafka, exactly-once"
HALF: Final = f"{EXACTLY_ONCE}, 50 % of drain"
SYNTHETIC: Final = f"{EXACTLY_ONCE}, synthetic, uniform"
FLINK: Final = "Apache Flink (Java), checkpoints, exactly-once"
MEMORY: Final = "profiles in memory"
TARGETS: Final = (
    Target("core: events a CPU second", "core", "best", "events_a_cpu_s", 120_000, least=True),
    Target("drain of real events: events a second", "drain", EXACTLY_ONCE, "events_a_s", 100_000, least=True),
    Target("drain of synthetic events: events a second", "drain", SYNTHETIC, "events_a_s", 100_000, least=True),
    Target("against plain Faust: times as fast", "peers", "Faust, at-least-once", "shoal_is_faster", 15, least=True),
    Target("against Quix Streams: times as fast", "peers", "Quix Streams, at", "shoal_is_faster", 10, least=True),
    Target("against Bytewax: times as fast", "peers", "Bytewax", "shoal_is_faster", 10, least=True),
    Target("against Flink with checkpoints: its CPU in ours", "peers", FLINK, "shoal_takes_less_cpu", 0.9, least=True),
    Target("two workers: CPU of one event against one worker's", "two_workers", "two workers", "ratio_to_one", 1.15),
    Target("latency at half load: p50, ms", "latency", HALF, "p50_ms", 60),
    Target("latency at half load: p99, ms", "latency", HALF, "p99_ms", 150),
    Target("timers while events come: p99, ms", "timers", f"{EXACTLY_ONCE}, while events come", "p99_ms", 200),
    Target("timers when nothing comes: p99, ms", "timers", f"{EXACTLY_ONCE}, nothing comes", "p99_ms", 200),
    Target("a million profiles read back: s", "million", MEMORY, "start_to_ready_s", 10),
    Target("1,000 definitions against 10: cost of an event", "many", "1,000", "ratio_to_10", 1.2),
    Target("1,000 definitions that one event touches against 10", "many", "1,000, all touched", "ratio_to_10", 120),
    Target("memory: bytes a user", "memory", "real users", "bytes_a_user", 600),
)


def targets_table(found: Mapping[str, Figures]) -> str:
    """Those that were measured."""
    lines = ["| what | wanted | measured | reached |", "|---|---|---|---|"]
    for target in TARGETS:
        figure = _measured(target, found)
        if isinstance(figure, int | float):
            wanted = f"{'at least' if target.least else 'at most'} {target.bound:,.10g}"
            reached = "yes" if target.reached_by(figure) else "no"
            lines.append(f"| {target.what} | {wanted} | {show(figure)} | {reached} |")
    return "\n".join(lines)


def _measured(target: Target, found: Mapping[str, Figures]) -> Figure | None:
    figures = found.get(target.benchmark)
    if figures is None:
        return None
    rows = figures.by_name()
    row = next((each for name, each in rows.items() if name.startswith(target.row)), {})
    return rows.get(target.row, row).get(target.column)
