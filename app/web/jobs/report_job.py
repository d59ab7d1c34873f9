"""A report out of the files of the warehouse, by the queries of `shoal report`."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec

from app.events.instants import iso
from app.events.message import instant_ms
from app.reports.history import Span, open_warehouse
from app.reports.notes import Note
from app.reports.outcomes import Goal
from app.reports.report import Table, plain
from app.reports.reports import NEEDS_CHANGES, Kind, Wish, make_reports
from app.segments.language.durations import parse_duration
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.texts import say

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
VISIT_GAP_MS: Final = 1_800_000
WINDOWS_MAX: Final = 4
STEPS_MAX: Final = 10
LIMIT_MAX: Final = 100
WORD_CHARACTERS_MAX: Final = 200


class ReportWish(msgspec.Struct, kw_only=True, frozen=True):
    """A report, and what can be chosen about it; as the options of `shoal report`."""

    kind: str
    goal: str = "Order Completed"
    value: str = "revenue"
    once: str = ""
    windows: list[str] = msgspec.field(default_factory=lambda: ["30d"])
    steps: list[str] = []
    since: str = ""
    until: str = ""
    limit: int = 20


class ReportTables(msgspec.Struct, frozen=True, kw_only=True):
    """A report: its tables, and the span that it is about. Instants in rows are ISO 8601, spans milliseconds."""

    kind: str
    since: str
    until: str
    notes: list[Note]
    tables: list[Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTask:
    """A job: to make a report."""

    warehouse: str
    report: Kind
    wish: Wish
    span: Span
    kind: Literal["report"] = "report"


def report_task(settings: Settings, wish: ReportWish) -> ReportTask:
    """The job for a wish. Problem 400 for one that cannot be fulfilled."""
    if not settings.warehouse:
        raise Problem(400, "no-warehouse", say("refused_no_warehouse"))
    kind = next((each for each in KINDS if each == wish.kind), None)
    if kind is None:
        raise Problem(400, "kind", say("refused_report_kind", name=f"{wish.kind!r:.80}", kinds=", ".join(KINDS)))
    if any(len(each) > WORD_CHARACTERS_MAX for each in (wish.goal, wish.value, wish.once, *wish.steps)):
        raise Problem(400, "too-long", say("refused_long_name", most=WORD_CHARACTERS_MAX))
    if not wish.goal.strip():
        raise Problem(400, "goal", say("refused_goal"))
    if not 1 <= len(wish.windows) <= WINDOWS_MAX:
        raise Problem(400, "windows", say("refused_windows", most=WINDOWS_MAX))
    if kind == "funnel" and not 2 <= len(wish.steps) <= STEPS_MAX:
        raise Problem(400, "steps", say("refused_steps", most=STEPS_MAX))
    if not 1 <= wish.limit <= LIMIT_MAX:
        raise Problem(400, "limit", say("refused_limit", most=LIMIT_MAX))
    return ReportTask(
        warehouse=settings.warehouse,
        report=kind,
        wish=Wish(
            goal=Goal(event=wish.goal, value=wish.value, once=wish.once or None),
            windows_ms=tuple(_window_ms(each) for each in dict.fromkeys(wish.windows)),
            steps=tuple(wish.steps),
            limit=wish.limit,
        ),
        span=Span(since_ms=_instant_ms(wish.since, "since"), until_ms=_instant_ms(wish.until, "until")),
    )


def make_tables(task: ReportTask) -> ReportTables:
    """The report as it is at this moment. UserError."""
    with open_warehouse(task.warehouse, needs_changes=task.report in NEEDS_CHANGES) as history:
        history.prepare(task.span, visit_gap_ms=VISIT_GAP_MS)
        (made,) = make_reports(history, [task.report], task.wish)
        return ReportTables(
            kind=task.report,
            since=iso(history.since_ms),
            until=iso(history.until_ms),
            notes=history.notes,
            tables=[msgspec.structs.replace(table, rows=_rows(table)) for table in made.tables],
        )


def _rows(table: Table) -> "list[tuple[object, ...]]":
    return [
        tuple(plain(value, column.kind) for value, column in zip(row, table.columns, strict=True)) for row in table.rows
    ]


def _window_ms(text: str) -> int:
    with suppress(ValueError):
        if window_ms := parse_duration(text):
            return window_ms
    raise Problem(400, "windows", say("refused_window", text=f"{text!r:.40}"))


def _instant_ms(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        return instant_ms(text)
    except ValueError:
        raise Problem(400, name, say("refused_instant", name=name, text=f"{text!r:.40}")) from None
