"""Text of the definition language -> syntax tree.

`parse_condition`, `parse_expression` and `parse_pattern` raise the first LanguageError; `read_expression` and
`read_pattern` give all that can be told of one text at once. Grammar: `grammar.lark`; what the grammar cannot say is
in `tree_reader`; what is wrong with a text that does not fit the grammar is put into words by `syntax_errors`.
Types and everything else that needs the whole catalog are checked elsewhere (`checks`, the catalog).
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Generic, TypeVar

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.functions import grammar_with_functions
from app.segments.language.mistakes.syntax_errors import explain
from app.segments.language.tree_reader import TreeReader

EXPRESSION_LENGTH_MAX = 10_000
"""Characters of one expression."""

DEPTH_MAX = 60
"""How deep parentheses and operators may be nested: what walks a tree may be recursive."""

NodeT = TypeVar("NodeT")


@dataclass(frozen=True, slots=True)
class Reading(Generic[NodeT]):
    """Result of reading a text: a node, or the errors."""

    node: NodeT | None
    errors: tuple[LanguageError, ...]

    def or_raise(self) -> NodeT:
        """The node; raises the first error."""
        if self.node is None:
            raise self.errors[0]
        return self.node


def parse_expression(text: str) -> s.Expression:
    """The expression in `text`. Raises LanguageError."""
    return read_expression(text).or_raise()


def parse_condition(text: str) -> s.Expression:
    """The same as parse_expression: whether the value is true or false is a question of types, not of syntax."""
    return parse_expression(text)


def parse_pattern(text: str) -> s.Pattern:
    """The event pattern in `text`: `'Product Viewed' where price > 100`. Raises LanguageError."""
    return read_pattern(text).or_raise()


def read_expression(text: str) -> Reading[s.Expression]:
    """The expression in `text`, or everything that is wrong with it."""
    tree = _tree(text, "expression")
    if isinstance(tree, LanguageError):
        return Reading(None, (tree,))
    reader = TreeReader(text, DEPTH_MAX)
    node = reader.expression(tree)
    return Reading(None, tuple(reader.errors)) if reader.errors else Reading(node, ())


def read_pattern(text: str) -> Reading[s.Pattern]:
    """The event pattern in `text`, or everything that is wrong with it."""
    tree = _tree(text, "pattern")
    if isinstance(tree, LanguageError):
        return Reading(None, (tree,))
    reader = TreeReader(text, DEPTH_MAX)
    node = reader.pattern(tree)
    return Reading(None, tuple(reader.errors)) if reader.errors else Reading(node, ())


def _tree(text: str, start: str) -> "Tree[Token] | LanguageError":
    if not text.strip():
        return LanguageError("there is nothing here", s.Span(0, len(text)))
    if len(text) > EXPRESSION_LENGTH_MAX:
        return LanguageError(
            f"this expression has {len(text):,} characters",
            s.Span(0, len(text)),
            f"the longest has {EXPRESSION_LENGTH_MAX:,}: split it into several segments and use segment('...')",
        )
    try:
        return _lark().parse(text, start=start)
    except UnexpectedInput as error:
        return explain(error, text)


@cache
def _lark() -> Lark:
    grammar = files("app.segments.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar_with_functions(grammar),
        start=["expression", "pattern"],
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
    )
