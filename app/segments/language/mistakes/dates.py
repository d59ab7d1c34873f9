"""Slips with dates: an event or a fixed date where a value of the user is needed, a duration below zero.

Each rule looks at the place where the parser stopped and gives the error if it knows the slip; see `syntax_errors`.
"""

import re
from datetime import date, timedelta

from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import TEXT, ErrorContext
from app.segments.language.mistakes.windows import DURATION
from app.segments.language.syntax import Span
from tables.dates import is_date, is_instant

_DISTANCES = ("until", "until_anniversary")
_NEGATIVE = re.compile(r"-\s*((?:[0-9]+(?:ms|[smhd]))+)")
_ORDER_BEFORE = re.compile(r"(?P<function>since|until)\((?P<value>(?:[^()]|\([^()]*\))*)\)\s*(?P<sign>[<>]=?)\s*-?\s*$")
_SPAN = re.compile(
    r"(?P<word>to|until|till|and|since|after|before|on|between)\s+'(?P<first>[^'\n]*)'"
    r"(?:\s+(?:and|to|until)\s+'(?P<second>[^'\n]*)')?"
)
_COMPARED_BEFORE = re.compile(r"(?P<value>(?:traits|context)\.[\w.]+|(?:last|first)\([^()]*\))\s*(?P<sign>[<>]=?)\s*$")
_MOVED = re.compile(rf"(?:\s*\(\s*\))?\s*(?P<sign>[+-])\s*(?P<duration>{DURATION})(?!\w)")
_OTHER = {"since": "until", "until": "since"}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def no_value_of_user(context: ErrorContext) -> LanguageError | None:
    """`until('2026-12-24')`, `until('Trial Started')`, `until()`."""
    if context.function not in _DISTANCES or not re.search(r"\(\s*$", context.before):
        return None
    name, event = context.function, TEXT.match(context.rest)
    hint = f"write {name}(traits.trial_ends)"
    if event is not None and is_date(event[0].strip("'")):
        hint = f"a fixed date is compared with date(): date() >= {event[0]}"
    elif event is not None and not re.search(r"[0-9]{2}-[0-9]{2}'$", event[0]):
        hint = f"the date in its latest event is {name}(last(ends_at of {event[0]}))"
    return context.wrong(f"{name} needs a value of the user that is a date", hint)


def negative_duration(context: ErrorContext) -> LanguageError | None:
    """`until(traits.trial_ends) > -3d`."""
    start = re.search(r"-\s*$", context.before)
    at = start.start() if start is not None else context.at
    match, compared = _NEGATIVE.match(context.text, at), _ORDER_BEFORE.search(context.text[:at])
    if match is None:
        return None
    hint = "turn the comparison round, so that the duration is above 0s"
    if compared is not None:
        other, sign = _OTHER[compared["function"]], _FLIPPED[compared["sign"]]
        hint = f"write {other}({compared['value']}) {sign} {match[1]}"
    return LanguageError("a duration is never negative", Span(at, match.end()), hint)


def window_of_value(context: ErrorContext) -> LanguageError | None:
    """`until(traits.trial_ends within 3d)`."""
    if context.word not in ("within", "since") or context.function not in _OTHER or "RPAR" not in context.allowed:
        return None
    value = re.search(r"\(\s*((?:traits|context)\.[\w.]+)\s*$", context.before)
    if value is None:
        return None
    return context.wrong(f"{value[1]} has no window", f"compare behind it: {context.function}({value[1]}) < 3d")


def span_in_other_words(context: ErrorContext) -> LanguageError | None:
    """`exists('A' after '2026-11-27')`, `exists('A' to '2026-12-01')`."""
    match = _SPAN.match(context.rest)
    if match is None or not context.function or not is_instant(match["first"]):
        return None
    word, first, second = match["word"], match["first"], match["second"]
    if re.search(r"\bfrom\s+'[^']*'\s*$", context.before):
        hint = f"write to '{first}'"
    elif second is not None:
        hint = f"write from '{first}' to '{second}'"
    elif word in ("since", "after"):
        hint = f"write from '{first}'"
    elif word == "on" and is_date(first):
        hint = f"write from '{first}' to '{date.fromisoformat(first) + timedelta(days=1)}'"
    else:
        hint = f"a span needs a beginning: write from '2020-01-01' to '{first}'"
    return context.wrong(f"unexpected {word}", hint, length=len(match[0]))


def misplaced_span(context: ErrorContext) -> LanguageError | None:
    """`exists(sequence('A' then 'B' from '2026-11-27'))`, `exists('A' from 7d)`."""
    if context.word == "from" and context.function == "sequence":
        return context.wrong(
            "unexpected from", "from belongs behind the sequence: exists(sequence('A' then 'B') from '2026-11-27')"
        )
    duration = re.match(DURATION, context.rest)
    if duration is not None and re.search(r"\bfrom\s*$", context.before):
        return context.wrong("from needs a date", f"write within {duration[0]}")
    return None


def instant_hint(text: str, now: Span) -> str:
    """A hint for `now` or `today` in a comparison: `traits.starts_at < now + 3d`; may be empty."""
    left = _COMPARED_BEFORE.search(text[: now.start])
    moved = _MOVED.match(text[now.end :])
    if left is None:
        return ""
    ahead = moved is None or moved["sign"] == "+"
    function, sign = ("until", left["sign"]) if ahead else ("since", _FLIPPED[left["sign"]])
    return f"write {function}({left['value']}) {sign} {moved['duration'] if moved else '0s'}"


DATES = (span_in_other_words, misplaced_span, window_of_value, no_value_of_user, negative_duration)
