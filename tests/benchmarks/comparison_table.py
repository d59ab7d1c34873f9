"""Two runs of a benchmark, side by side, for people."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import say
from tests.benchmarks.figures import Figures, show, title
from tests.benchmarks.figures_difference import BUSY, Difference

_STYLES = {"better": "green", "worse": "red", "": ""}


def show_difference(console: Console, difference: Difference, files: tuple[Path, Path]) -> None:
    """Shows the files of the figures, the differences between the runs, and the table."""
    say(console, difference.a.benchmark, style="bold")
    for name, file, figures in zip("AB", files, (difference.a, difference.b), strict=True):
        say(console, f"{name}: {file}, {_run(figures)}")
    for reason in difference.reasons_against:
        say(console, f"warning: not comparable: {reason}", style="yellow")
    if difference.machines:
        said = ", ".join(difference.machines)
        say(console, f"warning: another machine: {said}; only the calibrated ratios say something", style="yellow")
    if difference.versions:
        say(console, f"versions: {', '.join(difference.versions)}")
    console.print(_table(difference))
    show_only(console, difference.only)
    say(console)


def show_only(console: Console, only: tuple[Sequence[str], Sequence[str]]) -> None:
    """Shows the rows that only one run has."""
    for name, missing in zip("AB", only, strict=True):
        if missing:
            say(console, f"only in {name}: {', '.join(missing)}")


def _run(figures: Figures) -> str:
    load, cores = figures.machine.get(BUSY), figures.machine.get("cores")
    busy = "" if load is None or cores is None else f", load {show(load)} on {show(cores)} cores"
    interpreter = f", interpreter {figures.interpreter_us:.2f} us" if figures.interpreter_us else ""
    return f"{figures.when}{busy}, calibration {figures.calibration_us:.2f} us{interpreter}"


def _table(difference: Difference) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("figure", no_wrap=True)
    for head in ("A", "B", "B / A", "calibrated", "interpreted"):
        table.add_column(head, justify="right")
    table.add_column("B is")
    for pair in difference.pairs():
        verdict = Text(pair.verdict, style=_STYLES[pair.verdict])
        ratios = (_ratio(pair.ratio), _ratio(pair.calibrated), _ratio(pair.interpreted))
        table.add_row(pair.row, title(pair.column), show(pair.a), show(pair.b), *ratios, verdict)
    return table


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
