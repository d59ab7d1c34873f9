"""Checks of `version(...)`: what can be a version, and what versions are compared with."""

from collections.abc import Iterator
from typing import Final

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.side_hints import shown
from app.segments.language.types import Type, type_of
from tables.versions import numbers_of_version

_ORDER: Final = ("=", "!=", "<", "<=", ">", ">=")


def version_of_errors(node: s.Version) -> Iterator[LanguageError]:
    """The problem of a value that is no version."""
    if type_of(node.of) is not Type.DYNAMIC:
        said = f"version needs a trait, a property or a value of the context, but {shown(node.of)} is"
        hint = "write version(context.app.version) >= '2.10'"
        yield LanguageError(f"{said} {type_of(node.of).value}", node.of.span, hint)


def has_version(node: s.Comparison) -> bool:
    """True if versions are compared."""
    return isinstance(node.left, s.Version) or isinstance(node.right, s.Version)


def version_errors(node: s.Comparison) -> Iterator[LanguageError]:
    """The problems of a comparison with a version."""
    version, other = (node.left, node.right) if isinstance(node.left, s.Version) else (node.right, node.left)
    written = shown(version)
    if node.operator not in (*_ORDER, "in"):
        hint = f"write {written} >= '2' and {written} < '3' for all that begin with 2"
        yield LanguageError(f"versions have no {node.operator}", node.span, hint)
        return
    if isinstance(other, s.ListOf) != (node.operator == "in") or (node.operator == "in" and other is node.left):
        hint = f"write {written} >= '2.10' or {written} in ['2.9', '2.10']"
        yield LanguageError(f"{node.operator} compares a version with {_needed(node)}", node.span, hint)
        return
    for value in other.items if isinstance(other, s.ListOf) else (other,):
        yield from _value_errors(value, written)


def _needed(node: s.Comparison) -> str:
    return "a list of versions" if node.operator == "in" else "one version"


def _value_errors(value: s.Expression, version: str) -> Iterator[LanguageError]:
    if isinstance(value, s.Version) or (isinstance(value, s.Text) and numbers_of_version(value.value) is not None):
        return
    if isinstance(value, s.Number):
        hint = f"write '{canonical.text(value)}' (as a number, 2.10 would be 2.1)"
        yield LanguageError("a version is a text", value.span, hint)
    elif isinstance(value, s.Text):
        yield LanguageError(f"{shown(value)} is no version", value.span, "write numbers with dots between: '2.10.3'")
    else:
        hint = f"write {version} >= '2.10' or {version} >= version(traits.least_version)"
        yield LanguageError(f"{shown(value)} is no version", value.span, hint)
