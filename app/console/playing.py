"""Files of past events, played through backtests with a count of events on the terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from app.errors import UserError
from app.offline.backtest import Backtest, Summary, batches_of
from app.offline.event_files import UNUSABLE_HINT, EventFiles
from app.offline.name_census import NameCensus
from app.offline.value_census import ValueCensus


def play_files(
    console: Console,
    files: Sequence[Path],
    runs: Sequence[Backtest],
    census: NameCensus,
    values: ValueCensus,
    *,
    partitions: int = 1,
    until_ms: int | None = None,
) -> list[Summary]:
    """Plays all messages through each run and the censuses; UserError where there is none that could be used."""
    messages = values.heard(EventFiles(files))
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} events"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("events", total=None)
        for partition, records in batches_of(messages, partitions=partitions, rules=runs[0].rules):
            for run in runs:
                run.process(partition, records)
            for record in records:
                census.hear(record.value or b"")
            progress.advance(task, len(records))
        summaries = [run.finish(until_ms) for run in runs]
    summary = summaries[0]
    named = ", ".join(map(str, files))
    if not summary.events:
        raise UserError(f"there is no message in {named}")
    if not summary.accepted:
        what = "the only message" if summary.events == 1 else f"any of the {summary.events:,} messages"
        raise UserError(
            f"cannot use {what} of {named}",
            detail=summary.first_dead,
            hint=UNUSABLE_HINT,
        )
    return summaries
