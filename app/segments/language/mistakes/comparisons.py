"""Comparisons in words: `is at least 3`, `is not 'pro'`, `> 45d ago`.

Each rule looks at the place where the parser stopped and gives the error if it knows the words; see `syntax_errors`.
"""

import re
from typing import Final

from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import TEXT, ErrorContext
from app.segments.language.mistakes.windows import DURATION
from app.segments.language.syntax import Span

_SIGNS: Final = (
    (r"(?:no|not) (?:less|fewer|smaller|lower) than|at least|a minimum of|minimum of|min", ">="),
    (r"(?:no|not) (?:more|greater|larger|higher) than|at most|a maximum of|maximum of|up to", "<="),
    (r"(?:more|greater|larger|higher|bigger) than or (?:equal to|equals)", ">="),
    (r"(?:less|fewer|smaller|lower) than or (?:equal to|equals)", "<="),
    (r"(?:more|greater|larger|higher|bigger|longer|older|later) than|above|over", ">"),
    (r"(?:less|fewer|smaller|lower|shorter|younger|earlier) than|below|under", "<"),
    (r"(?:not|never) (?:one of|any of|in)", "not in"),
    (r"one of|any of|either", "in"),
    (r"not (?:equal to|the same as)|not|different from|other than|unequal to", "!="),
    (r"exactly|equal to|the same as", "="),
)
_WORDS: Final = tuple(
    (re.compile(rf"(?:(?:is|are|was|were)\s+)?(?:{words.replace(' ', chr(92) + 's+')})(?!\w)"), sign)
    for words, sign in _SIGNS
)
_IN_LIST: Final = re.compile(r"(?:is|are|was|were)\s+in\b")
_LITERAL: Final = re.compile(rf"\s*({DURATION}(?!\w)|{TEXT.pattern}|\[[^\]\n]*\]|[0-9]+(?:\.[0-9]+)?(?![\w.]))")
_LEFT: Final = re.compile(r"([^\W\d][\w.]*(?:\((?:[^()]|\([^()]*\))*\))?)\s*$")
_AGO: Final = re.compile(
    rf"(?P<left>{TEXT.pattern}|since\({TEXT.pattern}\))\s*(?P<sign>[<>]=?)\s*(?P<duration>{DURATION})\s+$"
)


def sign_in_words(context: ErrorContext) -> LanguageError | None:
    """`count(page) is at least 3`, `traits.plan is one of ['pro']`."""
    if not context.word or context.wants_value or context.wants_event or "EQ" not in context.allowed:
        return None
    if match := _IN_LIST.match(context.rest):
        return context.wrong(f"unexpected {context.word}", "write in", length=match.end())
    for words, sign in _WORDS:
        match = words.match(context.rest)
        if match is None:
            continue
        literal = _LITERAL.match(context.rest[match.end() :])
        value = f" {literal[1]}" if literal else ""
        length = match.end()
        if sign != "not in":
            return context.wrong(f"unexpected {_first(match[0])}", f"write {sign}{value}", length=length)
        left = _LEFT.search(context.before)
        if left is not None:
            hint = f"write not {left[1]} in{value or ' [...]'}"
            return context.wrong(f"unexpected {_first(match[0])}", hint, length=length)
    return None


def _first(words: str) -> str:
    return words.split(maxsplit=1)[0]


def ago(context: ErrorContext) -> LanguageError | None:
    """`'Order Completed' > 45d ago`."""
    match = _AGO.search(context.before) if context.word == "ago" else None
    if match is None:
        return None
    since = match["left"] if match["left"].startswith("since") else f"since({match['left']})"
    hint = f"write {since} {match['sign']} {match['duration']}"
    return LanguageError("unexpected ago", Span(match.start(), context.at + len("ago")), hint)


COMPARISONS: Final = (ago, sign_in_words)
