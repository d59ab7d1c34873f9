"""Slips in what a function counts: any event at all, a window that ends before now, `since` without `last`.

Each rule looks at the place where the parser stopped and gives the error if it knows the slip; see `syntax_errors`.
"""

import re
from typing import Final

from app.segments.language.errors import LanguageError
from app.segments.language.functions import AGGREGATES
from app.segments.language.mistakes.error_context import TEXT, ErrorContext, open_bracket
from app.segments.language.mistakes.windows import DURATION
from app.segments.language.syntax import Span

_ANY_EVENT: Final = re.compile(
    r"(?:(?:any|all|every|each|some|an?)\s+)?(?:events?|activity|actions?)(?!\w|\s*\()", re.IGNORECASE
)
_WITHIN: Final = re.compile(rf"\s+within\s+({DURATION})\s*\)")
_BETWEEN: Final = re.compile(rf"between\s+(?P<first>{DURATION})\s+(?:and|to)\s+(?P<second>{DURATION})(?:\s+ago)?(?!\w)")
_EVENT: Final = rf"{TEXT.pattern}|(?:page|screen|identify)\b"
_SINCE: Final = re.compile(rf"(?:since|after)\s+(?!last\b)(?:the\s+)?(?P<event>{_EVENT})")
_OWN_EVENT: Final = re.compile(rf"(?P<event>{_EVENT})")
_CALENDAR: Final = re.compile(
    r"(?:(?:this|current|calendar|the\s+current)\s+)(?P<unit>day|week|month|year)\b", re.IGNORECASE
)
_DAYS_OF: Final = {"day": "1d", "week": "7d", "month": "30d", "year": "365d"}
_PERIODS: Final = {"day": "1d", "week": "7d", "month": "30d"}
_DAYS_BY: Final = {"date": "days", "day_of_month": "days", "week_of_year": "weeks", "month": "months"}
_CALL: Final = re.compile(r"\w+\s*\([^()]*\)")


def any_event(context: ErrorContext) -> LanguageError | None:
    """`exists(any event within 90d)`, `since(any event)`."""
    match = _ANY_EVENT.match(context.rest) if context.wants_event else None
    if match is None or context.function not in (*AGGREGATES, "any"):
        return None
    within = _WITHIN.match(context.rest[match.end() :])
    hint = "name the events: any('Product Viewed', 'Order Completed', page)"
    if context.function == "exists" and within:
        hint = f"for those who did anything at all write user.idle < {within[1]}"
    elif context.function == "never" and within:
        hint = f"for those who did nothing at all write user.idle >= {within[1]}"
    elif context.function == "since":
        hint = "the time since the last event of any name is user.idle"
    elif context.function == "count":
        hint = f"{hint}; the events of the visit going on are session.events"
    return context.wrong("a pattern needs the names of its events", hint, length=len(match[0]))


def window_before_now(context: ErrorContext) -> LanguageError | None:
    """`exists(page between 30d and 90d)`: the events of the longer window less those of the shorter."""
    match = _BETWEEN.match(context.rest)
    opened = open_bracket(context.before)
    if match is None or opened is None or context.function not in AGGREGATES:
        return None
    pattern = context.before[opened + 1 :].strip()
    first, second = match["first"], match["second"]
    counted = "sum" if context.function == "sum" else "count"
    written = f"{counted}({pattern} within {second}) - {counted}({pattern} within {first})"
    if context.function in ("exists", "never"):
        hint = f"write {written} {'>' if context.function == 'exists' else '='} 0"
    elif context.function in ("count", "sum"):
        hint = f"write {written}"
    else:
        hint = "within 90d has all events of the last 90 days"
    return context.wrong("a window ends now", hint, length=len(match[0]))


def since_without_last(context: ErrorContext) -> LanguageError | None:
    """`count('Product Viewed' since 'Order Completed')`."""
    match = _SINCE.match(context.rest)
    if match is None or not context.function or "_SINCE_LAST" not in context.allowed:
        return None
    opened = open_bracket(context.before)
    own = _OWN_EVENT.search(context.before, opened or 0)
    word, event = context.word, match["event"]
    if own is not None and own["event"] == event:
        hint = f"write the event that ends the count: since last 'Order Completed', or leave since {event} out"
        return context.wrong(
            f"nothing is counted since an event of its own kind: each {event} would begin anew",
            hint,
            length=len(match[0]),
        )
    return context.wrong(f"unexpected {word}", f"write since last {event}", length=len(match[0]))


def calendar_window(context: ErrorContext) -> LanguageError | None:
    """`count(page within this month)`, `count(page this week)`."""
    match = _CALENDAR.match(context.rest)
    if match is None or not (context.after_event or context.wants_duration):
        return None
    unit = match["unit"].lower()
    hint = f"write {'' if context.wants_duration else 'within '}{_DAYS_OF[unit]}"
    return context.wrong(
        f"unexpected {context.word}", hint, f"windows go back from now; none begins with a {unit}", length=len(match[0])
    )


def matching_outside_sequence(context: ErrorContext) -> LanguageError | None:
    """`exists('Order Completed' where x = 1 matching product_id since last 'Order Refunded')`."""
    if context.word != "matching" or not context.function or context.function == "sequence":
        return None
    hint = "write it inside a sequence: exists(sequence('A' then 'B' matching product_id))"
    return context.wrong("unexpected matching", hint)


def misplaced_function(context: ErrorContext, name: str, start: int) -> LanguageError:
    """The error for a function of the language that cannot stand where it does: `count(page per date())`."""
    outer = ErrorContext(context.text, start, context.allowed).function
    call = _CALL.match(context.text[start:])
    span = Span(start, start + (call.end() if call else len(name)))
    days = _DAYS_BY.get(name)
    if days and (outer == "distinct" or re.search(r"\bper\s+$", context.text[:start])):
        hint = f"for the number of different {days} write {days}('Product Viewed' within 30d)"
        return LanguageError(f"{name}(...) is a function of the clock, not a property", span, hint)
    if outer == "since" and name in ("segment", "list", "consent"):
        compared = re.match(rf"\s*\)\s*>=?\s*({DURATION})", context.text[span.end :])
        time = compared[1] if compared else "3d"
        hint = f"for a condition that has been true for this time, write for: {time} beside when:"
        written = context.text[span.start : span.end]
        return LanguageError(f"{written} is a value of the user, not an event", span, hint)
    hint = "compare it outside the parentheses, joined with and" if outer else ""
    if period := re.search(r"\bper\s+(day|week|month)\b", context.text[span.start : span.end]):
        within = f"count('Product Viewed' within {_PERIODS[period[1]]})"
        hint = f"numbers of each {period[1]} are not kept apart; write {within}"
    return LanguageError(f"{name}(...) cannot stand here", span, hint)


SCOPES: Final = (any_event, window_before_now, since_without_last, calendar_window, matching_outside_sequence)
