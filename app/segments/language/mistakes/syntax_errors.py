"""Explains a text that does not fit the grammar to people who do not program.

The parser says where it stopped and which terminals it would have taken there. A list of rules, each for one slip
that people make, looks at the text around that place; the first that knows an answer gives it.
"""

import re
from collections.abc import Callable

from lark.exceptions import UnexpectedInput

from app.segments.language.durations import UNIT_WORDS_MS, duration_hint
from app.segments.language.errors import LanguageError
from app.segments.language.functions import AGGREGATES
from app.segments.language.mistakes import hints, slips
from app.segments.language.mistakes.comparisons import COMPARISONS
from app.segments.language.mistakes.dates import DATES
from app.segments.language.mistakes.elapsed import ELAPSED
from app.segments.language.mistakes.error_context import KEYWORDS, NUMBER_LIKE, TEXT, WORD, ErrorContext, open_bracket
from app.segments.language.mistakes.items import ITEMS
from app.segments.language.mistakes.memberships import MEMBERSHIPS
from app.segments.language.mistakes.phrases import PHRASES
from app.segments.language.mistakes.scopes import SCOPES, misplaced_function
from app.segments.language.names import FUNCTIONS
from app.segments.language.suggestions import closest, listed
from app.segments.language.syntax import Span

_NUMBER_AND_WORD = re.compile(r"[0-9]+(?:[.,][0-9]+)?\s*[^\W\d]*")
_COMPARISON_SIGN = re.compile(r"[=<>]|!=|(?:in|contains|starts\s+with|matches)\b")
_NAME_BEFORE = re.compile(r"([^\W\d]\w*)\s*$")
_UNQUOTED = re.compile(r"[^\W\d]\w*(?:[ -]+(?!(?:where|within|per|once|then|since|matching|for)\b)\w+)*")
_PROPERTY_BEHIND = re.compile(r"(?:\s*[.,]\s*|\s+)([^\W\d][\w.]*)(?=\s*\)|\s+(?:within|since|where|once)\b)")
_PROPERTY_FUNCTION = re.compile(
    rf"\b({'|'.join(name for name, entry in AGGREGATES.items() if entry.of_property)})"
    r"\s*\(\s*([\w.]+(?:\s*[-+*/]\s*[\w.]+)*)\s*$"
)
_OF = re.compile(r"[^\W\d][\w.]*\s+of\b")
_SINGLE, _DOUBLE = "\u2018\u2019\u00b4`", "\u201c\u201d\u201e"
_FOREIGN_TEXT = re.compile(
    rf"""\"([^"\n]*)"?|[{_DOUBLE}]([^{_DOUBLE}"\n]*)[{_DOUBLE}"]?|[{_SINGLE}]([^{_SINGLE}'\n]*)[{_SINGLE}']?"""
)
_EVENT_FUNCTIONS = ("any", "sequence")
_EVENT = rf"(?:{TEXT.pattern}|\b(?:page|screen|identify)\b)"
_JOINED_EVENTS = re.compile(rf"(?P<sign>\|+|&+|\bor\b|\band\b)\s*{_EVENT}(?:\s*(?:\|+|&+|\bor\b|\band\b)\s*{_EVENT})*")


def explain(error: UnexpectedInput, text: str) -> LanguageError:
    """The error of the parser for `text`, as a LanguageError."""
    at = getattr(error, "pos_in_stream", None)
    if at is None or at < 0 or getattr(getattr(error, "token", None), "type", "") == "$END":
        at = len(text.rstrip())
    allowed = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    context = ErrorContext(text, at, frozenset(allowed))
    for rule in _RULES:
        found = rule(context)
        if found is not None:
            return found
    return _otherwise(context)


# ---- signs and quotes


def _double_quotes(context: ErrorContext) -> LanguageError | None:
    match = _FOREIGN_TEXT.match(context.rest)
    if match is None:
        return None
    value = next(group for group in match.groups() if group is not None)
    return context.wrong("a text needs single quotes", "write '" + value.replace("'", "''") + "'", length=len(match[0]))


def _quote_inside_text(context: ErrorContext) -> LanguageError | None:
    if not (context.before.endswith("'") and context.word and TEXT.search(context.before)):
        return None
    start = [match.start() for match in TEXT.finditer(context.before)][-1]
    return LanguageError(
        "this text ends too early",
        Span(start, context.at + len(context.word)),
        "a ' inside a text is written twice: 'it''s'",
    )


def _open_text(context: ErrorContext) -> LanguageError | None:
    if not context.rest.startswith("'") or TEXT.match(context.rest):
        return None
    line = context.rest.split("\n", 1)[0]
    return context.wrong(
        "this text does not end", "close it with '; a ' inside a text is written twice: 'it''s'", length=len(line)
    )


