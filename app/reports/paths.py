"""Paths: the first steps of visits, and the share of visits in which somebody converts."""

from typing import Final

from app.offline.intervals import wilson
from app.reports.history import History
from app.reports.notes import Note
from app.reports.report import Chart, Report, Table, columns, ratio

STEPS: Final = 5
_PATHS: Final = """
    WITH steps AS (
        SELECT visit, u, n, CASE type WHEN 'track' THEN label ELSE type || coalesce(' ' || name, '') END AS step
        FROM events WHERE type IN ('track', 'page', 'screen')),
    changed AS (
        SELECT * FROM steps
        QUALIFY coalesce(lag(step) OVER (PARTITION BY visit ORDER BY n) <> step, true)),
    paths AS (
        SELECT visit, any_value(u) AS u, list(step ORDER BY n) AS steps FROM changed
        WHERE visit IN (SELECT visit FROM events WHERE starts_visit AND at_ms >= getvariable('since_ms'))
        GROUP BY visit),
    won AS (SELECT DISTINCT visit FROM events WHERE n IN (SELECT n FROM goals))
    SELECT array_to_string(steps[:getvariable('shown')], ' → ')
           || CASE WHEN len(steps) > getvariable('shown') THEN ' → …' ELSE '' END AS path,
           count(*) AS visits, count(DISTINCT u) AS users, count(won.visit) AS converted
    FROM paths LEFT JOIN won USING (visit) GROUP BY path ORDER BY visits DESC, path
"""


def report_paths(history: History, limit: int) -> Report:
    """The most frequent beginnings of visits that began within the span. What is repeated at once counts once."""
    history.remember(shown=STEPS)
    found = history.rows(_PATHS)
    visits = sum(row[1] for row in found)
    table = Table(
        name="paths",
        title=f"the first {STEPS} steps of {visits:,} visits",
        columns=columns(
            *(("path", "text"), ("visits", "count"), ("share", "share"), ("users", "count")),
            *(("converted", "count"), ("conversion", "share"), ("low", "share"), ("high", "share")),
        ),
        rows=[
            (path, number, ratio(number, visits), users, won, ratio(won, number), *wilson(won, number))
            for path, number, users, won in found[:limit]
        ],
        notes=(Note("more_paths", {"n": len(found) - limit}),) if len(found) > limit else (),
        chart=Chart(form="bars", label="path", value="visits"),
    )
    return Report(kind="paths", tables=[table])
