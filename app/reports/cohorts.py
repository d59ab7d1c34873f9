"""Cohorts: users by the week of their first event, and what they did in the weeks after it."""

from typing import Any, Final

from app.events.instants import iso
from app.reports.history import History
from app.reports.notes import Note
from app.reports.outcomes import MILLION
from app.reports.report import Chart, Report, Table, columns, ratio

WEEK_MS: Final = 604_800_000
MONDAY_MS: Final = 345_600_000
"""1970-01-05, a Monday."""
_COHORTS: Final = """
    WITH firsts AS (SELECT u, min(at_ms) AS first_ms FROM events GROUP BY u),
    users AS (
        SELECT u, (first_ms - getvariable('monday_ms')) // getvariable('week_ms') AS cohort FROM firsts
        WHERE first_ms >= getvariable('since_ms')),
    sizes AS (SELECT cohort, count(*) AS users FROM users GROUP BY cohort),
    weeks AS (
        SELECT cohort, users, unnest(range(0, getvariable('weeks') - cohort)) AS week FROM sizes
        WHERE cohort < getvariable('weeks')),
    acts AS (
        SELECT cohort, (at_ms - getvariable('monday_ms')) // getvariable('week_ms') - cohort AS week,
               count(DISTINCT u) AS active
        FROM users JOIN events USING (u) GROUP BY ALL),
    won AS (
        SELECT cohort, (at_ms - getvariable('monday_ms')) // getvariable('week_ms') - cohort AS week,
               count(DISTINCT u) AS converted, count(*) AS conversions, sum(micros)::BIGINT AS micros
        FROM users JOIN goals USING (u) GROUP BY ALL)
    SELECT cohort, week, users, coalesce(active, 0), coalesce(converted, 0), coalesce(conversions, 0),
           sum(coalesce(micros, 0)) OVER (PARTITION BY cohort ORDER BY week)::BIGINT
    FROM weeks LEFT JOIN acts USING (cohort, week) LEFT JOIN won USING (cohort, week) ORDER BY cohort, week
"""


def report_cohorts(history: History) -> Report:
    """Users who came first within the span, week by week (Monday to Sunday, UTC), as far as weeks are over."""
    weeks = (history.until_ms - MONDAY_MS) // WEEK_MS
    history.remember(weeks=weeks, week_ms=WEEK_MS, monday_ms=MONDAY_MS)
    found = history.rows(_COHORTS)
    table = Table(
        name="cohorts",
        title="by the week of the first event",
        columns=columns(
            *(("cohort", "text"), ("week", "count"), ("users", "count"), ("active", "count"), ("retention", "share")),
            *(("converted", "count"), ("conversion", "share"), ("conversions", "count")),
            *(("value so far", "number"), ("value a user so far", "number")),
        ),
        rows=[_row(*row) for row in found],
        notes=() if found else (Note("no_week"),),
        chart=Chart(form="lines", label="cohort", across="week", value="retention"),
    )
    return Report(kind="cohorts", tables=[table])


def _row(
    cohort: int, week: int, users: int, active: int, converted: int, conversions: int, micros: int
) -> tuple[Any, ...]:
    return (
        *(iso(cohort * WEEK_MS + MONDAY_MS)[:10], week, users, active, ratio(active, users)),
        *(converted, ratio(converted, users), conversions, micros / MILLION, ratio(micros, users * MILLION)),
    )
