"""Slips of people who know spreadsheets and other tools: what they wrote, and the same in the language.

Each rule looks at the place where the parser stopped and gives the error if it knows the slip; see `syntax_errors`.
"""

import re

from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import KEYWORDS, TEXT, ErrorContext
from app.segments.language.mistakes.windows import DURATION
from app.segments.language.names import FIELDS, FUNCTIONS, OPEN_FIELDS
from app.segments.language.syntax import Span

_LITERAL = r"(?:'(?:[^'\n]|'')*'|[0-9]+(?:\.[0-9]+)?)"
_LITERALS = rf"{_LITERAL}(?:\s*,\s*{_LITERAL})*"
_LIST_BEGUN = re.compile(rf"(?P<operator>\bin\b|!=|=)\s*(?P<bracket>\(\s*)?(?P<items>{_LITERALS})\s*$")
_LIST_GOES_ON = re.compile(rf"\s*,\s*{_LITERALS}")
_LEFT_SIDE = re.compile(r"([^\s()=<>!,]+)\s*$")
_FIELD = re.compile(rf"(?:{'|'.join((*FIELDS, *OPEN_FIELDS))})(?:\.\w+)+")
_COMPARED = re.compile(rf"\)\s*((?:[<>]=?|!=|=)\s*(?:{DURATION}(?!\w)|{_LITERAL}))")
_PROPERTY_COMPARED = re.compile(r"(?:\b(traits|context)(?:\.\w+)+|\bwhere\b[^()]*)\s*(?:[<>]=?|!?=)\s*$")
_NUMBER_BEFORE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*$")
_TOP = re.compile(r"\btop\s*\(\s*(?P<number>[0-9][0-9.]*)?\s*$")
_IN_TOP = re.compile(r"[-'\s]*(?P<digits>[0-9][0-9\s_,']*)?(?P<words>[^()\n]*)")
_PERCENT = re.compile(r"%|\b(?:percent|per\s+cent|pct|prozent)\b", re.IGNORECASE)
_MONEY = re.compile(r"[$€£¥]\s*(?P<number>[0-9][0-9.,]*[0-9]|[0-9])?(?!\w)")
_GROUPS_OF_DOTS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})*,[0-9]+")
_GROUPS_OF_COMMAS = re.compile(r"[0-9]{1,3}(?:[,_'][0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:_[0-9]+)+")
_OVER_VISITS = ("max", "min", "sum", "avg", "count", "exists", "never", "first", "distinct", "median")
_PAST_VISITS = "for a visit that is over, write the condition as a segment of its own, and ask times('its-name') > 0"
_THEN_WORDS = frozenset({"and", "or", "before", "followed", "after", "next", "to", "with", "plus", "later"})
_THEN_SIGNS = re.compile(r"(?:->|=>|→|[,>+&]+)\s*")


def plain_number(written: str) -> str | None:
    """A number as the language writes it, out of one with other marks; None if it is not a number.

    >>> plain_number("1.000,50"), plain_number("1,000.00"), plain_number("99,95"), plain_number("1'000")
    ('1000.50', '1000', '99.95', '1000')
    """
    if _GROUPS_OF_COMMAS.fullmatch(written):
        plain = re.sub(r"[,_']", "", written)
    elif _GROUPS_OF_DOTS.fullmatch(written):
        plain = written.replace(".", "").replace(",", ".")
    else:
        return None
    return re.sub(r"\.0+$", "", plain)


def no_number(start: int, written: str) -> LanguageError:
    """The error for what looks like a number, but is none."""
    plain = plain_number(written)
    hint = f"write {plain}" if plain else "numbers look like 5 and 99.95"
    detail = "write a point before the decimal places, and nothing between the thousands" if plain else ""
    return LanguageError(f"{written} is not a number", Span(start, start + len(written)), hint, detail)


def last_events(context: ErrorContext) -> LanguageError | None:
    """`last 30d 'A'`, a duration in place of a number, and `'A' last 3`, behind the event."""
    number = re.match(r"([0-9]+)([a-z]+)?(?![\w.])", context.rest)
    if number and number[2] and re.search(r"[(\s]last\s*$", context.before) and not context.after_event:
        return context.wrong(
            "last needs a number of events, not a duration",
            f"for a time write within {number[0]} behind the event, for events last {number[1]}",
            length=len(number[0]),
        )
    behind = re.match(r"last\s+([0-9]+)(?=\s*(?:\)|(?:within|since|per|where|once)\b))", context.rest)
    if behind and context.after_event:
        written = f"write last {behind[1]} in front of the event: last {behind[1]} 'Order Completed'"
        return context.wrong("last comes too late", written, length=len(behind[0]))
    return None


