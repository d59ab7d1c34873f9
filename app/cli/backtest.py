"""`shoal backtest`: what definitions say about files of past events."""

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from app.catalogs.definitions_folder import load_segments
from app.console.backtesting import show_difference, show_missing, show_reading, show_summary, show_unusable
from app.console.options import read_instant_ms
from app.console.output import make_console
from app.console.output_file import STANDARD_OUTPUT, check_output_file, write_output_file
from app.console.playing import play_files
from app.errors import UserError
from app.offline.backtest import Backtest
from app.offline.backtest_difference import Members, difference_lines, differences
from app.offline.change_sorter import ChangeSorter
from app.offline.name_census import NameCensus
from app.offline.value_census import ValueCensus
from app.runtime.process.gc_control import without_collector
from app.settings import load_settings

PARTITIONS_MAX = 1_000


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
    check_output_file(output, files)
    console = make_console(stderr=output == STANDARD_OUTPUT)
    with without_collector():
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
        (summary,) = play_files(console, files, (run,), census, values, partitions=partitions, until_ms=until_ms)
        seconds = time.perf_counter() - started
        write_output_file(output, changes.lines())
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
    first, second = play_files(console, files, runs, census, values, partitions=partitions, until_ms=until_ms)
    found = differences((old, new), members, (first, second))
    write_output_file(output, difference_lines(found))
    at = until if second.end_ms == until_ms else None
    show_difference(console, found, folders, files, examples_max=examples, at=at)
    show_reading(console, second)
    show_missing(console, census.missing())
    show_unusable(console, values.unusable())