def _events_by_sign(context: ErrorContext) -> LanguageError | None:
    """`exists('A' | 'B')`, `exists('A' && 'B')`, `exists('A' or 'B')`."""
    match = _JOINED_EVENTS.match(context.rest)
    before = re.search(rf"(?:{TEXT.pattern}|\b(?:page|screen|identify))\s*$", context.before)
    if match is None or before is None or not context.after_event or context.function in ("any", "sequence"):
        return None
    events = [before[0].strip(), *re.findall(_EVENT, match[0])]
    each = listed((f"{context.function}({event})" for event in events), joint="and")
    if match["sign"][0] in "&a":
        hint = f"for all of several events write {each.replace(', ', ' and ')}"
        hint = (
            hint if context.function in ("exists", "never") else "join conditions outside of the parentheses with and"
        )
    else:
        hint = f"for one of several events write any({', '.join(events)})"
    return context.wrong("only one event is allowed here", hint, length=len(match[0]))


def _foreign_sign(context: ErrorContext) -> LanguageError | None:
    start = context.at
    while start > 0 and context.text[start - 1] in "=<>!~:" and context.rest[:1] in tuple("=<>!~:"):
        start -= 1
    match = re.match(r"[=<>!~:]+|&+|\|+|.", context.text[start:], re.DOTALL)
    sign = match[0] if match else ""
    if sign not in hints.SIGNS:
        return None
    return LanguageError(f"unknown operator {sign}", Span(start, start + len(sign)), hints.SIGNS[sign])


def _dollar(context: ErrorContext) -> LanguageError | None:
    match = re.match(r"[$@#%][\w$.-]*", context.rest)
    if match is None:
        return None
    if len(match[0]) > 1 and match[0][0] in "$@":
        hint = f"a property with an odd name is written properties['{match[0]}']"
    else:
        hint = "" if match[0][0] != "%" else "there is no per cent sign; write only the number"
    return context.wrong(f"unexpected {match[0]}", hint, length=len(match[0]))


# ---- numbers and durations


def _number_and_unit(context: ErrorContext) -> LanguageError | None:
    """`30 minutes`, `30min`, `2w`, `1.5h`."""
    if context.word.lower() in UNIT_WORDS_MS and (match := re.search(r"[0-9]+(?:[.,][0-9]+)?\s+$", context.before)):
        start, end = match.start(), context.at + len(context.word)
    elif (match := _NUMBER_AND_WORD.match(context.rest)) and (match[0][-1].isalpha() or context.wants_duration):
        start, end = context.at, context.at + len(match[0].rstrip())
    else:
        return None
    written = context.text[start:end]
    if not context.wants_duration and re.sub(r"[\d.,\s]", "", written).lower() not in UNIT_WORDS_MS:
        return None
    return LanguageError(f"{written} is not a duration", Span(start, end), duration_hint(written))


def _other_number(context: ErrorContext) -> LanguageError | None:
    match = NUMBER_LIKE.match(context.rest)
    if match is not None and not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", match[0]) and context.wants_value:
        return slips.no_number(context.at, match[0])
    if match := re.match(r"\.[0-9]+", context.rest):
        return context.wrong(f"{match[0]} is not a number", f"write 0{match[0]}", length=len(match[0]))
    return None


def _no_duration(context: ErrorContext) -> LanguageError | None:
    if not context.wants_duration:
        return None
    found = f"not {context.found}" if context.found else "but the expression ends"
    return context.wrong(f"a duration is needed here, {found}", duration_hint(""))


# ---- functions


def _unknown_function(context: ErrorContext) -> LanguageError | None:
    match = _NAME_BEFORE.search(context.before) if context.rest.startswith("(") else None
    if match is not None:
        name, start = match[1], match.start()
    elif context.word and context.rest[len(context.word) :].lstrip().startswith("(") and not context.wants_value:
        name, start = context.word, context.at
        if name in FUNCTIONS or name in KEYWORDS.values() or context.before.rstrip()[-1:] not in ("(", ""):
            return None
    else:
        return None
    known = (*FUNCTIONS, *_EVENT_FUNCTIONS)
    if name in KEYWORDS.values():
        return None
    if name in _EVENT_FUNCTIONS:
        return LanguageError(
            f"{name}(...) is an event, not a value",
            Span(start, start + len(name)),
            f"write exists({name}(...)) or count({name}(...)) >= 3",
        )
    if name in known:
        return misplaced_function(context, name, start)
    said = hints.FUNCTION_WORDS.get(name.lower(), "")
    guess = name.lower() if name.lower() in known else said or closest(name, known)
    hint = said if " " in said else f"did you mean {guess}(...)?" if guess else ""
    functions = f"the functions are {listed(known)}"
    return LanguageError(f"unknown function {name}", Span(start, start + len(name)), hint, functions)


