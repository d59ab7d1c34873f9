"""`shoal test`: the time-travel tests inside definitions."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console

from app.catalogs.definitions_folder import definition_files, load_segments
from app.console.names import suggestion
from app.console.output import make_console, say
from app.console.testing import show_outcome, show_trial
from app.errors import UserError
from app.offline.trials import run_trials, untested
from app.segments.definitions.definition import Catalog
from app.settings import load_settings

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1
EXIT_USER_ERROR: Final = 2
_LOOK_S: Final = 0.5


def test(
    directory: Path,
    /,
    *,
    only: Annotated[list[str] | None, Parameter(negative=())] = None,  # noqa: PT028  # a command, no test
    watch: Annotated[bool, Parameter(negative=())] = False,  # noqa: PT028  # a command, no test
) -> int:
    """Run the tests inside the definitions of a folder; exit code 1 if any fails.

    For each failure, shows the line of the expectation, its instant, what was expected and what came, the value of
    each part of the condition, and all changes of the test. Time is simulated: a test that covers a year takes no
    time.

    Example: `shoal test segments --only cart-abandoned`

    Parameters
    ----------
    directory
        The folder with the definitions.
    only
        Run only the tests of the segment with this name. May be given several times.
    watch
        Run again whenever a file changes, until Ctrl-C.
    """
    console = make_console()
    names = frozenset(only) if only else None
    if not watch or not directory.is_dir():
        return run(console, directory, names)
    watch_folder(console, directory, lambda: _run_or_tell(console, directory, names), lambda: time.sleep(_LOOK_S))
    return EXIT_PASSED


def run(console: Console, directory: Path, only: frozenset[str] | None) -> int:
    """Runs the tests once and tells; the exit code."""
    rules = load_settings().time_rules
    catalog = load_segments(directory, rules)
    _check_names(catalog, only, directory)
    trials = []
    for trial in run_trials(catalog, only, rules):
        trials.append(trial)
        if trial.failures:
            show_trial(console, trial, catalog)
    without = untested(catalog, only)
    if not trials:
        what = ", ".join(sorted(only)) if only else f"{directory}"
        raise UserError(f"no tests in {what}", hint="see docs/language.md, key tests, for a first one")
    show_outcome(console, trials, without)
    return EXIT_FAILED if any(trial.failures for trial in trials) else EXIT_PASSED


def _check_names(catalog: Catalog, only: frozenset[str] | None, directory: Path) -> None:
    known = [segment.name for segment in catalog.segments]
    for name in sorted(only or ()):
        if name not in known:
            raise UserError(f"--only {name}: no such segment in {directory}", hint=suggestion(name, known))


def _run_or_tell(console: Console, directory: Path, only: frozenset[str] | None) -> None:
    """As `run`; what the user can mend is told, and waited for."""
    try:
        run(console, directory, only)
    except UserError as error:
        say(console, f"error: {error}", "red")


def watch_folder(console: Console, directory: Path, work: Callable[[], None], wait: Callable[[], None]) -> None:
    """Does the work at once, and again after each change of a definition file; `wait` between looks. Ends by Ctrl-C."""
    seen: object = None
    while True:
        state = _state_of(directory)
        if state != seen:
            seen = state
            if console.is_terminal:
                console.clear()
            work()
            say(console, f"watching {directory}; Ctrl-C ends", "dim")
        wait()


def _state_of(directory: Path) -> dict[str, tuple[int, int]]:
    """Returns a value that changes when any file changes. A file that disappears meanwhile is skipped."""
    state = {}
    for path in sorted(definition_files(directory)):
        try:
            status = path.stat()
        except OSError:
            continue
        state[str(path)] = (status.st_mtime_ns, status.st_size)
    return state
