"""Terms that move by themselves as time passes, and the rules for them (language.md, "What may move").

A decaying score moves; which scores decay only the catalog knows, so their names are handed in.
"""

from collections.abc import Collection, Iterator

from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.functions import AGGREGATES
from app.segments.language.mistakes.side_hints import shown


def moves(node: s.Node, decaying: Collection[str]) -> bool:
    """True if the value of this term itself changes with every instant, not in steps."""
    match node:
        case s.Aggregate(function=function):
            return AGGREGATES[function].reading == "since"
        case s.Clock() | s.Distance():
            return True
        case s.CartField(name="idle") | s.CartLineField(name="idle"):
            return True
        case s.SessionField(name="idle") | s.UserField(name="idle" | "age"):
            return True
        case s.SegmentMark(function=name):
            return name == "since_left"
        case s.ScoreValue(score=name):
            return name in decaying
        case _:
            return False


def check_comparisons(node: s.Expression, decaying: Collection[str]) -> list[LanguageError]:
    """At most one moving term in a comparison, and in linear form."""
    return [error for comparison in _comparisons(node) for error in _check_comparison(comparison, decaying)]


def check_still(node: s.Expression, decaying: Collection[str]) -> list[LanguageError]:
    """Nothing that moves at all: a value under `updates`."""
    return [
        LanguageError(
            f"{shown(term)} changes with time, so with updates it would be sent again and again",
            term.span,
            "leave it out of attach, or leave updates out",
        )
        for term in _terms(node, decaying, into_comparisons=True)
    ]


def _comparisons(node: s.Expression) -> Iterator[s.Comparison]:
    match node:
        case s.Comparison():
            yield node
            yield from _comparisons(node.left)
            yield from _comparisons(node.right)
        case s.Arithmetic():
            yield from _comparisons(node.left)
            yield from _comparisons(node.right)
        case s.And() | s.Or():
            for operand in node.operands:
                yield from _comparisons(operand)
        case s.Not():
            yield from _comparisons(node.operand)
        case _:
            pass


def _check_comparison(node: s.Comparison, decaying: Collection[str]) -> Iterator[LanguageError]:
    left, right = (list(_terms(side, decaying)) for side in (node.left, node.right))
    terms = [*left, *right]
    if len(terms) > 1:
        first, second = terms[:2]
        yield LanguageError(
            f"{shown(first)} and {shown(second)} both change with time",
            node.span,
            f"compare each with a fixed value: {shown(first)} {_example(first)} and {shown(second)} {_example(second)}",
            "a comparison may have only one value that changes with time",
        )
    elif terms:
        yield from (error for side in (node.left, node.right) for error in _check_linear(side, decaying))


def _check_linear(node: s.Expression, decaying: Collection[str]) -> Iterator[LanguageError]:
    if not isinstance(node, s.Arithmetic):
        return
    if node.operator == "/" and (terms := list(_terms(node.right, decaying))):
        yield LanguageError(
            f"{shown(terms[0])} changes with time, so it cannot be a divisor",
            node.span,
            "multiply the other side of the comparison instead",
        )
    yield from _check_linear(node.left, decaying)
    yield from _check_linear(node.right, decaying)


def _terms(node: s.Expression, decaying: Collection[str], *, into_comparisons: bool = False) -> Iterator[s.Expression]:
    """The moving terms of a value, in the order of the text."""
    if moves(node, decaying):
        yield node
    parts: tuple[s.Expression, ...] = ()
    match node:
        case s.Arithmetic():
            parts = (node.left, node.right)
        case s.Comparison() if into_comparisons:
            parts = (node.left, node.right)
        case s.And() | s.Or() if into_comparisons:
            parts = node.operands
        case s.Not() if into_comparisons:
            parts = (node.operand,)
        case _:
            pass
    for part in parts:
        yield from _terms(part, decaying, into_comparisons=into_comparisons)


def _example(term: s.Expression) -> str:
    match term:
        case s.ScoreValue():
            return ">= 50"
        case s.Clock(reading=reading):
            return {"day_of_week": "= 'monday'", "date": ">= '2026-12-01'"}.get(reading, ">= 9")
        case _:
            return ">= 30m"
