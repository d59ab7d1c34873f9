"""The definition language: text -> syntax tree, what is wrong with it, and its one spelling."""

from app.segments.language import canonical
from app.segments.language.errors import LanguageError
from app.segments.language.parser import parse_condition, parse_expression, parse_pattern

__all__ = ["LanguageError", "canonical", "parse_condition", "parse_expression", "parse_pattern"]
