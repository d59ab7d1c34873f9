"""Flows between segments: the segment that users entered before they entered another one."""

from typing import Final

from app.reports.history import History
from app.reports.notes import Note
from app.reports.report import Chart, Report, Table, columns

FIRST: Final = "(first)"
_FLOWS: Final = """
    SELECT coalesce(previous, getvariable('first_of_all')) AS come_from, segment, count(*) AS entries,
           count(DISTINCT u) AS users, median(at_ms - previous_ms)::BIGINT AS between_ms
    FROM (SELECT u, segment, at_ms, lag(segment) OVER moves AS previous, lag(at_ms) OVER moves AS previous_ms
          FROM changes WHERE change = 'entered' AND cause IS DISTINCT FROM 'merged'
          WINDOW moves AS (PARTITION BY u ORDER BY at_ms, sequence, origin))
    WHERE at_ms >= getvariable('since_ms') GROUP BY ALL ORDER BY entries DESC, come_from, segment
"""


def report_flows(history: History, limit: int) -> Report:
    """Entries within the span, by the segment that the user entered before."""
    history.remember(first_of_all=FIRST)
    found = history.rows(_FLOWS)
    table = Table(
        name="flows",
        title="flows between segments",
        columns=columns(
            ("from", "text"), ("to", "text"), ("entries", "count"), ("users", "count"), ("median time between", "span")
        ),
        rows=found[:limit],
        notes=(Note("more_flows", {"n": len(found) - limit}),) if len(found) > limit else (),
        chart=Chart(form="bars", label="from", across="to", value="entries"),
    )
    return Report(kind="flows", tables=[table])
