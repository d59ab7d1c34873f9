"""Terminal output of the tests inside definitions."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.console.explaining import ROLES, changes_table, condition_table, left_out
from app.console.output import counted, say
from app.console.reasons import Reasons
from app.offline.explanation import Explanation
from app.offline.trials import Explained, Trial
from app.segments.definitions.definition import Catalog, Segment
from app.segments.language.durations import format_duration


def show_trial(console: Console, trial: Trial, catalog: Catalog) -> None:
    """One test that failed: what was expected where, what came, and why."""
    say(console, Text.assemble(("failed", "bold red"), (f"  {trial.segment.name}: {trial.test.name}", "bold")))
    failures = [each.failure for each in trial.failures]
    outside = {(each.at_ms, each.value) for each in failures if each.is_about_being_in and each.got == "not in"}
    for explained in trial.failures:
        failure = explained.failure
        if failure.is_about_being_in or (failure.at_ms, failure.value) not in outside:  # users who are out get nothing
            _show_failure(console, explained, trial)
    start_ms = trial.test.start_ms
    if trial.changes:
        say(console, "  what happened in this test")
        reasons = Reasons(catalog)
        table = changes_table(trial.changes, reasons, lambda at_ms: f"at {format_duration(at_ms - start_ms)}")
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    else:
        say(console, "  what happened in this test: no entry")
    if trial.heard is not None:
        for note in left_out(trial.heard):
            say(console, f"  {note}", "yellow")
    console.print()


def _show_failure(console: Console, explained: Explained, trial: Trial) -> None:
    failure = explained.failure
    place = f"  {trial.segment.path}:{failure.line}"
    what = f"  at {format_duration(failure.at_ms)} expected {failure.expected}, got {failure.got}"
    say(console, Text.assemble((place, "cyan"), what))
    told = explained.told
    if told is None or not failure.is_about_being_in:
        return
    if not told.known:
        say(console, "      no event has come by then")
    elif failure.value is not None and not told.remembered:
        say(console, "      no event with this value has come by then, or it is forgotten")
    _show_conditions(console, told, trial)


def _show_conditions(console: Console, told: Explanation, trial: Trial) -> None:
    start_ms = trial.test.start_ms
    for role, part in told.conditions.items():
        if len(told.conditions) > 1:
            say(console, f"      {ROLES[role]}")
        table = condition_table(part, lambda since_ms: f"since {format_duration(since_ms - start_ms)}")
        console.print(Padding(table, (0, 0, 0, 4), expand=False))
    for mark in told.marks:
        since, until = format_duration(mark.since_ms - start_ms), format_duration(mark.until_ms - start_ms)
        say(console, f"      {mark.key}: from {since} to {until}", "yellow")


def show_outcome(console: Console, trials: Sequence[Trial], untested: Sequence[Segment]) -> None:
    """All tests together, and what to look after."""
    for trial in trials:
        if trial.unplayed:
            place = f"{trial.segment.path}:{trial.test.line}"
            after = counted(trial.unplayed, "event comes", "events come")
            say(console, f"warning: {place}: {after} after the last expectation and changes nothing", "yellow")
        for unusable in trial.unusable:
            say(console, f"note: {trial.segment.path}:{trial.test.line}: {unusable.text}", "dim")
    if untested:
        names = ", ".join(segment.name for segment in untested)
        say(console, f"warning: {counted(len(untested), 'segment has', 'segments have')} no tests: {names}", "yellow")
    failed = sum(bool(trial.failures) for trial in trials)
    segments = len({trial.segment.name for trial in trials})
    told = f"{counted(len(trials), 'test')} of {counted(segments, 'segment')}: "
    if failed:
        say(console, Text.assemble(told, (f"{failed:,} failed", "bold red"), f", {len(trials) - failed:,} passed"))
    else:
        say(console, Text.assemble(told, ("all passed", "bold green")))
