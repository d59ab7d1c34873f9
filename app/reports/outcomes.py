"""Conversion, engagement and value of users from an instant on: by segment, and by the group of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.offline.intervals import wilson
from app.reports.history import History
from app.reports.notes import Note
from app.reports.report import Chart, Report, Table, columns, ratio
from app.segments.language.durations import format_duration

MILLION: Final = 1_000_000
ALL_USERS: Final = "(all users)"
LIFETIME: Final = "lifetime"


@dataclass(frozen=True, slots=True)
class Goal:
    """The events that are conversions. `value`: the property with their value; `once`: one that tells repeats apart."""

    event: str
    value: str | None = None
    once: str | None = None


_GOALS: Final = """
    CREATE TABLE goals AS
    SELECT u, n, at_ms, CASE WHEN abs(amount) < 1e12 THEN round(amount * 1e6)::BIGINT ELSE 0 END AS micros
    FROM (SELECT u, n, at_ms, json_extract_string(given, getvariable('once_path')) AS which,
                 coalesce(TRY_CAST(json_extract_string(given, getvariable('value_path')) AS DOUBLE), 0) AS amount
          FROM (SELECT *, CASE WHEN json_valid(properties) THEN properties END AS given FROM events)
          WHERE label = getvariable('goal'))
    QUALIFY which IS NULL OR row_number() OVER (PARTITION BY u, which ORDER BY n) = 1
"""
_SEGMENTS: Final = """
    SELECT segment AS grp, u, min(entered_ms) AS from_ms FROM stays
    WHERE entered_ms >= getvariable('since_ms') GROUP BY ALL
    UNION ALL
    SELECT getvariable('all_users'), u, min(at_ms) FROM events WHERE at_ms >= getvariable('since_ms') GROUP BY ALL
"""
_EXPOSURES: Final = """
    CREATE TABLE exposures AS
    SELECT experiment, grp, u, min(exposed_ms) AS from_ms, bool_or(crossed) AS crossed FROM (
        SELECT u, json_extract_string(e, '$.experiment') AS experiment, json_extract_string(e, '$.group') AS grp,
               epoch_ms(TRY_CAST(json_extract_string(e, '$.exposed_at') AS TIMESTAMPTZ)) AS exposed_ms,
               coalesce(json_extract_string(e, '$.crossed') = 'true', false) AS crossed
        FROM (SELECT u, unnest(experiments::JSON[]) AS e FROM changes WHERE experiments IS NOT NULL))
    WHERE experiment IS NOT NULL AND grp IS NOT NULL AND exposed_ms < getvariable('until_ms') GROUP BY ALL
"""
_CROSSED: Final = """
    SELECT count(*) FROM (SELECT experiment, u FROM exposures GROUP BY ALL HAVING count(*) > 1 OR bool_or(crossed))
"""
_GROUPS: Final = """
    SELECT experiment || ': ' || grp AS grp, u, from_ms FROM exposures
    WHERE from_ms >= getvariable('since_ms')
    QUALIFY count(*) OVER (PARTITION BY experiment, u) = 1 AND NOT crossed
"""
_WINDOW: Final = """
    WITH full_users AS (
        SELECT grp, u, from_ms,
               least(from_ms + coalesce($window_ms, 1::BIGINT << 61), getvariable('until_ms') - 1) AS to_ms
        FROM anchors WHERE $window_ms IS NULL OR from_ms + $window_ms < getvariable('until_ms')),
    acts AS (
        SELECT a.grp, count(*) AS events, count(*) FILTER (e.starts_visit) AS visits
        FROM full_users AS a JOIN events AS e ON e.u = a.u AND e.at_ms > a.from_ms AND e.at_ms <= a.to_ms GROUP BY ALL),
    won AS (
        SELECT a.grp, count(DISTINCT a.u) AS converted, count(*) AS conversions, sum(g.micros)::BIGINT AS micros
        FROM full_users AS a JOIN goals AS g ON g.u = a.u AND g.at_ms > a.from_ms AND g.at_ms <= a.to_ms GROUP BY ALL),
    sizes AS (SELECT grp, count(*) AS users FROM full_users GROUP BY ALL)
    SELECT grp, users, coalesce(converted, 0), coalesce(conversions, 0), coalesce(events, 0), coalesce(visits, 0),
           coalesce(micros, 0)
    FROM sizes LEFT JOIN acts USING (grp) LEFT JOIN won USING (grp)
