"""`shoal bench`: what two runs of the benchmarks say about each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from app.cli.main import EXIT_OK, EXIT_USER_ERROR
from app.console.comparing import show_difference, show_only
from app.console.output import make_console, say
from app.errors import UserError
from tests.benchmarks.figures import Figures, read_figures
from tests.benchmarks.figures_difference import Difference, one_sided


def bench(action: Literal["compare"], a: Path, b: Path, /, *, force: bool = False) -> int:
    """Compare the figures of two runs of the benchmarks, A and B, as `make bench` writes them.

    For each figure that both have: A, B, B / A, and B / A after both are divided by their calibrations, which takes
    out how fast the machines were. Waiting and sizes are not divided. `better` and `worse` stand where that differs
    by more than a tenth.

    Runs on other events, and runs that were invalid, are not compared; then the exit code is 2.

    Example: `shoal bench compare before after`

    Parameters
    ----------
    action
        compare.
    a
        The run before: a JSON file, or a folder of them.
    b
        The run after.
    force
        Compare other events and invalid runs, too.
    """
    assert action == "compare"
    console, errors = make_console(), make_console(stderr=True)
    runs_a, runs_b = read_figures(a), read_figures(b)
    both = [name for name in runs_a if name in runs_b]
    differences = {name: Difference(runs_a[name][1], runs_b[name][1]) for name in both}
    if not any(pair for each in differences.values() for pair in each.pairs()):
        raise UserError(f"nothing in common: {a} has {_rows(runs_a)}; {b} has {_rows(runs_b)}")
    against = {name: [] if force else each.reasons_against for name, each in differences.items()}
    refused = {name: "; ".join(reasons) for name, reasons in against.items() if reasons}
    for name, each in differences.items():
        if name not in refused:
            show_difference(console, each, (runs_a[name][0], runs_b[name][0]))
    show_only(console, one_sided(runs_a, runs_b))
    for name, why in refused.items():
        say(errors, f"{name}: not compared: {why}", style="bold red")
    if refused:
        say(errors, "figures of other events, or of a run that does not count, say nothing; --force shows them")
    return EXIT_USER_ERROR if refused else EXIT_OK


def _rows(runs: Mapping[str, tuple[Path, Figures]]) -> str:
    return ", ".join(f"{name} ({', '.join(each.by_name())})" for name, (_, each) in runs.items())
