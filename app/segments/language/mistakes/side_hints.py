"""Expressions as messages name them, and hints for two sides that do not fit."""

import re

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.durations import is_duration
from app.segments.language.types import Type, type_of
from tables.calendar_days import DAY_MS
from tables.dates import is_date

LITERALS = (s.Number, s.Text, s.Boolean, s.Duration, s.ListOf)

_SHOWN_MAX = 40


def shown(node: s.Expression) -> str:
    """An expression as a message names it."""
    text = canonical.text(node)
    if len(text) <= _SHOWN_MAX:
        return text
    return f"{node.function}(...)" if isinstance(node, s.Aggregate) else text[: _SHOWN_MAX - 1] + "…"


def joint(node: s.Expression) -> str:
    """The word that joins conditions."""
    return "and" if isinstance(node, s.And) else "or"


def values_hint(before: s.Comparison, values: tuple[s.Expression, ...], around: s.And | s.Or) -> str:
    """`category = 'a' or 'b'`: how to compare with several values."""
    left, operator = shown(before.left), before.operator
    items = ", ".join(map(shown, (before.right, *values)))
    if operator == "!=":
        return f"write not {left} in [{items}]"
    if operator == "=" and isinstance(around, s.Or):
        return f"write {left} in [{items}]"
    repeated = f" {joint(around)} ".join(f"{left} {operator} {shown(value)}" for value in values)
    return f"repeat the left side: {repeated}"


def comparison_hint(node: s.Expression, found: Type) -> str:
    """Returns a hint how to make a condition out of a value."""
    if isinstance(node, s.Text):
        return f"if it is an event, write exists({shown(node)})"
    examples = {
        Type.NUMBER: "> 0",
        Type.DURATION: ">= 30m",
        Type.DYNAMIC: "= true",
        Type.LIST: "contains 'A1'",
        Type.TEXT: "= 'a'",
        Type.INSTANT: "",
    }
    if isinstance(node, s.Bucket):
        return f"write {shown(node)} < 10"
    if isinstance(node, LITERALS) or not examples.get(found):
        return "compare something: cart.items > 0"
    return f"write {shown(node)} {examples[found]}"


_OTHER_WAY = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NO_WORDS = ("no", "n", "false", "off", "0", "")


def mismatch_hint(operator: str, left: s.Expression, a: Type, right: s.Expression, b: Type) -> str:
    """A hint for two sides of types that are never equal; may be empty."""
    if isinstance(left, s.Clock) and left.reading == "month" and isinstance(right, s.Text):
        number = next((n for n, name in enumerate(_MONTHS, 1) if right.value.strip().lower()[:3] == name), None)
        return "the months are numbers from 1 to 12" if number is None else f"write {number}"
    if isinstance(left, s.Clock) and isinstance(right, s.Number):
        return "write 'monday' or another day" if left.reading == "day_of_week" else "write a date such as '2026-12-01'"
    if a is Type.INSTANT and (isinstance(left, s.EventTime) or isinstance(right, s.Text)):
        return f"write {shown(left)} >= '2026-11-27'"
    if isinstance(left, s.UserField) and a is Type.INSTANT:
        since = {"first_seen": "user.age", "last_seen": "user.idle"}[left.name]
        duration = canonical.text(right) if isinstance(right, s.Duration) else "30d"
        sign = operator if isinstance(right, s.Duration) else _OTHER_WAY.get(operator, "<")
        return f"the time since then is {since}: write {since} {sign} {duration}"
    if a is Type.BOOLEAN and isinstance(right, s.Text | s.Number):
        is_no = str(right.value).strip().lower() in _NO_WORDS
        return f"write {'not ' if is_no is (operator == '=') else ''}{shown(left)}"
    for value, other in ((left, b), (right, a)):
        if isinstance(value, s.Number) and other is Type.DURATION:
            digits = canonical.text(value)
            person = f"; the age of a person is a trait: traits.age {operator} {digits}"
            is_age = isinstance(left, s.UserField) and left.name == "age"
            return f"a duration has a unit: {digits}s, {digits}m, {digits}h or {digits}d{person if is_age else ''}"
        if isinstance(value, s.Text) and other is Type.NUMBER and value.value.replace(".", "", 1).isdigit():
            return f"write {value.value} without quotes"
        if isinstance(value, s.Text) and other is Type.DURATION and is_duration(value.value):
            return f"write {value.value} without quotes"
        if isinstance(value, s.Text) and other is Type.BOOLEAN and value.value in ("true", "false"):
            return f"write {value.value} without quotes"
        if isinstance(value, s.Number) and other is Type.TEXT:
            return f"write '{canonical.text(value)}' between quotes"
    if isinstance(left, s.Aggregate) and left.function == "count" and b is Type.DURATION:
        return "a time window belongs inside the parentheses: count('...' within 24h) > 3"
    if isinstance(left, s.Aggregate) and left.function in ("days", "streak") and isinstance(right, s.Duration):
        return f"{left.function}(...) is a number of days: write {operator} {canonical.number_text(right.ms / DAY_MS)}"
    return ""


