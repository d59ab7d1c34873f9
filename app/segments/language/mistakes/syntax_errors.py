"""What is wrong with a text that does not fit the grammar, in words for people who never programmed.

The parser says where it stopped and which terminals it would have taken there. A list of rules, each for one slip
that people make, looks at the text around that place; the first that knows an answer gives it.
"""

import re
from collections.abc import Callable

from lark.exceptions import UnexpectedInput

from app.segments.language.durations import UNIT_WORDS_MS, duration_hint
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes import hints, slips
from app.segments.language.mistakes.error_context import KEYWORDS, NUMBER_LIKE, TEXT, WORD, Place, open_bracket
from app.segments.language.mistakes.phrases import PHRASES
from app.segments.language.names import FUNCTIONS
from app.segments.language.suggestions import closest, listed
from app.segments.language.syntax import Span

_NUMBER_AND_WORD = re.compile(r"[0-9]+(?:[.,][0-9]+)?\s*[^\W\d]*")
_COMPARISON_SIGN = re.compile(r"[=<>]|!=|(?:in|contains|starts\s+with|matches)\b")
_NAME_BEFORE = re.compile(r"([^\W\d]\w*)\s*$")
_UNQUOTED = re.compile(r"[^\W\d]\w*(?:[ -]+(?!(?:where|within|per|once|then|since|matching|for)\b)\w+)*")
_PROPERTY_FUNCTION = re.compile(r"\b(sum|avg|min|max|distinct|first|last)\s*\(\s*([\w.]+)\s*$")
_SINGLE, _DOUBLE = "\u2018\u2019\u00b4`", "\u201c\u201d\u201e"
_FOREIGN_TEXT = re.compile(
    rf"""\"([^"\n]*)"?|[{_DOUBLE}]([^{_DOUBLE}"\n]*)[{_DOUBLE}"]?|[{_SINGLE}]([^{_SINGLE}'\n]*)[{_SINGLE}']?"""
)
_EVENT_FUNCTIONS = ("any", "sequence")


def explain(error: UnexpectedInput, text: str) -> LanguageError:
    """The error of the parser for `text`, as a LanguageError."""
    at = getattr(error, "pos_in_stream", None)
    if at is None or at < 0 or getattr(getattr(error, "token", None), "type", "") == "$END":
        at = len(text.rstrip())
    allowed = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    place = Place(text, at, frozenset(allowed))
    for rule in _RULES:
        found = rule(place)
        if found is not None:
            return found
    return _otherwise(place)


# ---- signs and quotes


def _double_quotes(place: Place) -> LanguageError | None:
    match = _FOREIGN_TEXT.match(place.rest)
    if match is None:
        return None
    value = next(group for group in match.groups() if group is not None)
    return place.wrong(
        "a text stands between single quotes", "write '" + value.replace("'", "''") + "'", length=len(match[0])
    )


def _quote_inside_text(place: Place) -> LanguageError | None:
    if not (place.before.endswith("'") and place.word and TEXT.search(place.before)):
        return None
    start = [match.start() for match in TEXT.finditer(place.before)][-1]
    return LanguageError(
        "this text ends too early",
        Span(start, place.at + len(place.word)),
        "a ' inside a text is written twice: 'it''s'",
    )


def _open_text(place: Place) -> LanguageError | None:
    if not place.rest.startswith("'") or TEXT.match(place.rest):
        return None
    line = place.rest.split("\n", 1)[0]
    return place.wrong(
        "this text does not end", "close it with '; a ' inside a text is written twice: 'it''s'", length=len(line)
    )


def _foreign_sign(place: Place) -> LanguageError | None:
    start = place.at
    while start > 0 and place.text[start - 1] in "=<>!~:" and place.rest[:1] in tuple("=<>!~:"):
        start -= 1
    match = re.match(r"[=<>!~:]+|&+|\|+|.", place.text[start:], re.DOTALL)
    sign = match[0] if match else ""
    if sign not in hints.SIGNS:
        return None
    return LanguageError(f"unknown sign {sign}", Span(start, start + len(sign)), hints.SIGNS[sign])


def _dollar(place: Place) -> LanguageError | None:
    match = re.match(r"[$@#%][\w$.-]*", place.rest)
    if match is None:
        return None
    if len(match[0]) > 1 and match[0][0] in "$@":
        hint = f"a property with an odd name is written properties['{match[0]}']"
    else:
        hint = "" if match[0][0] != "%" else "there are no per cents; write the number as it is"
    return place.wrong(f"{match[0]} cannot stand here", hint, length=len(match[0]))


# ---- numbers and durations


def _number_and_unit(place: Place) -> LanguageError | None:
    """`30 minutes`, `30min`, `2w`, `1.5h`."""
    if place.word.lower() in UNIT_WORDS_MS and (match := re.search(r"[0-9]+(?:[.,][0-9]+)?\s+$", place.before)):
        start, end = match.start(), place.at + len(place.word)
    elif (match := _NUMBER_AND_WORD.match(place.rest)) and (match[0][-1].isalpha() or place.wants_duration):
        start, end = place.at, place.at + len(match[0].rstrip())
    else:
        return None
    written = place.text[start:end]
    if not place.wants_duration and re.sub(r"[\d.,\s]", "", written).lower() not in UNIT_WORDS_MS:
        return None
    return LanguageError(f"{written} is not a duration", Span(start, end), duration_hint(written))


