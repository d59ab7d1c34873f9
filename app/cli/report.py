"""`shoal report`: figures about segments, visits and campaigns, out of a warehouse or of files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from app.console.options import check_above_zero, read_duration_ms, read_instant_ms, show_instant
from app.console.output import make_console, say, say_lines
from app.console.output_file import whole_file
from app.console.reports import show_reports
from app.errors import UserError
from app.events.visible_text import visible_json
from app.reports.history import History, Span, open_files, open_warehouse
from app.reports.outcomes import Goal
from app.reports.report import Report, document
from app.reports.report_files import csv_text, html_text, markdown_text
from app.reports.reports import NEEDS_CHANGES, Kind, Wish, make_reports


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The history.

    Parameters
    ----------
    warehouse
        The folder of `shoal warehouse`, or a place that DuckDB can read.
    events
        In its place: files of events, as for `shoal backtest`.
    changes
        With --events: the changes that `shoal backtest` wrote for them.
    since
        Count from this instant on, ISO 8601. Default: the first event.
    until
        The end, exclusive: what is later is left out. Default: after the last event.
    visit_gap
        So long a gap between two events of a user begins another visit.
    """

    warehouse: str | None = None
    events: Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative=())] = ()
    changes: Path | None = None
    since: str | None = None
    until: str | None = None
    visit_gap: str = "30m"


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Forms of the output, beside the tables in the terminal.

    Parameters
    ----------
    json
        Print JSON.
    csv
        Folder for a CSV file of each table.
    html
        File for one page of HTML with charts.
    markdown
        File for the tables as Markdown.
    """

    json: Annotated[bool, Parameter(negative=())] = False
    csv: Path | None = None
    html: Path | None = None
    markdown: Path | None = None


def report(
    kinds: Annotated[list[Kind], Parameter(consume_multiple=True)],
    /,
    *,
    read: Read = Read(),
    written: Written = Written(),
    goal: str = "Order Completed",
    value: str = "revenue",
    once: str | None = None,
    window: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = ("30d", "90d"),
    step: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    limit: int = 20,
) -> int:
    """Report on segments, visits, funnels and campaigns out of a warehouse, or out of files of events and changes.

    Example: `shoal report conversion flows --warehouse FOLDER --since 2026-01-01T00:00:00Z --html report.html`

    Example: `shoal report conversion --events events.jsonl.gz --changes changes.jsonl --window 7d`

    Example: `shoal report funnel attribution --events events.jsonl --step 'Product Viewed' 'Order Completed'`

    Parameters
    ----------
    kinds
        conversion: by segment. experiments: by group. flows: between segments. funnel: from step to step. paths:
        beginnings of visits. attribution: conversions by channel. cohorts: by the week of the first event.
    goal
        The name of the events that are conversions.
    value
        The property with their value.
    once
        A property such as order_id: of a user's conversions with the same, the first one counts.
    window
        Count so long after the entry, exposure or first step, or before the conversion; a table for each.
    step
        The steps of the funnel: names of events or pages, in order.
    limit
        The number of rows of long tables.
    """
    check_above_zero(limit, option="--limit")
    wish = Wish(
        goal=Goal(event=goal, value=value, once=once),
        windows_ms=tuple(read_duration_ms(each, option="--window") for each in window),
        steps=step,
        limit=limit,
    )
    _check_files(written)
    with _history(read, kinds) as history:
        reports = make_reports(history, kinds, wish)
        _tell(history, reports, written)
    return 0


@contextmanager
def _history(read: Read, kinds: Sequence[Kind]) -> Iterator[History]:
    """The history, prepared for its span. UserError."""
    span = Span(
        since_ms=None if read.since is None else read_instant_ms(read.since, option="--since"),
        until_ms=None if read.until is None else read_instant_ms(read.until, option="--until"),
    )
    gap_ms = read_duration_ms(read.visit_gap, option="--visit-gap")
    needing = [kind for kind in kinds if kind in NEEDS_CHANGES]
    if (read.warehouse is None) == (not read.events):
        hint = "--warehouse FOLDER, or --events FILE --changes FILE"
        raise UserError("one of --warehouse and --events is needed", hint=hint)
    if read.warehouse is not None:
        if read.changes is not None:
            raise UserError("--changes goes with --events", hint="a warehouse has its own changes")
        opened = open_warehouse(read.warehouse, needs_changes=bool(needing))
    elif needing and read.changes is None:
        hint = "`shoal backtest EVENTS --segments FOLDER --output changes.jsonl` writes them"
        raise UserError(f"{needing[0]} needs --changes", hint=hint)
    else:
        opened = open_files(read.events, read.changes)
    with opened as history:
        history.prepare(span, visit_gap_ms=gap_ms)
        yield history


def _check_files(written: Written) -> None:
    """Checks that what is to be written can be, before any work. UserError."""
    for option, path in (("--html", written.html), ("--markdown", written.markdown)):
        if path is not None and path.is_dir():
            raise UserError(f"{option} {path} is a folder", hint="give a file")
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{option} {path}: there is no folder {path.parent}")
    if written.csv is not None and written.csv.exists() and not written.csv.is_dir():
        raise UserError(f"--csv {written.csv} is no folder", hint="give a folder, which is made if it is not there")


def _tell(history: History, reports: list[Report], written: Written) -> None:
    title = f"{show_instant(history.since_ms)} to {show_instant(history.until_ms)} UTC"
    console = make_console()
    if written.json:
        made = document(reports, history.since_ms, history.until_ms) | {"notes": [str(each) for each in history.notes]}
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(made), indent=2).decode()))
    else:
        show_reports(console, title, reports, history.notes)
    files = []
    if written.html is not None:
        files.append((written.html, html_text(f"Report, {title}", reports, history.notes)))
    if written.markdown is not None:
        files.append((written.markdown, markdown_text(f"Report, {title}", reports, history.notes)))
    if written.csv is not None:
        tables = [table for each in reports for table in each.tables]
        files += [(written.csv / f"{table.name}.csv", csv_text(table)) for table in tables]
    told = make_console(stderr=True)
    for path, text in files:
        _write(path, text)
        say(told, f"{path} written", "dim")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