def _comma(context: ErrorContext) -> LanguageError | None:
    if not context.rest.startswith(","):
        return None
    if context.after_event:
        return context.wrong("only one event is allowed here", "for one of several write any('A', 'B')")
    return context.wrong("a comma is not allowed here", "join conditions with and or or")


def _missing_of(context: ErrorContext) -> LanguageError | None:
    match = _PROPERTY_FUNCTION.search(context.before)
    if match is None or context.wants_property:
        return None
    name, of = match.groups()
    return context.wrong(f"{name} needs the event that has {of}", f"write {name}({of} of 'Order Completed')")


def _no_parentheses(context: ErrorContext) -> LanguageError | None:
    match = _NAME_BEFORE.search(context.before)
    if match is None or match[1] not in (*FUNCTIONS, *_EVENT_FUNCTIONS) or not context.rest.startswith("'"):
        return None
    return LanguageError(
        f"{match[1]} needs parentheses",
        Span(match.start(), context.at + len(context.found)),
        f"write {match[1]}({context.found})",
    )


# ---- unexpected words


def _chained(context: ErrorContext) -> LanguageError | None:
    if context.wants_value or not _COMPARISON_SIGN.match(context.rest):
        return None
    if context.after_event and not context.word:
        return context.wrong(
            f"a ) is missing before {context.found}", f"write {context.function}(...) {context.found} 3"
        )
    if "_AND" not in context.allowed:
        return None
    return context.wrong("one comparison cannot follow another", "join two with and: a > 1 and a < 5")


def _no_event(context: ErrorContext) -> LanguageError | None:
    if not context.wants_event:
        return None
    if context.word and (match := TEXT.match(context.rest[len(context.word) :].lstrip())):
        return context.wrong(f"unexpected {context.word}", f"write {match[0]}")
    name = (_NAME_BEFORE.search(context.before.rstrip(" (")) or ("",))[0].strip()
    if name in AGGREGATES and (match := _OF.match(context.rest)):
        return context.wrong(f"{name} takes no property", f"leave out {match[0].strip()}", length=len(match[0].strip()))
    if name in AGGREGATES and context.word in ("within", "since", "per", "where", "once"):
        return context.wrong("an event is missing here", f"write {name}('Product Viewed' {context.word} ...)")
    if context.word and (match := _UNQUOTED.match(context.rest)):
        words = {"PAGE": "page", "SCREEN": "screen", "IDENTIFY": "identify"}.values()
        event = match[0].strip()
        plain = event.lower().rstrip("s")
        hint = f"write {plain}" if plain in words else f"write '{event}'"
        return context.wrong("the name of an event needs single quotes", hint, length=len(event))
    if not context.rest.strip() or context.rest.startswith(")"):
        example = f"write {name}('Product Viewed')" if name in FUNCTIONS else "write 'Product Viewed'"
        return context.wrong("an event is missing here", example)
    return context.wrong(
        f"an event is needed here, not {context.found}", "write 'Product Viewed', page or any('A', 'B')"
    )


def _no_property(context: ErrorContext) -> LanguageError | None:
    if not context.wants_property:
        return None
    if context.before.rstrip().endswith("."):
        odd = re.match(r"[^\s()\[\]=<>,]+", context.rest)
        hint = f"write ['{odd[0]}'] instead of .{odd[0]}" if odd else "a name follows the point: cart.items"
        return context.wrong("a name is needed here", hint, length=len(odd[0]) if odd else None)
    match = TEXT.match(context.rest)
    function = _NAME_BEFORE.search(context.before.rstrip()[:-1]) if context.before.rstrip().endswith("(") else None
    if match and function and function[1] in FUNCTIONS:
        name = function[1]
        inside = re.match(r"(?:'(?:[^'\n]|'')*'|[^()'])*(?=\))", context.rest)
        behind = _PROPERTY_BEHIND.match(context.rest[match.end() :])
        if inside and behind and behind[1] not in KEYWORDS.values():
            written = f"{name}({behind[1]} of {match[0]}{inside[0][match.end() + behind.end() :]})"
            return context.wrong(f"{name} needs the property first", f"write {written}", length=len(match[0]))
        example = AGGREGATES[name].example if name in AGGREGATES else "order_id"
        written = f"{name}({example} of {inside[0] if inside else match[0]})"
        detail = hints.FIRST_TIME.replace("'A'", match[0]) if name == "first" else ""
        return context.wrong(f"{name} needs a property of the event", f"write {written}", detail, length=len(match[0]))
    if match:
        name = match[0][1:-1]
        hint = f"write {name}" if WORD.fullmatch(name) else f"write properties[{match[0]}]"
        return context.wrong("the name of a property has no quotes", hint, length=len(match[0]))
    return context.wrong("the name of a property is needed here", "write it without quotes: category, shipping.method")


