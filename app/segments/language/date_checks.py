"""Checks of what is said about dates and clocks: hours and days that never come, texts that are no dates."""

from collections.abc import Iterator
from typing import Final

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.side_hints import date_hint, shown
from app.segments.language.suggestions import listed
from app.segments.language.types import CLOCK_RANGES, Type, type_of
from tables.dates import instant_in, is_date, is_instant

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_WORDS: Final[dict[s.ClockReading, tuple[str, str]]] = {
    "hour_of_day": ("an hour of the day", "hours"),
    "day_of_month": ("a day of the month", "days"),
    "month": ("a month", "months"),
    "week_of_year": ("a week of the year", "weeks"),
}
_ORDERING: Final = frozenset({"<", "<=", ">", ">="})


def span_errors(node: s.FixedSpan) -> list[LanguageError]:
    """The problems of `from '2026-11-27' to '2026-12-01'`."""
    texts = [text for text in (node.start, node.end) if text is not None]
    errors = [
        LanguageError(f"'{text}' is no date", node.span, date_hint(text)) for text in texts if not is_instant(text)
    ]
    if errors or node.end is None:
        return errors
    start, end = instant_in(node.start, "UTC"), instant_in(node.end, "UTC")
    if start is not None and end is not None and start >= end:
        hint = "to is the first instant that does not count: for one day write from '2026-11-27' to '2026-11-28'"
        return [LanguageError("this span ends before anything is in it", node.span, hint)]
    return []


def date_as_event(node: s.Aggregate) -> Iterator[LanguageError]:
    """The problem of `since('2026-11-27')`: the name of an event is hardly meant."""
    source = node.pattern.source
    if node.function != "since" or isinstance(source, s.Sequence):
        return
    for event in source:
        if event.name is not None and is_date(event.name):
            yield LanguageError(
                f"'{event.name}' is a date, but since needs an event or a value of the user",
                event.span,
                f"a fixed date is compared with date(): date() >= '{event.name}'",
            )


def is_beside_instant(node: s.Comparison) -> bool:
    """True if a fixed text is compared with an instant."""
    return any(
        type_of(side) is Type.INSTANT and isinstance(text, s.Text)
        for side, text in ((node.left, node.right), (node.right, node.left))
    )


def instant_errors(node: s.Comparison) -> Iterator[LanguageError]:
    """The problems of a fixed text beside an instant."""
    for side, text in ((node.left, node.right), (node.right, node.left)):
        if not isinstance(text, s.Text):
            continue
        if not is_instant(text.value):
            yield LanguageError(f"'{text.value}' is no date", text.span, date_hint(text.value))
        elif node.operator not in _ORDERING:
            hint = f"write {shown(side)} >= '{text.value}' and {shown(side)} < ..."
            yield LanguageError(f"{shown(side)} is hardly ever at exactly this instant", node.span, hint)


def clock_errors(node: s.Comparison) -> Iterator[LanguageError]:
    """Hours, days and dates that never come."""
    for clock, other in ((node.left, node.right), (node.right, node.left)):
        if not isinstance(clock, s.Clock):
            continue
        if clock.reading == "day_of_week" and node.operator not in ("=", "!=", "in"):
            yield LanguageError("days have no order here", node.span, "write in ['saturday', 'sunday']")
            return
        for value in other.items if isinstance(other, s.ListOf) else (other,):
            yield from _value_errors(clock.reading, node.operator, value)


def _value_errors(reading: s.ClockReading, operator: str, value: s.Expression) -> Iterator[LanguageError]:
    if isinstance(value, s.Number) and reading in CLOCK_RANGES:
        least, most = CLOCK_RANGES[reading]
        if not least <= value.value <= most:
            words, many = _WORDS[reading]
            hint = f"the {many} go from {least} to {most}"
            yield LanguageError(f"{canonical.text(value)} is not {words}", value.span, hint)
    elif isinstance(value, s.Text) and operator not in ("contains", "starts with", "matches"):
        if reading == "day_of_week" and value.value not in WEEKDAYS:
            yield _weekday_error(value)
        elif reading == "date" and not is_date(value.value):
            day = value.value[: len("2026-11-27")]
            hint = f"date() has no time: write '{day}'" if is_date(day) else date_hint(value.value)
            yield LanguageError(f"'{value.value}' is no date", value.span, hint)


def _weekday_error(value: s.Text) -> LanguageError:
    guess = next((day for day in WEEKDAYS if value.value.strip().lower()[:3] == day[:3]), None)
    hint = f"write '{guess}'" if guess else f"the days are {listed(WEEKDAYS)}"
    return LanguageError(f"'{value.value}' is not a day of the week", value.span, hint)
