"""`shoal backtest`: what definitions say about files of past events."""

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from app.catalogs.definitions_folder import load_segments
from app.console.backtesting import show_difference, show_missing, show_reading, show_summary, show_unusable
from app.console.options import read_instant_ms
from app.console.output import make_console
from app.errors import UserError
from app.events.visible_text import visible_json
from app.offline.backtest import Backtest, Summary, batches_of
from app.offline.backtest_difference import Members, difference_lines, differences
from app.offline.change_sorter import ChangeSorter
from app.offline.event_files import UNUSABLE_HINT, EventFiles
from app.offline.name_census import NameCensus
from app.offline.value_census import ValueCensus
from app.settings import load_settings

PARTITIONS_MAX = 1_000
STANDARD_OUTPUT = Path("-")


def backtest(
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    segments: Path | None = None,
    diff: Annotated[tuple[Path, Path] | None, Parameter(negative=())] = None,
    output: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    partitions: int = 1,
    until: str | None = None,
    examples: int = 3,
) -> int:
    """Run definitions, drafts included, over files of past events, and show a summary of the changes. Needs no
    broker.

    Example: `shoal backtest events.jsonl.gz --segments segments --output changes.jsonl`

    Parameters
    ----------
    files
        Messages in the Segment spec, in order of time: one JSON object a line (.jsonl, .gz), or Parquet with those
        columns.
    segments
        The folder with the definitions.
    diff
        Compare two folders instead: users who would enter or leave if the second folder replaced the first.
    output
        File for the changes, one JSON object a line, ordered by user and sequence; `-` for standard output. With
        `--diff`: all users who would enter or leave.
    partitions
        Split the users as a topic with this number of partitions does. Each partition has its own clock. If the
        events are in order of time, the changes are the same for every number.
    until
        After the last event, advance the clock to this instant, such as 2026-09-01T00:00:00Z.
    examples
        With `--diff`: number of users to name for each segment.
    """
    if not 1 <= partitions <= PARTITIONS_MAX:
        raise UserError(f"--partitions is {partitions}", hint=f"a whole number from 1 to {PARTITIONS_MAX}")
    if examples < 0:
        raise UserError(f"--examples is {examples}", hint="a whole number, 0 for none")
    if (segments is None) == (diff is None):
        raise UserError(
            "--segments or --diff is needed" if segments is None else "--segments and --diff exclude each other",
            hint="--segments FOLDER, or --diff OLD NEW for the difference of two folders",
        )
    until_ms = None if until is None else read_instant_ms(until, option="--until")
    _check_output(output, files)
    console = make_console(stderr=output == STANDARD_OUTPUT)
    with _quick():
        if diff is not None:
            _compare(console, files, diff, output, partitions=partitions, until=until, examples=examples)
        elif segments is not None:
            _backtest(console, files, segments, output, partitions=partitions, until_ms=until_ms)
    return 0


def _backtest(
    console: Console, files: list[Path], segments: Path, output: Path | None, *, partitions: int, until_ms: int | None
) -> None:
    rules = load_settings().time_rules
    catalog = load_segments(segments, rules)
    started = time.perf_counter()
    with closing(ChangeSorter()) as changes:
        run = Backtest(catalog, rules, partitions=partitions, hear=None if output is None else changes.add)
        census, values = NameCensus(catalog), ValueCensus(catalog)
        (summary,) = _play(console, files, (run,), census, values, partitions=partitions, until_ms=until_ms)
        seconds = time.perf_counter() - started
        _write(output, changes.lines())
    show_summary(console, summary, seconds)
    show_missing(console, census.missing())
    show_unusable(console, values.unusable())


def _compare(
    console: Console,
    files: list[Path],
    folders: tuple[Path, Path],
    output: Path | None,
    *,
    partitions: int,
    until: str | None,
    examples: int,
) -> None:
    until_ms = None if until is None else read_instant_ms(until, option="--until")
    rules = load_settings().time_rules
    old, new = (load_segments(folder, rules) for folder in folders)
    members = Members(), Members()
    runs = tuple(
        Backtest(catalog, rules, partitions=partitions, hear=heard.hear)
        for catalog, heard in zip((old, new), members, strict=True)
    )
    census, values = NameCensus(new), ValueCensus(new)
    first, second = _play(console, files, runs, census, values, partitions=partitions, until_ms=until_ms)
    found = differences((old, new), members, (first, second))
    _write(output, difference_lines(found))
    at = until if second.end_ms == until_ms else None
    show_difference(console, found, folders, files, examples_max=examples, at=at)
    show_reading(console, second)
    show_missing(console, census.missing())
    show_unusable(console, values.unusable())


def _play(
    console: Console,
    files: list[Path],
    runs: Sequence[Backtest],
    census: NameCensus,
    values: ValueCensus,
    *,
    partitions: int,
    until_ms: int | None,
) -> list[Summary]:
    """All messages through each run and the censuses, once read; UserError where there is none that could be used."""
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


def _check_output(output: Path | None, files: list[Path]) -> None:
    """Before hours of work: can it be written, and would it overwrite what is read?"""
    if output is None or output == STANDARD_OUTPUT:
        return
    if output.is_dir():
        raise UserError(f"--output {output} is a folder", hint=f"give a file, such as {output / 'changes.jsonl'}")
    if not output.parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {output.parent}")
    if any(file.exists() and output.exists() and file.samefile(output) for file in files):
        raise UserError(f"--output {output} is one of the files to read", hint="give another file")


def _write(output: Path | None, lines: Iterable[bytes]) -> None:
    """Writes lines to standard output, or to a file that is there only when it is whole."""
    if output is None:
        return
    if output == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            lines = (visible_json(line.decode()).encode() for line in lines)
        _write_lines(sys.stdout.buffer, lines)
        return
    try:
        if output.exists() and not output.is_file():  # a pipe, a device
            with output.open("wb") as file:
                _write_lines(file, lines)
            return
        whole = output.resolve()
        part = whole.with_name(f".{whole.name}.part")
        try:
            with part.open("wb") as file:
                _write_lines(file, lines)
            part.replace(whole)
        finally:  # also after Ctrl-C: no incomplete file is left
            part.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}") from None


def _write_lines(file: BinaryIO, lines: Iterable[bytes]) -> None:
    file.writelines(line + b"\n" for line in lines)
    file.flush()
