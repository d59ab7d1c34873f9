"""Literals of Lark's tree -> nodes of `syntax`: numbers, texts, booleans, durations."""

import re
from decimal import Decimal
from typing import cast

from lark import Token, Tree

from app.segments.language import syntax as s
from app.segments.language.durations import DurationError, parse_duration
from app.segments.language.errors import LanguageError
from app.segments.language.names import NUMBER_MAX
from app.segments.language.tree_parts import span, text_value, token_span

_LIKE_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{2}0")


class LiteralReader:
    """Reads literals; `errors` holds what was found wrong, in order of appearance."""

    def __init__(self, text: str) -> None:
        self.errors: list[LanguageError] = []
        self._text = text

    def _number(self, tree: Tree[Token]) -> s.Number:
        minus, digits = cast(list[Token | None], tree.children)
        exact = Decimal(digits or 0)
        if exact > NUMBER_MAX:
            self._wrong(tree, f"{digits} is too large", f"numbers go up to {NUMBER_MAX}")
            exact = Decimal(0)
        elif digits is not None and _LIKE_THOUSANDS.fullmatch(digits):
            thousands, short = digits.replace(".", ""), digits.rstrip("0").rstrip(".")
            self._wrong(tree, f"{digits} has two possible meanings", f"write {thousands} or {short}")
        value = int(exact) if exact == int(exact) else float(exact)
        return s.Number(-value if minus is not None else value, span=span(tree))

    def _text_literal(self, tree: Tree[Token]) -> s.Text:
        return s.Text(text_value(cast(Token, tree.children[0])), span=span(tree))

    def _boolean(self, tree: Tree[Token]) -> s.Boolean:
        return s.Boolean(tree.children[0] == "true", span=span(tree))

    def _duration(self, tree: Tree[Token]) -> s.Duration:
        return s.Duration(self._ms(cast(Token, tree.children[0])), span=span(tree))

    def _window_ms(self, tree: Tree[Token]) -> int:
        ms = self._ms(cast(Token, tree.children[0]))
        if ms == 0:
            self._wrong(tree, "within 0s is empty", "write a longer duration, such as 24h")
        return ms

    def _ms(self, token: Token) -> int:
        try:
            return parse_duration(token)
        except DurationError as error:
            self._error(token_span(token), error.message, error.hint)
            return 1

    def _wrong(self, tree: Tree[Token], message: str, hint: str = "", detail: str = "") -> None:
        self._error(span(tree), message, hint, detail)

    def _error(self, where: s.Span, message: str, hint: str, detail: str = "") -> None:
        self.errors.append(LanguageError(message, where, hint, detail))
