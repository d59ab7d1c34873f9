"""Funnels: users who did one thing after another, and where the others stopped."""

from collections.abc import Sequence
from typing import Any, Final

from app.errors import UserError
from app.offline.intervals import wilson
from app.reports.history import History
from app.reports.notes import Note
from app.reports.report import Chart, Report, Table, columns, ratio
from app.segments.language.durations import format_duration

STEPS_MAX: Final = 12
_FIRST: Final = """
    CREATE OR REPLACE TABLE attempts AS
    SELECT u, at_ms AS start_ms, n, [at_ms] AS taken FROM events
    WHERE (label = $step OR (type IN ('page', 'screen') AND name = $step)) AND at_ms >= getvariable('since_ms')
"""
_PENDING: Final = """
    SELECT count(*) FROM (
        SELECT u FROM attempts GROUP BY u HAVING min(start_ms) + $window_ms >= getvariable('until_ms'))
"""
_NEXT: Final = """
    CREATE OR REPLACE TABLE attempts AS
    SELECT a.u, a.start_ms, e.n, CASE WHEN e.n IS NULL THEN a.taken ELSE list_append(a.taken, e.at_ms) END AS taken
    FROM attempts AS a ASOF LEFT JOIN (
        SELECT u, n, at_ms FROM events WHERE label = $step OR (type IN ('page', 'screen') AND name = $step)) AS e
    ON a.u = e.u AND a.n < e.n
"""
_BEST: Final = """
    WITH within AS (
        SELECT u, start_ms, list_filter(taken, lambda each: each <= start_ms + $window_ms) AS taken FROM attempts
        WHERE start_ms + $window_ms < getvariable('until_ms')),
    best AS (SELECT u, arg_max(taken, (len(taken), -start_ms)) AS taken FROM within GROUP BY u)
    SELECT step, count(*), median(taken[step] - taken[step - 1])::BIGINT, median(taken[step] - taken[1])::BIGINT
    FROM (SELECT taken, unnest(range(1, len(taken) + 1)) AS step FROM best) GROUP BY step
"""


def report_funnel(history: History, steps: Sequence[str], windows_ms: Sequence[int]) -> Report:
    """Users by the number of steps that they took in order, within a time from the first one. UserError."""
    if not 2 <= len(steps) <= STEPS_MAX:
        hint = "funnel --step 'Product Viewed' 'Product Added' 'Order Completed'"
        raise UserError(f"a funnel has 2 to {STEPS_MAX} steps, not {len(steps)}", hint=hint)
    history.rows(_FIRST, {"step": steps[0]})
    for step in steps[1:]:
        history.rows(_NEXT, {"step": step})
    return Report(kind="funnel", tables=[_table(history, steps, window_ms) for window_ms in windows_ms])


def _table(history: History, steps: Sequence[str], window_ms: int) -> Table:
    found = {row[0]: row[1:] for row in history.rows(_BEST, {"window_ms": window_ms})}
    ((pending,),) = history.rows(_PENDING, {"window_ms": window_ms})
    window = format_duration(window_ms)
    began = found[1][0] if found else 0
    return Table(
        name=f"funnel-{window}",
        title=f"within {window} from the first step",
        columns=columns(
            *(("step", "text"), ("users", "count"), ("of the first", "share"), ("low", "share"), ("high", "share")),
            *(("of the previous", "share"), ("median from the previous", "span"), ("median from the first", "span")),
        ),
        rows=[_row(number, step, found, began) for number, step in enumerate(steps, 1)],
        notes=(Note("pending_users", {"n": pending, "window": window}),) if pending else (),
        chart=Chart(form="bars", label="step", value="users"),
    )


def _row(number: int, step: str, found: dict[int, tuple[Any, ...]], began: int) -> tuple[Any, ...]:
    users, from_previous_ms, from_first_ms = found.get(number, (0, None, None))
    previous = found[number - 1][0] if number - 1 in found else 0
    own = (ratio(users, previous), from_previous_ms, from_first_ms) if number > 1 else (None, None, None)
    return f"{number}. {step}", users, ratio(users, began), *wilson(users, began), *own
