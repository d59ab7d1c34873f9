"""Parts of Lark's tree, read: positions, names, texts, events."""

from decimal import Decimal
from typing import cast

from lark import Token, Tree

from app.segments.language import syntax as s

Branch = Tree[Token] | Token

WINDOWS = {"within": "within", "fixed_span": "from", "since_last": "since last"}
"""The options of an aggregate that exclude each other, as they are written."""

_DIGITS_MAX = 15


def text_value(token: str) -> str:
    """Returns the text that a text literal stands for: between single quotes, two of them inside for one."""
    return token[1:-1].replace("''", "'")


def exclusive_windows(options: list[Tree[Token]]) -> str:
    """Returns the first two options that exclude each other, joined with and; empty if there are none."""
    found = {str(option.data) for option in options}
    written = [word for name, word in WINDOWS.items() if name in found]
    return " and ".join(written[:2]) if len(written) > 1 else ""


def fixed_span(tree: Tree[Token]) -> s.FixedSpan:
    """Returns the span of `from '2026-11-27' to '2026-12-01'`."""
    start, end = cast(list[Token | None], tree.children)
    assert start is not None
    return s.FixedSpan(text_value(start), None if end is None else text_value(end), span=span(tree))


def span(tree: Tree[Token]) -> s.Span:
    """Returns the position of a tree in the text."""
    return s.Span(tree.meta.start_pos, tree.meta.end_pos)


def token_span(token: Token) -> s.Span:
    """Returns the position of a token in the text."""
    assert token.start_pos is not None
    assert token.end_pos is not None
    return s.Span(token.start_pos, token.end_pos)


def keys_of(tree: Tree[Token]) -> s.Path:
    """The keys of a path, without points and quotes."""
    return tuple(
        text_value(token) if token.type == "TEXT" else str(token) for token in cast(list[Token], tree.children)
    )


def is_quoted(tree: Tree[Token], index: int) -> bool:
    """True if a key of a path stands between quotes."""
    return cast(Token, tree.children[index]).type == "TEXT"


def event_of(tree: Tree[Token]) -> s.EventName:
    """The name of an event."""
    token = cast(Token, tree.children[0])
    if token.type == "TEXT":
        return s.EventName("track", text_value(token), span=span(tree))
    return s.EventName(cast(s.EventKind, str(token)), None, span=span(tree))


def number_value(token: Token) -> int | float:
    """The number that a token stands for."""
    value = Decimal(token)
    return int(value) if value == value.to_integral_value() else float(value)


def whole_number(token: Token) -> int:
    """The whole number that a token stands for; 0 if it is none."""
    return int(token) if token.isdecimal() and len(token) <= _DIGITS_MAX else 0