_DATE_NAME = re.compile(
    r"(?:^|_)(?:date|at|on|day|time|timestamp|since|until|ends?|expir\w*|renewal|birthday|dob)(?:_|$)"
)


def no_duration_hint(value: s.Expression, duration: s.Duration) -> str:
    """A hint for a value that is compared with a duration: it may be a number, or a date."""
    path = value.path if isinstance(value, s.Property | s.EventContext | s.Trait | s.ContextValue) else ()
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path[-1]).lower() if path else ""
    if _DATE_NAME.search(name):
        if not isinstance(value, s.Property | s.EventContext):
            since, until = (f"{word}({shown(value)}) < {canonical.text(duration)}" for word in ("since", "until"))
            return f"for a date in it write {since} after it, or {until} before it"
        return (
            "a date in it cannot be compared with the clock; send an event when it happens:"
            f" since('...') < {canonical.text(duration)}"
        )
    seconds = canonical.number_text(duration.ms / 1_000)
    return f"compare with a number, in the unit in which the property is sent: {seconds} for seconds"


_OTHER_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})|(\d{4})[/.](\d{1,2})[/.](\d{1,2})|(\d{4})-(\d{1,2})-(\d{1,2})")


def date_hint(text: str) -> str:
    """A hint for a text where a date is needed."""
    found = _OTHER_DATE.fullmatch(text.strip())
    if found is not None:
        numbers = [int(number) for number in found.groups() if number is not None]
        year, month, day = numbers[::-1] if found[1] else numbers
        guess = f"{year:04d}-{month:02d}-{day:02d}"
        if is_date(guess):
            return f"write '{guess}'"
        return "there is no such day"
    return "write '2026-11-27', or with a time '2026-11-27T18:00' or '2026-11-27T18:00Z'"


def quote_hint(node: s.Expression) -> str:
    """A hint for a number, true or false where a text is needed."""
    return f"write '{canonical.text(node)}'" if isinstance(node, s.Number | s.Boolean) else ""


def always_there_hint(node: s.Expression) -> str:
    """Returns a hint for `is known` after a value that is never missing."""
    if isinstance(node, LITERALS):
        return "a fixed value is always there"
    if isinstance(node, s.CartField):
        return "without products it is empty: write cart.items > 0"
    if isinstance(node, s.CartLineField):
        return "of a product that is not in the cart it is 0: write item.quantity > 0"
    found = type_of(node)
    if found is Type.BOOLEAN:
        return f"it is true or false: write {shown(node)} or not {shown(node)}"
    if found is Type.NUMBER and not isinstance(node, s.Clock | s.Bucket):
        return f"without any events it is 0: write {shown(node)} > 0"
    return "leave the comparison out"