def rank_of_percentile(context: ErrorContext) -> LanguageError | None:
    """`percentile(revenue of 'A')` and `percentile(90% ...)`; `median(50, ...)`, which takes no number."""
    if re.search(r"\bpercentile\s*\(\s*$", context.before):
        inside = re.match(r"(?P<asked>(?:'(?:[^'\n]|'')*'|[^()'])*?)(?:,\s*(?P<rank>[0-9.]+)\s*)?(?=\))", context.rest)
        asked = inside["asked"] if inside else "revenue of 'Order Completed'"
        asked = f"revenue of {asked}" if asked.startswith("'") else asked
        hint = f"write percentile({(inside and inside['rank']) or 90}, {asked})"
        return context.wrong("percentile needs a number in front of the property", hint)
    if rank := re.search(r"\bpercentile\s*\(\s*([0-9.]+)\s*$", context.before):
        hint = f"write percentile({rank[1]}, revenue of 'Order Completed')"
        return context.wrong("a comma comes behind the number of a percentile", hint)
    if re.search(r"\bpercentile\s*\(\s*[0-9.]+\s*,\s*$", context.before) and (event := TEXT.match(context.rest)):
        return context.wrong("percentile needs a property of the event", f"write revenue of {event[0]}")
    function = re.search(r"\b(\w+)\s*\(\s*$", context.before)
    number = re.match(r"([0-9]+(?:\.[0-9]+)?)\s*,", context.rest)
    if function and number and function[1] in FUNCTIONS and context.wants_property:
        return context.wrong(f"{function[1]} takes no number", f"leave it out, or write percentile({number[1]}, ...)")
    return None


def other_thousands(context: ErrorContext) -> LanguageError | None:
    """`1.000,00`, `1,000.00`, `1'000`: the parser stops at the mark."""
    before = re.search(r"[0-9][0-9.]*$", context.before)
    after = re.match(r"(?:'[0-9]{3})+(?:\.[0-9]+)?(?![0-9'])|,[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?![\w.])", context.rest)
    if before is None or after is None or (after[0][0] == "," and {",", "COMMA"} & context.allowed):
        return None
    return no_number(before.start(), before[0] + after[0])


def part_of_users(context: ErrorContext) -> LanguageError | None:
    """`top(100 customers)`, `top('100 users')`, `top(10 percent)`, `top(vip)`."""
    before, inside = _TOP.search(context.before), _IN_TOP.match(context.rest)
    if before is None or inside is None or not inside[0].strip():
        return None
    number = (before["number"] or "") + re.sub(r"[^0-9]", "", inside["digits"] or "")
    if not number or re.search(r"[0-9]", inside["words"]):
        hint = "write top(10%), or top(100 users)"
    elif _PERCENT.search(inside[0]):
        hint = f"write top({number}%)"
    else:
        hint = f"write top({number} users)"
    return context.wrong("top needs a share or a number of users", hint, length=len(inside[0].rstrip()))


def unit_of_number(context: ErrorContext) -> LanguageError | None:
    """`traits.age > 18 years`, `cart.value > 100 EUR`, `cart.value > $100`."""
    if match := _MONEY.match(context.rest):
        number = match["number"]
        if number is None:
            before = _NUMBER_BEFORE.search(context.before)
            number = before[1] if before else None
        hint = f"write {plain_number(number) or number}" if number else "write the number alone"
        return context.wrong("a number has no currency", hint, length=len(match[0].rstrip()))
    match = re.match(r"([0-9]+(?:\.[0-9]+)?)\s*[^\W\d]+", context.rest)
    start, before_number = context.at, context.before
    if match is None and context.word and (before := _NUMBER_BEFORE.search(context.before)):
        start, before_number = before.start(), context.before[: before.start()]
        match = re.match(r"([0-9]+(?:\.[0-9]+)?)\s*[^\W\d]\w*", context.text[start:])
    if match is not None and re.search(r"\buser\.age\s*[<>]=?\s*$", before_number) and "y" in match[0]:
        hint = f"the age of a person is a trait: traits.age > {match[1]}"
        span = Span(start, start + len(match[0]))
        return LanguageError(f"{match[0]} is not a duration", span, hint, "user.age is the time since the first event")
    compared = _PROPERTY_COMPARED.search(before_number)
    if match is None or compared is None or context.word in KEYWORDS.values():
        return None
    what = {"traits": "a trait", "context": "a context value"}.get(compared[1] or "", "a property")
    return LanguageError(
        f"{match[0]} has a unit", Span(start, start + len(match[0])), f"write {match[1]}", f"{what} is a plain number"
    )


def word_behind_number(context: ErrorContext) -> LanguageError | None:
    """`cart.value > 100 EUR`: a word that means nothing here."""
    before = _NUMBER_BEFORE.search(context.before)
    if before is None or not context.word or context.word.lower() in KEYWORDS.values() or "_AND" not in context.allowed:
        return None
    return context.wrong(f"unexpected {context.word}", f"a number has no unit: write {before[1]}")


