"""Slips in what is said about the items of a list: `any products.price > 10`, `all products (...)`, `any(products)`."""

import re

from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.error_context import ErrorContext
from app.segments.language.syntax import Span

_HOW_MANY = re.compile(r"\b(any|some|all|every|each|none|no)\s+$", re.IGNORECASE)
_LIST = re.compile(r"(?:\w+\s+(?:in|of)\s+)?([^\W\d]\w*)")
_ANY_OF = re.compile(r"\(\s*([^\W\d][\w.]*)\s*\)")


def items_without_condition(context: ErrorContext) -> LanguageError | None:
    """`any products.price > 10`, `all products (price > 10)`, `any product in products (price > 10)`."""
    before, listed = _HOW_MANY.search(context.before), _LIST.match(context.rest)
    if before is None or listed is None or context.wants_value or context.wants_event:
        return None
    where = Span(before.start(1), context.at + len(listed[0]))
    asked, name = before[1].lower(), listed[1]
    if asked in ("any", "some"):
        hint = f"write any {name} (price > 10)"
        return LanguageError("a condition on one item stands in parentheses", where, hint)
    other = (
        f"not any {name} (not (price > 10))" if asked in ("all", "every", "each") else f"not any {name} (price > 10)"
    )
    return LanguageError(f"only any asks for the items of a list, not {asked}", where, f"write {other}")


def any_as_function(context: ErrorContext) -> LanguageError | None:
    """`any(products)`, inside `where`."""
    listed = _ANY_OF.match(context.rest)
    before = re.search(r"\bany\s*$", context.before)
    if listed is None or before is None:
        return None
    where = Span(before.start(), context.at + len(listed[0]))
    return LanguageError(
        "any needs the list, and then a condition on one item", where, f"write any {listed[1]} (price > 10)"
    )


def filtered_count(context: ErrorContext) -> LanguageError | None:
    """`count(products where price > 10)`, inside `where`."""
    listed = re.match(r"([^\W\d][\w.]*)\s+where\b", context.rest)
    if listed is None or context.function != "count" or not re.search(r"\bwhere\b", context.before):
        return None
    hint = f"write count({listed[1]}) > 1, or any {listed[1]} (price > 10)"
    return context.wrong("the number of items takes no filter", hint, length=len(listed[0]))


def place_and_point(context: ErrorContext) -> LanguageError | None:
    """`near(context.location, 52.52, 13.40, 15mi)`, `near(52.52, 13.40, 25km)`."""
    if context.function != "near":
        return None
    hint = "write near(context.location, 52.52, 13.40, 25km): latitude, longitude, kilometres"
    return context.wrong("near needs a place of the user, a point, and a distance", hint)


ITEMS = (place_and_point, items_without_condition, any_as_function, filtered_count)