def _other_number(place: Place) -> LanguageError | None:
    match = NUMBER_LIKE.match(place.rest)
    if match is not None and not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", match[0]) and place.wants_value:
        return slips.no_number(place.at, match[0])
    if match := re.match(r"\.[0-9]+", place.rest):
        return place.wrong(f"{match[0]} is not a number", f"write 0{match[0]}", length=len(match[0]))
    return None


def _no_duration(place: Place) -> LanguageError | None:
    if not place.wants_duration:
        return None
    found = f"not {place.found}" if place.found else "but the expression ends"
    return place.wrong(f"here must stand a duration, {found}", duration_hint(""))


# ---- functions


def _unknown_function(place: Place) -> LanguageError | None:
    match = _NAME_BEFORE.search(place.before) if place.rest.startswith("(") else None
    if match is not None:
        name, start = match[1], match.start()
    elif place.word and place.rest[len(place.word) :].lstrip().startswith("(") and not place.wants_value:
        name, start = place.word, place.at
        if name in FUNCTIONS or name in KEYWORDS.values() or place.before.rstrip()[-1:] not in ("(", ""):
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
    guess = name.lower() if name.lower() in known else hints.FUNCTION_WORDS.get(name.lower()) or closest(name, known)
    hint = f"did you mean {guess}(...)?" if guess else f"the functions are {listed(known)}"
    return LanguageError(f"unknown function {name}", Span(start, start + len(name)), hint)


def _comma(place: Place) -> LanguageError | None:
    if not place.rest.startswith(","):
        return None
    if place.after_event:
        return place.wrong("one event at a time can stand here", "for one of several write any('A', 'B')")
    return place.wrong("a comma cannot stand here", "join conditions with and or or")


def _missing_of(place: Place) -> LanguageError | None:
    match = _PROPERTY_FUNCTION.search(place.before)
    if match is None or place.wants_property:
        return None
    name, of = match.groups()
    return place.wrong(f"{name} needs the event that has {of}", f"write {name}({of} of 'Order Completed')")


def _no_parentheses(place: Place) -> LanguageError | None:
    match = _NAME_BEFORE.search(place.before)
    if match is None or match[1] not in (*FUNCTIONS, *_EVENT_FUNCTIONS) or not place.rest.startswith("'"):
        return None
    return LanguageError(
        f"{match[1]} needs parentheses",
        Span(match.start(), place.at + len(place.found)),
        f"write {match[1]}({place.found})",
    )


# ---- what stands where something else must stand


def _chained(place: Place) -> LanguageError | None:
    if place.wants_value or not _COMPARISON_SIGN.match(place.rest):
        return None
    if place.after_event and not place.word:
        return place.wrong(f"a ) is missing before {place.found}", f"write {place.function}(...) {place.found} 3")
    if "_AND" not in place.allowed:
        return None
    return place.wrong("one comparison cannot follow another", "join two with and: a > 1 and a < 5")


def _no_event(place: Place) -> LanguageError | None:
    if not place.wants_event:
        return None
    if place.word and (match := TEXT.match(place.rest[len(place.word) :].lstrip())):
        return place.wrong(f"{place.word} cannot stand here", f"write {match[0]}")
    if place.word and (match := _UNQUOTED.match(place.rest)):
        words = {"PAGE": "page", "SCREEN": "screen", "IDENTIFY": "identify"}.values()
        name = match[0].strip()
        plain = name.lower().rstrip("s")
        hint = f"write {plain}" if plain in words else f"write '{name}'"
        return place.wrong("the name of an event stands between single quotes", hint, length=len(name))
    if not place.rest.strip() or place.rest.startswith(")"):
        name = (_NAME_BEFORE.search(place.before.rstrip(" (")) or ("",))[0].strip()
        example = f"write {name}('Product Viewed')" if name in FUNCTIONS else "write 'Product Viewed'"
        return place.wrong("here an event is missing", example)
    return place.wrong(f"here must stand an event, not {place.found}", "write 'Product Viewed', page or any('A', 'B')")


