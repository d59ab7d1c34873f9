"""Attribution: the channels of the visits before a conversion, and the share of it that each is given.

Five rules and a model. first, last: all to one visit; last known: to the last visit that did not come directly, if
there is one; linear: the same to each; position: 40 % each to the first and the last, the rest to those between.
markov: visits are a chain of moves from channel to channel; the effect of a channel is the share of conversions that
would be missing if everybody left there (Anderl et al., Mapping the customer journey, 2016).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from app.reports.history import History
from app.reports.notes import Note
from app.reports.outcomes import MILLION
from app.reports.report import Chart, Report, Table, columns
from app.segments.language.durations import format_duration

DIRECT: Final = "(direct)"
OTHERS: Final = "(others)"
RULES: Final = ("first", "last", "last known", "linear", "position", "markov")
END: Final = Fraction(2, 5)
_NOTHING: Final = (Fraction(0),) * (len(RULES) - 1)
_START: Final = "(start)"
_CONVERSION: Final = "(conversion)"
_NONE: Final = "(none)"
_CHANNELS: Final = """
    CREATE OR REPLACE TABLE visits AS
    WITH said AS (
        SELECT visit, u, n, at_ms, CASE WHEN json_valid(context) THEN context END AS given FROM events),
    parts AS (
        SELECT visit, u, n, at_ms, lower(trim(json_extract_string(given, '$.campaign.source'))) AS source,
               lower(trim(json_extract_string(given, '$.campaign.medium'))) AS medium,
               lower(regexp_extract(json_extract_string(given, '$.page.referrer'), '^https?://([^/?#]+)', 1)) AS sender,
               lower(regexp_extract(json_extract_string(given, '$.page.url'), '^https?://([^/?#]+)', 1)) AS own
        FROM said),
    channels AS (
        SELECT visit, u, n, at_ms, CASE
            WHEN source = '(direct)' THEN NULL
            WHEN source <> '' OR medium <> '' THEN
                coalesce(nullif(source, ''), '(not set)') || ' / ' || coalesce(nullif(medium, ''), '(not set)')
            WHEN sender <> '' AND sender IS DISTINCT FROM own THEN sender || ' / referral' END AS channel
        FROM parts)
    SELECT visit, any_value(u) AS u, min(at_ms) AS start_ms, min(n) AS first_n,
           coalesce(arg_min(channel, n), getvariable('direct')) AS channel
    FROM channels GROUP BY visit
"""
_RARE: Final = """
    UPDATE visits SET channel = getvariable('others') WHERE channel NOT IN (
        SELECT channel FROM visits GROUP BY channel ORDER BY count(*) DESC, channel LIMIT getvariable('channels_max'))
"""
_TOUCHES: Final = """
    CREATE OR REPLACE TABLE touches AS
    SELECT goal, micros, channel, row_number() OVER path AS place, count(*) OVER (PARTITION BY goal) AS length,
           lead(channel) OVER path AS next,
           max(CASE WHEN channel <> getvariable('direct') THEN first_n END) OVER (PARTITION BY goal) AS known_n, first_n
    FROM (SELECT g.n AS goal, g.micros, v.* FROM goals AS g JOIN visits AS v ON v.u = g.u AND v.first_n <= g.n
          AND (v.start_ms >= g.at_ms - $window_ms OR v.visit = (SELECT visit FROM events AS e WHERE e.n = g.n))
          WHERE g.at_ms >= getvariable('since_ms'))
    WINDOW path AS (PARTITION BY goal ORDER BY first_n)
"""
_GIVEN: Final = """
    SELECT channel, place, length, coalesce(first_n = known_n, place = length) AS is_known, count(*),
           sum(micros)::BIGINT
    FROM touches GROUP BY ALL
"""
_LOST: Final = """
    CREATE OR REPLACE TABLE lost AS
    SELECT u, channel, row_number() OVER path AS place, lead(channel) OVER path AS next
    FROM (SELECT v.*, max(start_ms) OVER (PARTITION BY u) AS last_ms FROM visits AS v
          WHERE u NOT IN (SELECT u FROM goals WHERE at_ms >= getvariable('since_ms')))
    WHERE last_ms >= getvariable('since_ms') AND start_ms >= last_ms - $window_ms
    WINDOW path AS (PARTITION BY u ORDER BY first_n)
"""
_MOVES: Final = """
    SELECT come_from, goes_to, count(*) FROM (
        SELECT channel AS come_from, coalesce(next, getvariable('conversion')) AS goes_to FROM touches
        UNION ALL SELECT getvariable('start'), channel FROM touches WHERE place = 1
        UNION ALL SELECT channel, coalesce(next, getvariable('nothing')) FROM lost
        UNION ALL SELECT getvariable('start'), channel FROM lost WHERE place = 1)
    GROUP BY ALL
