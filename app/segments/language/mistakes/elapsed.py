"""Times since something in everyday words: `traits.created_at before 30 days ago`, `days since('A') > 60`.

Each rule looks at the place where the parser stopped and gives the error if it knows the phrase; see `syntax_errors`.
"""

import re
from typing import Final

from app.segments.language.durations import UNIT_WORDS_MS, format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import TEXT, ErrorContext
from app.segments.language.mistakes.windows import DURATION
from app.segments.language.syntax import Span

_VALUE_BEFORE: Final = re.compile(r"(?P<value>(?:traits|context)\.[\w.]+)\s+(?:in\s+(?:the\s+)?)?$")
_TIME: Final = re.compile(
    rf"(?:is\s+)?(?P<word>[a-z]+)(?P<more>(?:\s+(?:than|the|last|past|next|coming))*)\s+"
    rf"(?:(?P<duration>{DURATION})|(?P<number>[0-9]+)\s*(?P<unit>[a-z]+))\b(?P<end>\s+(?:ago|old|from\s+now|ahead))?"
)
_LONGER: Final = frozenset({"before", "older", "more", "over", "earlier", "longer"})
_SHORTER: Final = frozenset(
    ("within", "after", "newer", "less", "under", "in", "last", "past", "next", "later", "during")
)
_SINCE_BEFORE: Final = re.compile(r"(?:^|\(|\b(?:and|or|not))\s*since\s+$")
_LAST: Final = re.compile(rf"last\s+(?P<event>{TEXT.pattern}|page|screen|identify)")
_UNIT_BEFORE: Final = re.compile(r"\b(?P<unit>[a-z]+)\s+$")
_SINCE: Final = re.compile(r"(?P<call>since\s*\([^()]*\))(?:\s*(?P<sign>[<>]=?)\s*(?P<number>[0-9]+)\b(?!\.))?")


def time_behind_value(context: ErrorContext) -> LanguageError | None:
    """`traits.created_at before 30 days ago`, `traits.team_created within 90d`, `traits.ends_at in the next 3 days`."""
    value, time = _VALUE_BEFORE.search(context.before), _TIME.match(context.rest)
    if value is None or time is None or context.function or time["word"] not in _LONGER | _SHORTER:
        return None
    unit_ms = 1 if time["duration"] else UNIT_WORDS_MS.get(time["unit"])
    if unit_ms is None:
        return None
    duration = time["duration"] or format_duration(int(time["number"]) * unit_ms)
    name, is_longer = value["value"], time["word"] in _LONGER
    is_ahead = "next" in (time["word"], *time["more"].split()) or "now" in (time["end"] or "")
    if is_ahead and time["word"] in ("after", "before"):
        is_longer = not is_longer
    if is_ahead:
        hint = f"write until({name}) > {duration}"
        hint = hint if is_longer else f"write until({name}) >= 0s and until({name}) < {duration}"
    else:
        hint = f"write since({name}) {'>' if is_longer else '<='} {duration}"
    return context.wrong(f"unexpected {context.found}", hint, length=len(time[0]))


def since_last_alone(context: ErrorContext) -> LanguageError | None:
    """`since last 'Order Completed' > 60d`."""
    before, last = _SINCE_BEFORE.search(context.before), _LAST.match(context.rest)
    if before is None or last is None:
        return None
    start = context.before.rindex("since")
    hint = f"for the time since the latest one write since({last['event']})"
    return LanguageError("since last belongs behind an event", Span(start, context.at + len(last[0])), hint)


def unit_before_since(context: ErrorContext) -> LanguageError | None:
    """`days since('Order Completed') > 60`."""
    before, since = _UNIT_BEFORE.search(context.before), _SINCE.match(context.rest)
    if before is None or since is None or before["unit"] not in UNIT_WORDS_MS:
        return None
    sign, number = since["sign"] or ">", int(since["number"] or 30)
    duration = format_duration(number * UNIT_WORDS_MS[before["unit"]]) if number else "0s"
    hint = f"since(...) is a time with its unit: write {since['call']} {sign} {duration}"
    return LanguageError(f"{before['unit']} cannot stand here", Span(before.start("unit"), before.end("unit")), hint)


ELAPSED: Final = (time_behind_value, since_last_alone, unit_before_since)
