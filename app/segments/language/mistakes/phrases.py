"""Phrases of everyday language: `between 3 and 5`, `count(page) > 5 in 1h`, `coupon is not null`, `last query of 'A'`.

Each rule looks at the place where the parser stopped and gives the error if it knows the phrase; see `syntax_errors`.
Where it can it says the whole phrase as the language does.
"""

import re

from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import KEYWORDS, TEXT, ErrorContext
from app.segments.language.mistakes.windows import DURATION, spoken_window, window_in_words
from app.segments.language.names import FUNCTIONS
from app.segments.language.syntax import Span

_TEXT = r"'(?:[^'\n]|'')*'"
_VALUE = r"(?:\w+\((?:[^()]|\([^()]*\))*\)|[^\W\d][\w.]*(?:\['[^'\n]*'\])?)"
_VALUE_BEFORE = re.compile(rf"({_VALUE})\s*$")
_BETWEEN = re.compile(rf"between\s+([0-9][\w.]*|{_TEXT})\s+(?:and|to)\s+([0-9][\w.]*|{_TEXT})")
_RANGE_BEFORE = re.compile(rf"({_VALUE})\s+in\s+\[\s*([0-9]+)\s*$")
_RANGE_AFTER = re.compile(r"(?:-|\.\.+|to\b)\s*([0-9]+)")
_OF = re.compile(rf"([\w.]+)\s+of\s+({_TEXT}|page|screen|identify)")
_COMPARED_CALL = re.compile(r"(\w+\((?:[^()]|\([^()]*\))*)\)\s*((?:[<>]=?|!?=)\s*[0-9][\w.]*)\s*$")
_IS_THERE = re.compile(
    r"(?:is\s+)?(not\s+)?(null|empty|missing|none|unknown|nothing|exists?|known|set|present)\b", re.IGNORECASE
)
_THERE_WORDS = frozenset({"exist", "exists", "known", "set", "present"})
_DONE = re.compile(
    rf"\b(?:(?:has|have|had|did|does)\s+)?(?P<not>(?:not|never)\s+)?(?:done|did|do|performed)\s+(?P<event>{_TEXT})"
)
_DAYS = frozenset({"today", "yesterday"})


def between(context: ErrorContext) -> LanguageError | None:
    """`since('Order Completed') between 25d and 35d`."""
    match, left = _BETWEEN.match(context.rest), _VALUE_BEFORE.search(context.before)
    if match is None or left is None:
        return None
    hint = f"write {left[1]} >= {match[1]} and {left[1]} <= {match[2]}"
    return context.wrong("unexpected between", hint, length=len(match[0]))


def list_as_range(context: ErrorContext) -> LanguageError | None:
    """`hour_of_day('Europe/Berlin') in [9-17]`."""
    match, before = _RANGE_AFTER.match(context.rest), _RANGE_BEFORE.search(context.before)
    if match is None or before is None:
        return None
    return LanguageError(
        "a list names each of its values",
        Span(before.start(2), context.at + len(match[0])),
        f"write {before[1]} >= {before[2]} and {before[1]} <= {match[1]}",
    )


def function_without_parentheses(context: ErrorContext) -> LanguageError | None:
    """`last query of 'Products Searched'`."""
    before = re.search(r"([^\W\d]\w*)\s+$", context.before)
    match = _OF.match(context.rest)
    if match is None or before is None or before[1] not in FUNCTIONS:
        return None
    span = Span(before.start(), context.at + len(match[0]))
    return LanguageError(f"{before[1]} needs parentheses", span, f"write {before[1]}({match[1]} of {match[2]})")


def bare_event(context: ErrorContext) -> LanguageError | None:
    """`not 'Order Completed' within 3d`, `no 'Order Completed' for 3d`."""
    if context.function:
        return None
    negated = re.search(r"\b(?:not|no|without)\s*$", context.before)
    event = TEXT.match(context.rest)
    if event is not None and negated is not None:
        start, window = negated.start(), context.rest[event.end() :]
    else:
        read = re.search(rf"(?:\b(?:not|no)\s+)?({_TEXT})\s*(in\s+the\s+)?$", context.before)
        if read is None or not context.word:
            return None
        start, window = read.start(), (read[2] or "") + context.rest
        event, negated = TEXT.match(context.text, read.start(1)), re.match(r"no", read[0])
    blanks = len(window) - len(window.lstrip())
    within = spoken_window(window[blanks:])
    if event is None or within is None:
        return None
    scope = f"{event[0]} within {within[1]}"
    hint = f"write not exists({scope})" if negated else f"write exists({scope})"
    end = len(context.text) - len(window) + blanks + within[0]
    return LanguageError("an event alone is not a condition", Span(start, end), hint)


