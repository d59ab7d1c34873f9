"""Comparisons of one value (a trait, or a property of an event), each with values that satisfy it and that do not.

`subject` is the written value, such as `traits.plan`; inside `where`, `price`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.events.visible_text import visible_line
from app.imports.conditions import InstantAgo
from app.imports.gaps import Untranslatable, shown
from app.imports.parentheses import in_not
from app.segments.language.canonical import number_text, quoted
from app.segments.language.durations import format_duration
from tables.versions import numbers_of_version

MISSING: Final = object()
"""A value that the user or event does not have."""
UNKNOWN: Final = object()
"""A value that is not known: no test can be written with it."""
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class ValueTest:
    """`text` is the comparison; `yes` is a value for which it is true, `no` one for which it is false."""

    text: str
    yes: Any = UNKNOWN
    no: Any = MISSING

    def opposite(self) -> "ValueTest":
        """True exactly where this is false; so also for a missing value."""
        return ValueTest(f"not {in_not(self.text)}", self.no, self.yes)


def literal(value: Any) -> str:
    """A text, number or yes and no as the language writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        if visible_line(value) != value:
            raise Untranslatable(shown(value), "it has a control character, which no text of the language can have")
        return quoted(value)
    raise Untranslatable(shown(value), "no text, number or truth value")


