"""Checks of texts beside `lower(...)`: fixed texts that nothing in small letters equals or contains."""

from collections.abc import Iterator
from typing import Final

from app.segments.language import syntax as s
from app.segments.language.canonical import quoted
from app.segments.language.errors import LanguageError

_COMPARE_PARTS: Final = frozenset({"matches", "<", "<=", ">", ">="})


def capital_errors(node: s.Comparison) -> Iterator[LanguageError]:
    """The fixed texts with capital letters that a comparison has beside a text in small letters."""
    for lower, other in ((node.left, node.right), (node.right, node.left)):
        if not isinstance(lower, s.Lower) or node.operator in _COMPARE_PARTS:
            continue
        for text in other.items if isinstance(other, s.ListOf) else (other,):
            if isinstance(text, s.Text) and text.value != text.value.lower():
                hint = f"write {quoted(text.value.lower())}"
                message = f"{quoted(text.value)} has capital letters, lower(...) has none"
                yield LanguageError(message, text.span, hint)