"""
Moves = Mapping[str, Mapping[str, int]]


class Given(NamedTuple):
    """Conversions that have a visit by `channel` at `place` of `length` visits before them."""

    channel: str
    place: int
    length: int
    is_known: bool
    conversions: int
    micros: int


def report_attribution(history: History, windows_ms: Sequence[int], limit: int) -> Report:
    """Conversions and their value by channel, for visits up to so long before a conversion."""
    history.remember(direct=DIRECT, others=OTHERS, channels_max=limit)
    history.remember(start=_START, conversion=_CONVERSION, nothing=_NONE)
    history.rows(_CHANNELS)
    history.rows(_RARE)
    tables: list[Table] = []
    for window_ms in windows_ms:
        history.rows(_TOUCHES, {"window_ms": window_ms})
        history.rows(_LOST, {"window_ms": window_ms})
        tables += _tables(history, format_duration(window_ms))
    return Report(kind="attribution", tables=tables)


def _tables(history: History, window: str) -> Iterable[Table]:
    given = [Given(*row) for row in history.rows(_GIVEN)]
    moves: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for come_from, goes_to, number in history.rows(_MOVES):
        moves[come_from][goes_to] = number
    visits = dict(history.rows("SELECT channel, count(*) FROM visits GROUP BY channel"))
    effects = removal_effects(moves)
    notes = () if given else (Note("no_conversion"),)
    amounts: dict[str, tuple[str, Callable[[Given], Fraction]]] = {
        "attribution": ("conversions", lambda row: Fraction(row.conversions)),
        "attribution-value": ("value", lambda row: Fraction(row.micros, MILLION)),
    }
    for name, (title, amount) in amounts.items():
        shares = _shares(given, amount)
        whole = sum(amount(row) for row in given if row.place == row.length)
        rows = []
        for each, number in visits.items():
            by_rule = map(float, shares.get(each, _NOTHING))
            rows.append((each, number, *by_rule, effects.get(each, 0.0) * float(whole)))
        yield Table(
            name=f"{name}-{window}",
            title=f"{title} by channel, visits up to {window} before",
            columns=columns(("channel", "text"), ("visits", "count"), *((rule, "number") for rule in RULES)),
            rows=sorted(rows, key=lambda row: (-row[5], -row[1], row[0])),
            notes=notes,
            chart=Chart(form="bars", label="channel", value="linear"),
        )


def _shares(given: Sequence[Given], amount: Callable[[Given], Fraction]) -> dict[str, tuple[Fraction, ...]]:
    """The amounts that the rules, without the model, give to each channel that has any, as exact fractions."""
    found: dict[str, tuple[Fraction, ...]] = {}
    for row in given:
        all_or_nothing = (row.place == 1, row.place == row.length, row.is_known)
        parts = (*map(Fraction, all_or_nothing), Fraction(1, row.length), _position(row.place, row.length))
        before = found.get(row.channel, _NOTHING)
        found[row.channel] = tuple(share + part * amount(row) for share, part in zip(before, parts, strict=True))
    return found


def _position(number: int, length: int) -> Fraction:
    """The part of the visit of this number, of so many.

    >>> [_position(number, 4) for number in range(1, 5)]
    [Fraction(2, 5), Fraction(1, 10), Fraction(1, 10), Fraction(2, 5)]
    """
    if length <= 2:
        return Fraction(1, length)
    return END if number in {1, length} else (1 - 2 * END) / (length - 2)


def removal_effects(moves: Moves) -> dict[str, float]:
    """The share of all conversions that is due to each channel, by the chain of moves: together 1, or nothing.

    >>> moves = {_START: {"a": 2, "b": 1}, "a": {"b": 1, _NONE: 1}, "b": {_CONVERSION: 2}}
    >>> {name: round(share, 3) for name, share in removal_effects(moves).items()}
    {'a': 0.333, 'b': 0.667}
    """
    channels = sorted(set(moves) - {_START})
    whole = _reaches(moves, channels, None) if channels else 0.0
    if not whole:
        return {}
    lost = {each: 1 - _reaches(moves, channels, each) / whole for each in channels}
    together = sum(lost.values())
    return {each: share / together for each, share in lost.items()}


def _reaches(moves: Moves, channels: Sequence[str], removed: str | None) -> float:
    """The probability that a path ends with a conversion, if all leave at one channel: by elimination.

    Rows are of a diagonally dominant matrix, so no pivots are exchanged.
    """
    states = [_START, *(each for each in channels if each != removed)]
    rows = []
    for each in states:
        total = sum(moves.get(each, {}).values())
        row = [(each == other) - moves.get(each, {}).get(other, 0) / total for other in states]
        rows.append([*row, moves[each].get(_CONVERSION, 0) / total])
    for place in range(len(states) - 1, 0, -1):
        pivot = rows[place]
        for row in rows[:place]:
            if row[place]:
                factor = row[place] / pivot[place]
                for column in (*range(place), -1):
                    row[column] -= factor * pivot[column]
    return rows[0][-1] / rows[0][0]