def _no_property(place: Place) -> LanguageError | None:
    if not place.wants_property:
        return None
    if place.before.rstrip().endswith("."):
        odd = re.match(r"[^\s()\[\]=<>,]+", place.rest)
        hint = f"write ['{odd[0]}'] in place of .{odd[0]}" if odd else "a name follows the point: cart.items"
        return place.wrong("here must stand a name", hint, length=len(odd[0]) if odd else None)
    match = TEXT.match(place.rest)
    function = _NAME_BEFORE.search(place.before.rstrip()[:-1]) if place.before.rstrip().endswith("(") else None
    if match and function and function[1] in FUNCTIONS:
        name = function[1]
        inside = re.match(r"(?:'(?:[^'\n]|'')*'|[^()'])*(?=\))", place.rest)
        behind = re.match(r"\s+([^\W\d][\w.]*)(?=\s*\)|\s+(?:within|since|where|once)\b)", place.rest[match.end() :])
        if inside and behind and behind[1] not in KEYWORDS.values():
            written = f"{name}({behind[1]} of {match[0]}{inside[0][match.end() + behind.end() :]})"
            return place.wrong(f"{name} needs the property first", f"write {written}", length=len(match[0]))
        written = f"{name}({hints.EXAMPLE_PROPERTIES.get(name, 'order_id')} of {inside[0] if inside else match[0]})"
        return place.wrong(f"{name} needs a property of the event", f"write {written}", length=len(match[0]))
    if match:
        name = match[0][1:-1]
        hint = f"write {name}" if WORD.fullmatch(name) else f"write properties[{match[0]}]"
        return place.wrong("the name of a property stands without quotes", hint, length=len(match[0]))
    return place.wrong("here must stand the name of a property", "write it without quotes: category, shipping.method")


def _no_text(place: Place) -> LanguageError | None:
    if "TEXT" not in place.allowed or place.wants_value or place.wants_event:
        return None
    match = re.match(r"[\w/+-]+", place.rest)
    hint = f"write '{match[0]}'" if match else "write it between single quotes: 'name'"
    return place.wrong("here must stand a text", hint, length=len(match[0]) if match else None)


def _word_behind_event(place: Place) -> LanguageError | None:
    if not place.word or not place.after_event:
        return None
    word = place.word
    if word == "where" and "_WHERE" not in place.allowed:
        return place.wrong("where stands too far back", "where comes directly behind the event, before per and within")
    if word == "once" and "_ONCE" not in place.allowed:
        return place.wrong(
            "once per stands too far back", "once per comes behind the event and its where, before per and within"
        )
    if word == "then" and "_MATCHING" in place.allowed:
        return place.wrong("then stands too far back", "within and matching stand at the end of a sequence")
    if hint := hints.PATTERN_WORDS.get(word.lower()):
        return place.wrong(f"{word} cannot stand here", hint)
    return None


def _word_for_operator(place: Place) -> LanguageError | None:
    word = place.word
    if not word or place.wants_value or place.wants_event:
        return None
    if word.lower() != word and word.lower() in KEYWORDS.values():
        return place.wrong(f"unknown word {word}", f"write {word.lower()}")
    if "_PER" in place.allowed and place.before.rstrip().endswith("once"):
        return place.wrong(f"{word} cannot stand here", f"write once per {word}")
    if place.function == "any" and word in ("where", "once"):
        return place.wrong(f"{word} cannot stand inside any(...)", f"write any('A', 'B') {word} ...")
    if not place.function and word in hints.INSIDE_ONLY:
        return place.wrong(f"{word} cannot stand here", hints.INSIDE_ONLY[word])
    hint = hints.OPERATOR_WORDS.get(word.lower()) if "EQ" in place.allowed else None
    guess = closest(word, place.expected()) if word not in place.expected() else None
    if hint is None and guess:
        hint = f"did you mean {guess}?"
    if hint is None and "_AND" in place.allowed:
        hint = "join conditions with and or or; texts stand between single quotes"
    return place.wrong(f"{word} cannot stand here", hint or "")


def _breaks_off(place: Place) -> LanguageError | None:
    if place.rest.strip():
        return None
    opened = open_bracket(place.text)
    if opened is not None and not place.wants_value:
        sign = place.text[opened]
        return LanguageError(
            f"this {sign} is not closed", Span(opened, opened + 1), f"a {')' if sign == '(' else ']'} is missing"
        )
    last = (re.findall(r"\w+|[^\w\s]+", place.text) or [""])[-1]
    return place.wrong(f"something is missing after {last}", "", length=0)


def _closing(place: Place) -> LanguageError | None:
    if place.rest[:1] not in (")", "]"):
        return None
    if open_bracket(place.before) is None:
        return place.wrong(
            f"there is no {'(' if place.rest[0] == ')' else '['} for this {place.rest[0]}", "leave it out"
        )
    if place.wants_value:
        return place.wrong(f"something is missing before {place.rest[0]}")
    return None


def _otherwise(place: Place) -> LanguageError:
    if place.wants_value:
        return place.wrong(
            f"{place.found} cannot stand here",
            "",
            "here must stand a value: a number, a 'text', a duration, a function or a field such as cart.items",
        )
    if "EQ" in place.allowed and (TEXT.fullmatch(place.found) or NUMBER_LIKE.fullmatch(place.found)):
        return place.wrong("between two values stands an operator", "write =, !=, <, >, in or contains")
    expected = place.expected()
    return place.wrong(
        f"{place.found} cannot stand here", "", f"here can stand {listed(expected, joint='or')}" if expected else ""
    )


_RULES: tuple[Callable[[Place], LanguageError | None], ...] = (
    _double_quotes,
    *PHRASES,
    slips.other_thousands,
    _quote_inside_text,
    _open_text,
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
