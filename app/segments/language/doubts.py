"""Comparisons that can be true, but hardly mean what they say: versions as texts, a birthday that is today."""

import re
from collections.abc import Iterator
from typing import Final

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.side_hints import shown
from app.segments.language.walk import walk
from tables.dates import is_instant

Named = s.Trait | s.ContextValue | s.Property | s.EventContext | s.ItemProperty

_OTHER_SIDE: Final[dict[str, s.ComparisonOperator]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)+(?:[-+].*)?")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_AGO: Final = re.compile(r"(?P<number>[0-9]+)\s*(?P<unit>m|h|d)[a-z]*\s+ago", re.IGNORECASE)
_BIRTHDAY: Final = re.compile(r"birth|anniversary|(?:^|_)dob(?:$|_)", re.IGNORECASE)


def doubts(node: s.Node) -> Iterator[LanguageError]:
    """The comparisons of an expression or pattern that are probably meant in another way."""
    for each in walk(node):
        if not isinstance(each, s.Comparison):
            continue
        for side, other, operator in (
            (each.left, each.right, each.operator),
            (each.right, each.left, _OTHER_SIDE.get(each.operator, each.operator)),
        ):
            if isinstance(side, Named):
                yield from _of_value(each, side, operator, other)


def _of_value(
    node: s.Comparison, side: Named, operator: s.ComparisonOperator, other: s.Expression
) -> Iterator[LanguageError]:
    name = shown(side)
    if isinstance(other, s.Clock) and other.reading == "date" and operator == "=" and _BIRTHDAY.search(side.path[-1]):
        hint = f"write until_anniversary({name}) <= 0s"
        yield LanguageError(f"{name} is compared with this day of this year", node.span, hint)
    if operator not in _OTHER_SIDE or not isinstance(other, s.Text) or is_instant(other.value):
        return
    text = other.value.strip()
    if _NUMBER.fullmatch(text) and "version" not in side.path[-1].lower():
        hint = f"write {name} {operator} {text} to compare numbers"
        yield LanguageError(f"{canonical.text(other)} is compared as a text: '10' comes before '9'", node.span, hint)
    elif _VERSION.fullmatch(text) or _NUMBER.fullmatch(text):
        hint = f"write version({name}) {operator} {canonical.text(other)}"
        yield LanguageError("versions are compared as texts: '1.10' comes before '1.9'", node.span, hint)
    elif match := _AGO.fullmatch(text):
        sign = _OTHER_SIDE[operator]
        hint = f"write since({name}) {sign} {match['number']}{match['unit'].lower()}"
        yield LanguageError(f"{canonical.text(other)} is compared as a text, not as an instant", node.span, hint)
