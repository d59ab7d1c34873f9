"""Time windows in everyday words: `in last 7 days`, `past 2 weeks`, `last month`."""

import re
from typing import Final

from app.segments.language.durations import UNIT_WORDS_MS, format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import ErrorContext

DURATION: Final = r"(?:[0-9]+(?:ms|[smhd]))+"
_LEAD = r"(?:(?:within|in|during|over|for|since|from)\s+)?(?:the\s+)?(?P<last>(?:last|past|previous|preceding)\s+)?"
_WORDS = re.compile(
    rf"(?P<lead>{_LEAD})(?:(?P<duration>{DURATION})|(?P<number>[0-9]+|an?|one|two|three)?[\s-]*(?P<unit>[a-z]+))\b"
)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}


def spoken_window(text: str) -> tuple[int, str] | None:
    """The length of the window in words with which a text begins, and the window as a duration; None without one.

    >>> spoken_window("in last 7 days) > 3"), spoken_window("over 24h"), spoken_window("last month")
    ((14, '7d'), (8, '24h'), (10, '30d'))
    """
    match = _WORDS.match(text)
    if match is None or not match["lead"].strip():
        return None
    if match["duration"]:
        return match.end(), match["duration"]
    unit_ms = UNIT_WORDS_MS.get(match["unit"])
    if unit_ms is None or not (match["number"] or match["last"]):
        return None
    number = match["number"] or "1"
    written = _NUMBERS.get(number) or int(number)
    return (match.end(), format_duration(written * unit_ms)) if written else None


def window_in_words(context: ErrorContext) -> LanguageError | None:
    """`exists('A' in last 7 days)`, `count('A' within the last 30d)`."""
    behind_within = context.wants_duration and context.before.rstrip().endswith("within")
    if not context.word or not (behind_within or (context.function and "_WITHIN" in context.allowed)):
        return None
    if behind_within and context.word == "next":
        said_ahead = re.match(rf"next\s+({DURATION})", context.rest)
        back = f": write within {said_ahead[1]} for what was before" if said_ahead else ""
        return context.wrong("within next looks ahead", f"only labels of a features file look ahead{back}")
    said = spoken_window(context.rest)
    if said is None:
        return None
    length, duration = said
    return context.wrong(
        f"unexpected {context.word}", f"write {'' if behind_within else 'within '}{duration}", length=length
    )
