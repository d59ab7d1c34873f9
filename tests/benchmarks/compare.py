"""`python -m tests.benchmarks.compare A B`: compares the figures of two runs of the benchmarks.

For each figure that both have: A, B, B / A, and B / A after both are divided by their calibrations, which removes the
speed of the machines. Waiting and sizes are not divided. `better` and `worse` stand where that differs by more than a
tenth. Runs on other events, and invalid runs, are not compared; then the exit code is 2.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.cli.main import EXIT_OK, EXIT_USER_ERROR
from app.console.output import make_console, say
from app.errors import UserError
from tests.benchmarks.comparison_table import show_difference, show_only
from tests.benchmarks.figures import Figures, read_figures
from tests.benchmarks.figures_difference import Difference, one_sided


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compare", description="Compares the figures of two runs of the benchmarks."
    )
    parser.add_argument("a", type=Path, help="the run before: a JSON file, or a folder of them")
    parser.add_argument("b", type=Path, help="the run after")
    parser.add_argument("--force", action="store_true", help="compare other events and invalid runs, too")
    given = parser.parse_args(arguments)
    try:
        return compare(given.a, given.b, force=given.force)
    except UserError as error:
        say(make_console(stderr=True), f"error: {error}", style="bold red")
        return EXIT_USER_ERROR


def compare(a: Path, b: Path, *, force: bool) -> int:
    """Prints what differs between two runs; returns the exit code. UserError if they have no figure in common."""
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


if __name__ == "__main__":
    sys.exit(main())
