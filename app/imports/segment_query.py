"""Syntax of Segment's query language: text -> tree. Grammar: `segment_query.lark`."""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedEOF, UnexpectedInput, VisitError

from app.imports.gaps import Untranslatable, shown
from app.imports.json_document import NESTING_MAX

LENGTH_MAX: Final = 20_000
_SIGNS: Final = {
    "=": "equals",
    "==": "equals",
    "!=": "differs",
    ">": "greater_than",
    ">=": "at_least",
    "<": "less_than",
    "<=": "at_most",
}


@dataclass(frozen=True, slots=True)
class Span:
    """`7 days`."""

    number: str
    unit: str


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function; `keyword` is `parent` or `exclude` where one is written."""

    value: "Node | Span | tuple[Any, ...]"
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Functions one after the other, the last of them a comparator: `event('A').count().at_least(1)`."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Group:
    """`kind`: every, either, opposite, or accounts (`ANY`, `ALL`)."""

    kind: str
    parts: "tuple[Node, ...]"


Node: TypeAlias = Chain | Literal | Group


def parse(query: str) -> Node:
    """The tree of a query. Raises Untranslatable, with the place, for what is none."""
    if len(query) > LENGTH_MAX:
        raise Untranslatable("the query", f"longer than {LENGTH_MAX} characters")
    if _nesting(query) > NESTING_MAX:
        raise Untranslatable("the query", f"parentheses nested more than {NESTING_MAX} deep")
    try:
        tree = _lark().parse(query)
    except UnexpectedInput as error:
        at = len(query) if isinstance(error, UnexpectedEOF) else getattr(error, "pos_in_stream", None) or 0
        rest = query[at : at + 30]
        where = f"at character {at + 1}" if 0 <= at < len(query) else "at its end"
        raise Untranslatable(shown(rest) if rest else "the query", f"not understood {where}") from None
    try:
        found: Node = _Reader().transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, Untranslatable):
            raise error.orig_exc from None
        raise
    return found


def _nesting(query: str) -> int:
    depth = deepest = 0
    for character in query:
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return deepest + query.upper().count("NOT NOT")


@cache
def _lark() -> Lark:
    grammar = files("app.imports").joinpath("segment_query.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


@v_args(inline=True)
class _Reader(Transformer[Token, Any]):
    def literal(self, token: Token) -> Literal:
        if token.type == "NUMBER":
            value = float(token)
            return Literal(int(value) if value.is_integer() and abs(value) < 1e15 else value)
        if token.type == "BOOLEAN":
            return Literal(token.lower() == "true")
        try:
            return Literal(ast.literal_eval(str(token)))
        except (ValueError, SyntaxError):
            raise Untranslatable(shown(str(token)), "not a text") from None

    def span(self, number: Token, unit: Token) -> Span:
        return Span(str(number), str(unit))

    def list(self, *items: Literal) -> tuple[Any, ...]:
        return tuple(item.value for item in items)

    def typed(self, chain: Node, _: Token) -> Node:
        return chain

    def argument(self, *parts: Any) -> Argument:
        return Argument(parts[-1], str(parts[0]) if len(parts) == 2 else "")

    def arguments(self, *found: Argument) -> tuple[Argument, ...]:
        return found

    def extractor(self, name: Token, arguments: tuple[Argument, ...] = ()) -> Call:
        return Call(str(name), arguments)

    step = extractor

    def chain(self, first: Call | Literal, *steps: Call) -> Node:
        return first if isinstance(first, Literal) else Chain((first, *steps))

    def comparison(self, left: Node, sign: Token | None = None, right: Node | None = None) -> Node:
        if sign is None or right is None:
            return left
        if not isinstance(left, Chain):
            raise Untranslatable(str(sign), "a value of the user must be on its left")
        return Chain((*left.calls, Call(_SIGNS[str(sign)], (Argument(right),))))

    def every(self, *parts: Node) -> Node:
        return Group("every", parts)

    def either(self, *parts: Node) -> Node:
        return Group("either", parts)

    def opposite(self, part: Node) -> Node:
        return Group("opposite", (part,))

    def accounts(self, _: Token, part: Node) -> Node:
        return Group("accounts", (part,))