"""


def json_path(dotted: str) -> str:
    """The path of a property, with points between its parts, as DuckDB writes it.

    >>> json_path("cart.value")
    '$."cart"."value"'
    """
    return "$" + "".join(f'."{part}"' for part in dotted.replace('"', "").split("."))


def prepare_goals(history: History, goal: Goal) -> None:
    """Makes the table `goals`: each conversion once, with its value in millionths."""
    history.remember(
        goal=goal.event,
        value_path=None if goal.value is None else json_path(goal.value),
        once_path=None if goal.once is None else json_path(goal.once),
        all_users=ALL_USERS,
    )
    history.rows(_GOALS)


def report_conversion(history: History, windows_ms: Sequence[int], goal: Goal) -> Report:
    """Conversion, engagement and value after the first entry into each segment within the span."""
    return Report(kind="conversion", tables=_tables(history, _SEGMENTS, "segment", windows_ms, goal, ()))


def report_experiments(history: History, windows_ms: Sequence[int], goal: Goal) -> Report:
    """The same after the first exposure to each group of an experiment."""
    history.rows(_EXPOSURES)
    ((crossed,),) = history.rows(_CROSSED)
    notes = [Note("no_verdict")]
    ((exposed,),) = history.rows("SELECT count(*) FROM exposures WHERE from_ms >= getvariable('since_ms')")
    notes += [] if exposed else [Note("no_exposure")]
    notes += [Note("crossed", {"n": crossed})] if crossed else []
    return Report(kind="experiments", tables=_tables(history, _GROUPS, "group", windows_ms, goal, notes))


def _tables(
    history: History, anchors: str, title: str, windows_ms: Sequence[int], goal: Goal, notes: Sequence[Note]
) -> list[Table]:
    history.rows(f"CREATE OR REPLACE TABLE anchors AS {anchors}")
    ((conversions,),) = history.rows("SELECT count(*) FROM goals")
    if not conversions:
        notes = [*notes, Note("no_goal", {"goal": goal.event})]
    return [
        _table(history, title, None if number == len(windows_ms) else windows_ms[number], notes)
        for number in range(len(windows_ms) + 1)
    ]


def _table(history: History, title: str, window_ms: int | None, notes: Sequence[Note]) -> Table:
    found = sorted(history.rows(_WINDOW, {"window_ms": window_ms}), key=lambda row: (row[0] != ALL_USERS, row[0]))
    window = LIFETIME if window_ms is None else format_duration(window_ms)
    ((anchored,),) = history.rows("SELECT count(*) FROM anchors WHERE grp <> getvariable('all_users')")
    pending = anchored - sum(row[1] for row in found if row[0] != ALL_USERS)
    told = [Note("pending_entries", {"n": pending, "window": window})] if pending else []
    return Table(
        name=f"{title}s-{window}",
        title=f"by {title}, {window}",
        columns=columns(
            (title, "text"),
            ("users", "count"),
            ("converted", "count"),
            ("conversion", "share"),
            ("low", "share"),
            ("high", "share"),
            ("conversions", "count"),
            ("events a user", "number"),
            ("visits a user", "number"),
            ("value a user", "number"),
            ("value", "number"),
        ),
        rows=[_row(row) for row in found],
        notes=(*notes, *told),
        chart=Chart(form="bars", label=title, value="conversion"),
    )


def _row(row: Sequence[Any]) -> tuple[Any, ...]:
    group, users, converted, conversions, events, visits, micros = row
    return (
        *(group, users, converted, ratio(converted, users), *wilson(converted, users), conversions),
        *(ratio(events, users), ratio(visits, users), ratio(micros, users * MILLION), micros / MILLION),
    )
