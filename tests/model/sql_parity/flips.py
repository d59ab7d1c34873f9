"""Pieces of SQL: when something begins and ends to be true.

A fact is a query of its flips: (u, instant, phase, line, d), where d is 1 when it becomes true and -1 when it ceases.
Instants are ordered (instant, phase, line): phase 0 is what time alone brings about, phase 1 the event of that line of
the file.
A source is a query of what counts: (u, v, t, line), v being its value.
"""

from collections.abc import Mapping

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FIRST_EVENT = """
    select u, t as instant, 1 as phase, line, 1 as d from event
    qualify row_number() over (partition by u order by t, line) = 1
"""


def windowed(source: str, within_ms: int) -> str:
    """Per value the number of events inside the window, after each instant at which it changes."""
    return f"""
        select u, v, instant, phase, line, sum(sum(d)) over (partition by u, v order by instant, phase, line) as n
        from (
            select u, v, t as instant, 1 as phase, line, 1 as d from ({source})
            union all
            select u, v, t + {within_ms}, 0, 0, -1 from ({source})
        )
        group by u, v, instant, phase, line
    """


def all_time(source: str) -> str:
    return f"""
        select u, v, t as instant, 1 as phase, line, count(*) over (partition by u, v order by t, line) as n
        from ({source})
    """


def flips(points: str, condition: str) -> str:
    """Per value the flips of a condition on `n`."""
    return f"""
        select u, v, instant, phase, line, if(holds, 1, -1) as d
        from (
            select *, lag(holds, 1, false) over (partition by u, v order by instant, phase, line) as before
            from (select *, ({condition}) as holds from ({points}))
        )
        where holds <> before
    """


def over_values(flips_by_value: str) -> str:
    """The number of values for which it is true, as points of the one value null."""
    return f"""
        select u, null as v, instant, phase, line, sum(sum(d)) over (partition by u order by instant, phase, line) as n
        from ({flips_by_value})
        group by u, instant, phase, line
    """


def exists_within(source: str, within_ms: int) -> str:
    return flips(windowed(source, within_ms), "n > 0")


def changes(facts: Mapping[str, str], condition: str, end_ms: int) -> str:
    """Entries and exits, up to `end_ms`: (u, instant, change). Nothing holds of a user before the first event."""
    facts = {"known": FIRST_EVENT, **facts}
    union = " union all ".join(
        f"select u, instant, phase, line, '{name}' as fact, d from ({query})" for name, query in facts.items()
    )
    sums = ", ".join(
        f"coalesce(sum(sum(d) filter (fact = '{name}')) over same_user, 0) > 0 as {name}" for name in facts
    )
    return f"""
        with points as (
            select u, instant, phase, line, {sums}
            from ({union})
            where instant <= {end_ms}
            group by u, instant, phase, line
            window same_user as (partition by u order by instant, phase, line)
        ),
        states as (select *, known and ({condition}) as holds from points),
        marked as (
            select *, lag(holds, 1, false) over (partition by u order by instant, phase, line) as before from states
        )
        select u, instant, if(holds, 'entered', 'exited') as change
        from marked
        where holds <> before
        order by u, instant, phase, line
    """
