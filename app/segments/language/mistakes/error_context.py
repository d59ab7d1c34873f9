"""The place in a text at which the parser stopped, and what it would have taken there."""

import re
from dataclasses import dataclass

from app.segments.language.errors import LanguageError
from app.segments.language.syntax import Span

WORD = re.compile(r"[^\W\d]\w*")
NUMBER_LIKE = re.compile(r"[0-9][\w.,]*(?<![.,])")
TEXT = re.compile(r"'(?:[^'\n]|'')*'")
SIGN = re.compile(r"[=<>!~:]+|&+|\|+|\*+|.", re.DOTALL)

KEYWORDS = {
    "_AND": "and",
    "_OR": "or",
    "_NOT": "not",
    "IN": "in",
    "CONTAINS": "contains",
    "STARTS_WITH": "starts with",
    "MATCHES": "matches",
    "_OF": "of",
    "_PER": "per",
    "_WITHIN": "within",
    "_SINCE_LAST": "since last",
    "_FROM": "from",
    "_TO": "to",
    "_WHERE": "where",
    "_ONCE": "once per",
    "_THEN": "then",
    "_NO": "no",
    "_FOR": "for",
    "_MATCHING": "matching",
    "PAGE": "page",
    "SCREEN": "screen",
    "IDENTIFY": "identify",
}
"""How the grammar's terminals are written."""


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """Position at which the parser stopped: the text before and after, and the terminals that could have followed.

    An LALR parser has one state for several situations, so `allowed` may name terminals that only fit elsewhere.
    """

    text: str
    at: int
    allowed: frozenset[str]

    @property
    def before(self) -> str:
        """The text that was understood."""
        return self.text[: self.at]

    @property
    def rest(self) -> str:
        """The text that was not."""
        return self.text[self.at :]

    @property
    def word(self) -> str:
        """The word that stands there, or an empty text."""
        match = WORD.match(self.rest)
        return match[0] if match else ""

    @property
    def found(self) -> str:
        """The word, number, text or sign that stands there; empty at the end."""
        for kind in (TEXT, WORD, NUMBER_LIKE, SIGN):
            if match := kind.match(self.rest):
                return match[0]
        return ""

    @property
    def wants_value(self) -> bool:
        """True if a value must stand there."""
        return {"NAME", "NUMBER"} <= self.allowed

    @property
    def wants_event(self) -> bool:
        """True if an event must stand there."""
        return "PAGE" in self.allowed

    @property
    def wants_property(self) -> bool:
        """True if the name of a property, or of a field behind a point, must stand there."""
        return "NAME" in self.allowed and "NUMBER" not in self.allowed

    @property
    def wants_duration(self) -> bool:
        """True if a duration must stand there."""
        return "DURATION" in self.allowed and "NUMBER" not in self.allowed

    @property
    def after_event(self) -> bool:
        """True if what was read so far ends behind the event of a function, with no filter begun."""
        return bool({"_WITHIN", "_WHERE", "_ONCE", "_PER", "_THEN"} & self.allowed) and "_AND" not in self.allowed

    @property
    def function(self) -> str:
        """The function in whose parentheses the place is; empty if in none."""
        opened = open_bracket(self.before)
        match = re.search(r"([^\W\d]\w*)\s*$", self.before[:opened]) if opened is not None else None
        return match[1] if match else ""

    def expected(self) -> list[str]:
        """The words and signs that could stand there."""
        elsewhere = {"of", "then", "for", "matching"}
        if self.function == "sequence":
            elsewhere = {"of", "per", "since last", "from"}
        elif not self.function:
            elsewhere |= {"per", "since last", "where", "within", "once per", "from"}
        words = sorted({KEYWORDS[name] for name in self.allowed if name in KEYWORDS} - elsewhere)
        return [*words, ")"] if "RPAR" in self.allowed and open_bracket(self.before) is not None else words

    def wrong(self, message: str, hint: str = "", detail: str = "", *, length: int | None = None) -> LanguageError:
        """An error at this context, over `length` characters or what was found there."""
        end = self.at + (len(self.found) if length is None else length)
        return LanguageError(message, Span(self.at, end), hint, detail)


def open_bracket(text: str) -> int | None:
    """Returns the position of the last parenthesis or bracket that is not closed."""
    stack = []
    for index, character in enumerate(TEXT.sub(lambda match: "x" * len(match[0]), text)):
        if character in "([":
            stack.append(index)
        elif character in ")]" and stack:
            stack.pop()
    return stack[-1] if stack else None