def done(context: ErrorContext) -> LanguageError | None:
    """`has done 'Order Completed' within 30d`, `has not done 'Order Completed'`."""
    match = next((each for each in _DONE.finditer(context.text) if each.start() <= context.at <= each.end()), None)
    if match is None or context.function:
        return None
    behind = context.text[match.end() :]
    blanks = len(behind) - len(behind.lstrip())
    length, duration = spoken_window(behind[blanks:]) or (0, "")
    window = f" within {duration}" if duration else ""
    hint = f"write {'never' if match['not'] else 'exists'}({match['event']}{window})"
    span = Span(match.start(), match.end() + (blanks + length if duration else 0))
    return LanguageError("an event alone is not a condition", span, hint)


def window_behind_comparison(context: ErrorContext) -> LanguageError | None:
    """`count(page) > 5 in 1h`, `count(page) > 5 within 1h`."""
    window, compared = spoken_window(context.rest), _COMPARED_CALL.search(context.before)
    if window is None or compared is None or context.function:
        return None
    hint = f"write {compared[1]} within {window[1]}) {compared[2]}"
    return context.wrong("a time belongs inside the parentheses", hint, length=window[0])


def window_behind_comma(context: ErrorContext) -> LanguageError | None:
    """`count(page, 1h)`."""
    match = re.match(rf",\s*({DURATION})\b", context.rest)
    if match is None or not context.after_event:
        return None
    return context.wrong("a comma is not allowed here", f"write within {match[1]}", length=len(match[0]))


def and_before_within(context: ErrorContext) -> LanguageError | None:
    """`'Order Completed' where category = 'coffee' and within 35d`: within was read as a property."""
    before = re.search(r"\b(and|or|,)\s+(within|since\s+last|per|once)\s+$", context.before)
    if before is None or not context.function:
        return None
    span = Span(before.start(1), before.end(1))
    return LanguageError(f"{before[1]} is not allowed before {before[2]}", span, f"leave {before[1]} out")


def calendar_day(context: ErrorContext) -> LanguageError | None:
    """`count('A' today)`, `count('A' within today)`."""
    if context.word.lower() not in _DAYS or not (context.after_event or context.wants_duration):
        return None
    hint = "write 1d" if context.wants_duration else "write within 1d"
    return context.wrong(f"unexpected {context.word}", hint, "windows go back from now: 1d is the last 24 hours")


def segment_by_name(context: ErrorContext) -> LanguageError | None:
    """`in segment 'coffee'`, `is in segment('coffee')`."""
    match = re.match(rf"(?:is\s+)?(?:in\s+)?segment\s*\(?\s*({_TEXT})", context.rest)
    if match is None or context.rest.startswith("segment("):
        return None
    return context.wrong(f"unexpected {context.word}", f"write segment({match[1]})", length=len(match[0]))


def is_there(context: ErrorContext) -> LanguageError | None:
    """`coupon is not null`, `coupon exists`."""
    match, left = _IS_THERE.match(context.rest), _VALUE_BEFORE.search(context.before)
    if match is None or left is None or context.wants_value or left[1] in (*KEYWORDS.values(), "is"):
        return None
    there = (match[2].lower() in _THERE_WORDS) is (match[1] is None)
    hint = f"write {left[1]} is {'known' if there else 'missing'}"
    return context.wrong(
        f"unexpected {match[0].strip()}",
        hint,
        "a missing value makes every comparison false",
        length=len(match[0]),
    )


def distinct_count(context: ErrorContext) -> LanguageError | None:
    """`count(distinct category of 'Product Viewed' within 7d)`."""
    match = re.match(rf"(?:distinct|unique|different)\s+(?:{_OF.pattern}|([\w.]+))", context.rest)
    if context.function != "count" or match is None:
        return None
    of = f"{match[1]} of {match[2]}" if match[1] else f"{match[3]} of 'Product Viewed'"
    return context.wrong("count counts events", f"for different values write distinct({of})", length=len(match[0]))


PHRASES = (
    done,
    between,
    list_as_range,
    function_without_parentheses,
    bare_event,
    window_behind_comparison,
    window_in_words,
    window_behind_comma,
    and_before_within,
    calendar_day,
    segment_by_name,
    is_there,
    distinct_count,
)