def number(value: Any) -> int | float:
    """A number, or the number that a text is."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Untranslatable(shown(value), "a number is needed here") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise Untranslatable(shown(value), "a number is needed here")
    return int(value) if float(value).is_integer() else value


def version(subject: str, operator: str, value: Any) -> ValueTest:
    """The value is a version before or after this one, or the same."""
    text = str(value) if isinstance(value, int | float) else value
    numbers = numbers_of_version(text)
    if numbers is None or not isinstance(text, str):
        raise Untranslatable(shown(value), "no version: numbers with dots between them")
    higher = f"{(numbers or (0,))[0] + 1}"
    yes = {">": higher, "<": "0"}.get(operator, text)
    no = {"<": text, "<=": higher, "=": higher, ">": text}.get(operator, "0" if numbers else MISSING)
    if (operator, numbers) == ("<", ()):
        raise Untranslatable(shown(value), "no version is below 0")
    return ValueTest(f"version({subject}) {operator} {literal(text)}", yes, no)


def equal(subject: str, value: Any) -> ValueTest:
    """The value is this one."""
    return ValueTest(f"{subject} = {literal(value)}", value)


def equal_or_more_loosely(subject: str, value: str) -> ValueTest:
    """Equality of products that send everything as a text: `'true'` is also the truth value."""
    if value in ("true", "false"):
        return ValueTest(f"{subject} = {value} or {subject} = '{value}'", value == "true")
    return equal(subject, value)


def one_of(subject: str, values: Sequence[Any]) -> ValueTest:
    """The value is one of a list."""
    if not values:
        raise Untranslatable("an empty list", "no value is one of none")
    if len(values) == 1:
        return equal(subject, values[0])
    return ValueTest(f"{subject} in [{', '.join(map(literal, values))}]", values[0])


def compared(subject: str, operator: str, value: Any) -> ValueTest:
    """`operator` is one of `= != < <= > >=`; `!=` needs the value to be there."""
    bound = number(value)
    beyond = {"=": 0, ">=": 0, "<=": 0, ">": 1, "<": -1, "!=": 1}[operator]
    return ValueTest(f"{subject} {operator} {number_text(bound)}", bound + beyond)


def between(subject: str, low: Any, high: Any) -> ValueTest:
    """Both bounds included."""
    text = f"{subject} >= {number_text(number(low))} and {subject} <= {number_text(number(high))}"
    return ValueTest(text, number(low))


def contains(subject: str, value: Any) -> ValueTest:
    """A text has a text in it, or a list has an item."""
    return ValueTest(f"{subject} contains {literal(value)}", value)


def contains_any(subject: str, values: Sequence[Any]) -> ValueTest:
    """The value contains at least one of a list."""
    if not values:
        raise Untranslatable("an empty list", "nothing contains one of none")
    parts = [contains(subject, value) for value in values]
    return parts[0] if len(parts) == 1 else ValueTest(" or ".join(part.text for part in parts), values[0])


def contains_ignoring_case(subject: str, value: Any) -> ValueTest:
    """A text has a text in it, in capital or small letters."""
    return ValueTest(f"{subject} matches {literal('(?i)' + escaped(value))}", value)


def starts_with(subject: str, value: Any) -> ValueTest:
    """A text begins with a text."""
    return ValueTest(f"{subject} starts with {literal(value)}", value)


def ends_with(subject: str, value: Any) -> ValueTest:
    """A text ends with a text."""
    return ValueTest(f"{subject} matches {literal(escaped(value) + '$')}", value)


def matches(subject: str, value: Any) -> ValueTest:
    """A text fits a regular expression somewhere."""
    return ValueTest(f"{subject} matches {literal(value)}", _sample_of(value))


def escaped(value: Any) -> str:
    """A text as a regular expression that finds only it."""
    if not isinstance(value, str):
        raise Untranslatable(shown(value), "a text is needed here")
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", value)


def _sample_of(pattern: Any) -> Any:
    """A text that a simple regular expression finds."""
    bare = pattern.removeprefix("(?i)").removeprefix("^").removesuffix("$") if isinstance(pattern, str) else ""
    bare = bare.replace(".*", "").replace(r"\.", ".")
    return UNKNOWN if re.search(r"[\\+*?()|\[\]{}^$]", bare) else bare


def known(subject: str) -> ValueTest:
    """There is a value."""
    return ValueTest(f"{subject} is known", "something")


def missing(subject: str) -> ValueTest:
    """There is no value."""
    return ValueTest(f"{subject} is missing", MISSING, "something")


# ---- dates in the data of a user


def before_date(subject: str, date: Any) -> ValueTest:
    """A date in the text is before another; both are ISO 8601, so their texts have the order of time."""
    return ValueTest(f"{subject} < {literal(date)}", "1970-01-02")


def after_date(subject: str, date: Any) -> ValueTest:
    """A date in the text is this one or a later one."""
    return ValueTest(f"{subject} >= {literal(date)}", date)


def in_the_last(subject: str, ms: int) -> ValueTest:
    """An instant is at most so long ago, and not in the future."""
    text = f"since({subject}) >= 0s and since({subject}) < {format_duration(ms)}"
    return ValueTest(text, InstantAgo(ms // 2), InstantAgo(ms + DAY_MS))


def in_the_next(subject: str, ms: int) -> ValueTest:
    """An instant comes, in less than this time."""
    text = f"until({subject}) >= 0s and until({subject}) < {format_duration(ms)}"
    return ValueTest(text, InstantAgo(-ms // 2), InstantAgo(-ms - DAY_MS))


def at_least_ago(subject: str, ms: int) -> ValueTest:
    """An instant is this long ago, or longer."""
    return ValueTest(f"since({subject}) >= {format_duration(ms)}", InstantAgo(ms + DAY_MS), InstantAgo(0))


def at_least_ahead(subject: str, ms: int) -> ValueTest:
    """An instant comes in this time, or later."""
    return ValueTest(f"until({subject}) >= {format_duration(ms)}", InstantAgo(-ms - DAY_MS), InstantAgo(0))


def between_ago(subject: str, nearer_ms: int, farther_ms: int) -> ValueTest:
    """An instant is longer ago than one time, and less long than another."""
    text = f"since({subject}) >= {format_duration(nearer_ms)} and since({subject}) < {format_duration(farther_ms)}"
    return ValueTest(text, InstantAgo((nearer_ms + farther_ms) // 2), InstantAgo(farther_ms + DAY_MS))


def anniversary_in_the_next(subject: str, ms: int) -> ValueTest:
    """The next time that the day comes, today included."""
    text = f"until_anniversary({subject}) < {format_duration(ms)}"
    return ValueTest(text, InstantAgo(-ms // 2), InstantAgo(-ms - 2 * DAY_MS))


def anniversary_today(subject: str) -> ValueTest:
    """The month and day of a date are those of today."""
    return ValueTest(f"until_anniversary({subject}) <= 0s", InstantAgo(0), InstantAgo(-3 * DAY_MS))
