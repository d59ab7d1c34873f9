"""Slips with segments and lists: `segment('vip' within 30d)`, `not in segment('vip')`, `entered(list('vip'))`.

Each rule looks at the place where the parser stopped and gives the error if it knows the slip; see `syntax_errors`.
"""

import re
from typing import Final

from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import TEXT, ErrorContext
from app.segments.language.mistakes.windows import DURATION, spoken_window
from app.segments.language.syntax import Span

_ASKED: Final = rf"(?P<function>segment|list)\s*\(\s*(?P<name>{TEXT.pattern})"
_ASKED_BEFORE: Final = re.compile(rf"\b{_ASKED}\s*(?P<closed>\)\s*)?$")
_TIME: Final = re.compile(
    rf"(?:(?P<word>within|in|for|since|during)\s+(?:the\s+)?(?:last\s+)?|,\s*)(?P<duration>{DURATION})(?!\w)"
)
_IN: Final = re.compile(rf"(?:(?:is|are)\s+)?(?P<no>not\s+)?in\s+{_ASKED}\s*\)?")
_IN_BEFORE: Final = re.compile(r"(?P<no>\bnot\s+)?\bin\s+$")
_MARK_OF: Final = re.compile(r"\b(entered|left|since_left|times)\s*\(\s*$")
_USER: Final = re.compile(r"\buser\s*$")


def time_of_membership(context: ErrorContext) -> LanguageError | None:
    """`segment('vip' within 30d)`, `segment('vip') for 30d`, `list('vip', 30d)`."""
    asked, time, said = _ASKED_BEFORE.search(context.before), _TIME.match(context.rest), spoken_window(context.rest)
    if asked is None or (time is None and said is None):
        return None
    length, duration = (len(time[0]), time["duration"]) if time is not None else said or (0, "")
    function, name = asked["function"], asked["name"]
    if function == "list":
        hint = f"with when: list({name}) and for: {duration} a segment has those who have been on it this long"
        return context.wrong("a list does not know since when a user is on it", hint, length=length)
    if context.word == "for":
        hint = f"for those who have been in it this long, write for: {duration} in a file with when: segment({name})"
        return context.wrong("segment(...) asks for this instant, not for a time", hint, length=length)
    hint = f"write entered({name} within {duration}) or left({name} within {duration})"
    return context.wrong("segment(...) asks for this instant, not for a time", hint, length=length)


def word_before_membership(context: ErrorContext) -> LanguageError | None:
    """`not in segment('vip')`, `user in list('vip')`, `user not in segment('vip')`."""
    here = re.match(rf"{_ASKED}\s*\)?", context.rest)
    before = _IN_BEFORE.search(context.before) if here is not None else None
    match = here if before is not None else _IN.match(context.rest)
    if match is None:
        return None
    start = context.at if before is None else before.start()
    negated = (before if before is not None else match)["no"]
    if user := _USER.search(context.text[:start]):
        start = user.start()
    hint = f"write {'not ' if negated else ''}{match['function']}({match['name']})"
    return LanguageError("in is not written before a segment or a list", Span(start, context.at + len(match[0])), hint)


def membership_hint(text: str, user: Span) -> str:
    """A hint for `user in segment('vip')`; empty if nothing of the kind follows."""
    match = re.match(rf"\s*{_IN.pattern}", text[user.end :])
    return f"write {match['function']}({match['name']})" if match else ""


def mark_of_call(context: ErrorContext) -> LanguageError | None:
    """`entered(list('vip'))`, `left(segment('vip'))`."""
    mark, asked = _MARK_OF.search(context.before), re.match(_ASKED, context.rest)
    if mark is None or asked is None:
        return None
    if asked["function"] == "segment":
        hint = f"write {mark[1]}({asked['name']})"
        return context.wrong(f"{mark[1]} needs only the name of the segment", hint, length=len(asked[0]) + 1)
    hint = f"write a segment with when: list({asked['name']}), and its name here"
    return context.wrong("only a segment has entries and exits", hint, length=len(asked[0]) + 1)


MEMBERSHIPS: Final = (mark_of_call, time_of_membership, word_before_membership)