def list_without_brackets(context: ErrorContext) -> LanguageError | None:
    """`source in 'google', 'bing'`, `source = 'google', 'bing'`, `source in ('google', 'bing')`."""
    begun = _LIST_BEGUN.search(context.before) if context.rest.startswith(",") else None
    goes_on = _LIST_GOES_ON.match(context.rest)
    if begun is None or goes_on is None or (begun["bracket"] and begun["operator"] != "in"):
        return None
    items = re.findall(_LITERAL, begun["items"] + goes_on[0])
    listed = f"in [{', '.join(items)}]"
    hint = f"write {listed}"
    left = _LEFT_SIDE.search(context.before[: begun.start()])
    if begun["operator"] == "!=" and left is not None:
        hint = f"write not {left[1]} {listed}"
    start = begun.start("items")
    return LanguageError("a list needs square brackets", Span(start, context.at + len(goes_on[0].rstrip())), hint)


def joint_of_sequence(context: ErrorContext) -> LanguageError | None:
    """`sequence('A' and 'B')`, `sequence('A', 'B')`, `sequence('A' -> 'B')`."""
    if context.function != "sequence":
        return None
    word = context.word.lower()
    if (word == "not" and (context.after_event or context.wants_event)) or re.match(
        r"and\s+(?:no|not)\b", context.rest
    ):
        event = TEXT.search(context.rest)
        named = event[0] if event else "'B'"
        between = event is not None and re.match(r"\s*then\b", context.rest[event.end() :])
        behind = "then 'C'" if between else "for 30m"
        return context.wrong(f"unexpected {context.word}", f"write 'A' then no {named} {behind}")
    if word == "no" and context.after_event:
        return context.wrong(f"unexpected {context.word}", "write then before it: 'A' then no 'B' then 'C'")
    sign = _THEN_SIGNS.match(context.rest) or re.match(r"-+>?\s*", context.rest)
    if not context.after_event or not (word in _THEN_WORDS or sign or TEXT.match(context.rest)):
        return None
    length = len(sign[0].rstrip()) if sign else None
    found = context.rest[:length] if sign else context.found
    other = "; for one of several events write any('A', 'B')" if found in ("or", ",") else ""
    return context.wrong(
        f"{found} is not allowed between the steps of a sequence",
        f"join the steps with then: 'A' then 'B'{other}",
        length=length,
    )


def field_as_event(context: ErrorContext) -> LanguageError | None:
    """`count(cart.items) > 2`, `exists(traits.plan)`, `sum(cart.value)`, `never(segment('x'))`."""
    start = context.at
    match = _FIELD.match(context.rest) if context.wants_event else None
    if match is None and (read := re.search(rf"\(\s*({_FIELD.pattern})$", context.before)):
        start = read.start(1)  # the property of sum(...) whose event is missing
        match = _FIELD.match(context.text, start)
    if match is None:
        return _function_as_event(context)
    field, function = match[0], ErrorContext(context.text, start, context.allowed).function
    if function in ("since", "until", "until_anniversary") and field.startswith(("traits.", "context.")):
        return None  # a value that may be a date
    span = Span(start, start + len(field))
    compared = _COMPARED.match(context.text[span.end :].lstrip())
    hint = _without_function(function, field, compared[1] if compared else "")
    detail = _PAST_VISITS if field.startswith("session.") and function in _OVER_VISITS else ""
    return LanguageError(f"{field} is a value of the user, not an event", span, hint, detail)


def _without_function(function: str, field: str, compared: str) -> str:
    if function == "since" and field.startswith(("cart.", "session.", "user.")):
        root = field.split(".", maxsplit=1)[0]
        return f"the time since the last event of the {root} is {root}.idle"
    if field == "user.identified":
        return f"write {'not ' if function == 'never' else ''}{field}"
    if field == "cart.products":
        field = "cart.items"
    if compared:
        return f"write {field} {compared}"
    if field.startswith(("traits.", "context.")):
        known = f"{field} = {field}"
        return f"write {f'not ({known})' if function == 'never' else known}, which asks whether there is one"
    numbers = ("cart.items", "cart.quantity", "cart.value", "session.pages", "session.events", "session.number")
    return f"write {field} {'= 0' if function == 'never' else '> 0'}" if field in numbers else f"write {field}"


def _function_as_event(context: ErrorContext) -> LanguageError | None:
    if not context.wants_event or context.word not in FUNCTIONS:
        return None
    call = re.match(r"\w+\s*\([^()]*\)", context.rest)
    if call is None:
        return None
    message = f"{call[0]} is a value of the user, not an event"
    if context.function == "since":
        compared = re.match(r"\s*\)\s*>=?\s*((?:[0-9]+(?:ms|[smhd]))+)", context.rest[len(call[0]) :])
        time = compared[1] if compared else "3d"
        hint = f"for a condition that has been true for this time, write for: {time} beside when:"
        return context.wrong(message, hint, "since(...) is the time since the last event", length=len(call[0]))
    negation = "not " if context.function == "never" else ""
    return context.wrong(message, f"write {negation}{call[0]}", length=len(call[0]))