def _no_text(context: ErrorContext) -> LanguageError | None:
    if "TEXT" not in context.allowed or context.wants_value or context.wants_event:
        return None
    match = re.match(r"[\w/+-]+", context.rest)
    hint = f"write '{match[0]}'" if match else "write it between single quotes: 'name'"
    return context.wrong("a text is needed here", hint, length=len(match[0]) if match else None)


def _word_behind_event(context: ErrorContext) -> LanguageError | None:
    if not context.word or not context.after_event:
        return None
    word = context.word
    if word == "where" and "_WHERE" not in context.allowed:
        return context.wrong("where comes too late", "where comes directly after the event, before per and within")
    if word == "once" and "_ONCE" not in context.allowed:
        return context.wrong(
            "once per comes too late", "once per comes after the event and its where, before per and within"
        )
    if word == "then" and "_MATCHING" in context.allowed:
        return context.wrong("then comes too late", "within and matching come at the end of a sequence")
    if hint := hints.PATTERN_WORDS.get(word.lower()):
        return context.wrong(f"unexpected {word}", hint)
    return None


def _word_for_operator(context: ErrorContext) -> LanguageError | None:
    word = context.word
    if not word or context.wants_value or context.wants_event:
        return None
    if word.lower() != word and word.lower() in KEYWORDS.values():
        return context.wrong(f"unknown word {word}", f"write {word.lower()}")
    if "_PER" in context.allowed and context.before.rstrip().endswith("once"):
        return context.wrong(f"unexpected {word}", f"write once per {word}")
    if context.function == "any" and word in ("where", "once"):
        return context.wrong(f"{word} is not allowed inside any(...)", f"write any('A', 'B') {word} ...")
    if not context.function and word in hints.INSIDE_ONLY:
        return context.wrong(f"unexpected {word}", hints.INSIDE_ONLY[word])
    hint = hints.OPERATOR_WORDS.get(word.lower()) if "EQ" in context.allowed else None
    guess = closest(word, context.expected()) if word not in context.expected() else None
    if hint is None and guess:
        hint = f"did you mean {guess}?"
    if hint is None and "_AND" in context.allowed:
        hint = "join conditions with and or or; texts need single quotes"
    return context.wrong(f"unexpected {word}", hint or "")


def _breaks_off(context: ErrorContext) -> LanguageError | None:
    if context.rest.strip():
        return None
    opened = open_bracket(context.text)
    if opened is not None and not context.wants_value:
        sign = context.text[opened]
        return LanguageError(
            f"this {sign} is not closed", Span(opened, opened + 1), f"a {')' if sign == '(' else ']'} is missing"
        )
    last = (re.findall(r"\w+|[^\w\s]+", context.text) or [""])[-1]
    return context.wrong(f"something is missing after {last}", "", length=0)


def _closing(context: ErrorContext) -> LanguageError | None:
    if context.rest[:1] not in (")", "]"):
        return None
    if open_bracket(context.before) is None:
        return context.wrong(
            f"there is no {'(' if context.rest[0] == ')' else '['} for this {context.rest[0]}", "leave it out"
        )
    if context.wants_value:
        return context.wrong(f"something is missing before {context.rest[0]}")
    return None


def _otherwise(context: ErrorContext) -> LanguageError:
    if context.wants_value:
        return context.wrong(
            f"unexpected {context.found}",
            "",
            "a value is needed here: a number, a 'text', a duration, a function or a field such as cart.items",
        )
    if "EQ" in context.allowed and (TEXT.fullmatch(context.found) or NUMBER_LIKE.fullmatch(context.found)):
        return context.wrong("an operator is missing between two values", "write =, !=, <, >, in or contains")
    expected = context.expected()
    return context.wrong(
        f"unexpected {context.found}", "", f"possible here: {listed(expected, joint='or')}" if expected else ""
    )


_RULES: tuple[Callable[[ErrorContext], LanguageError | None], ...] = (
    _double_quotes,
    slips.last_events,
    *DATES,
    *ELAPSED,
    *MEMBERSHIPS,
    *SCOPES,
    slips.rank_of_percentile,
    *ITEMS,
    *PHRASES,
    *COMPARISONS,
    slips.other_thousands,
    slips.part_of_users,
    _quote_inside_text,
    _open_text,
    _events_by_sign,
    _foreign_sign,
    slips.unit_of_number,
    _number_and_unit,
    _other_number,
    _no_duration,
    _unknown_function,
    slips.field_as_event,
    _missing_of,
    _no_parentheses,
    slips.joint_of_sequence,
    slips.list_without_brackets,
    _comma,
    _closing,
    _chained,
    _no_event,
    _dollar,
    _no_property,
    _no_text,
    _breaks_off,
    _word_behind_event,
    slips.word_behind_number,
    _word_for_operator,
)
