"""`shoal backtest`: what definitions say about files of past events."""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from app.backtest import Backtest, Summary, read_messages
from app.console.options import read_instant_ms, show_instant
from app.console.tables import summary_table
from app.errors import UserError
from app.segments.program import compile_catalog
from app.segments.time_rules import TimeRules
from app.segments_dir import load_segments

PARTITIONS_MAX = 1_000


def backtest(
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    segments: Path,
    output: Path | None = None,
    partitions: int = 1,
    until: str | None = None,
) -> int:
    """What definitions say about files of past events: every change, and a summary. Needs no broker.

    Parameters
    ----------
    files
        Messages in the Segment spec, in order: one JSON object a line (.jsonl, .gz), or Parquet with those columns.
    segments
        The folder with the definitions.
    output
        Where the changes go, one JSON a line, ordered by user and sequence; `-` for standard output.
    partitions
        Split users as a topic with so many partitions does. Each partition has its own clock, so a user's timers may
        fire relative to other users' events; the changes are the same wherever events come in order.
    until
        Let the clock go on after the last event to this instant, such as 2026-09-01T00:00:00Z.
    """
    if not 1 <= partitions <= PARTITIONS_MAX:
        raise UserError(f"--partitions is {partitions}", hint=f"a whole number from 1 to {PARTITIONS_MAX}")
    until_ms = None if until is None else read_instant_ms(until, option="--until")
    rules = TimeRules()
    program = compile_catalog(load_segments(segments), rules)
    run = Backtest(program, rules, partitions=partitions)
    to_terminal = Console(stderr=output is not None and str(output) == "-")
    started = time.perf_counter()
    with _quick(), _progress(to_terminal) as progress, _opened(output) as sink:
        task = progress.add_task("events", total=None)
        summary = run.run(
            read_messages(files), until_ms=until_ms, progress=lambda done: progress.update(task, completed=done)
        )
        seconds = time.perf_counter() - started
        if sink is not None:
            for line in run.lines():
                sink.write(line + b"\n")
    _show(to_terminal, summary, seconds, files)
    return 0


@contextmanager
def _quick() -> Iterator[None]:
    """Without the cyclic collector: the state has no cycles, and walking over it costs a third of the time."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _progress(console: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} events"))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO | None]:
    if output is None:
        yield None
    elif str(output) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        try:
            with output.open("wb") as file:
                yield file
        except OSError as error:
            raise UserError(f"cannot write {output}: {error.strerror}") from None


def _show(console: Console, summary: Summary, seconds: float, files: list[Path]) -> None:
    if not summary.events:
        raise UserError(f"there is no message in {', '.join(map(str, files))}")
    console.print(summary_table(summary))
    told = f"{summary.events:,} messages, {summary.accepted:,} events of {summary.users:,} users"
    console.print(f"{told} until {show_instant(summary.end_ms)}" if summary.end_ms >= 0 else told)
    notes = [
        f"{summary.duplicates:,} duplicates" if summary.duplicates else "",
        f"{summary.late:,} late" if summary.late else "",
        *(f"{count:,} unreadable ({reason})" for reason, count in summary.dead.most_common()),
    ]
    if any(notes):
        console.print("left out: " + ", ".join(filter(None, notes)))
    if summary.first_dead:
        console.print(f"  first: {summary.first_dead}", soft_wrap=True, markup=False)
    rate = summary.events / seconds if seconds else 0
    size = summary.state_bytes / summary.users if summary.users else 0
    console.print(f"{seconds:.1f} s, {rate:,.0f} events/s; {size:,.0f} bytes of state a user")
