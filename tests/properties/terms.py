"""Random terms about single values: what is known, who the user is, where a place lies."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.properties.item_expressions import item_filter
from tests.properties.places import near, version_test
from tests.support.histories import LONG_TEXTS

if TYPE_CHECKING:
    from tests.properties.catalogs import Writer

KNOWN_PATHS = ("c", "x", "o", "o.x", "tags", "products", "products.x", "context.device.type", "context.device")


def filter_terms(writer: "Writer") -> tuple[Callable[[], str], ...]:
    """Conditions about an event."""
    return (
        lambda: f"{writer.one_of(*KNOWN_PATHS)} is {presence(writer)}",
        lambda: f"lower({writer.one_of('tags', writer.value_path())}) {small_text_test(writer)}",
        lambda: item_filter(writer),
        lambda: version_test(writer, writer.one_of("version", "version", "c", "tags", "x")),
        lambda: near(writer, writer.one_of("place", "place", "context.location", "o")),
    )


def atoms(writer: "Writer") -> tuple[Callable[[], str], ...]:
    """Conditions about a user."""
    return (
        lambda: f"{user_value(writer)} {writer.order()} {writer.one_of('u', 'u1', 'u2')!r}",
        lambda: f"user.id in ['u1', {writer.text()}]",
        lambda: f"user.id {writer.one_of('starts with', 'contains', 'matches')} {writer.one_of('u1', '1')!r}",
        lambda: f"bucket({writer.one_of('a', 'b', 'é')!r}) {writer.order()} {writer.one_of('10', '35.5', '50', '80')}",
        lambda: f"lower({writer.any_of(writer.any_value, writer.visit_text)}) {small_text_test(writer)}",
        *marks(writer),
        lambda: version_test(writer, writer.one_of("traits.version", "context.app.version", "traits.x")),
        lambda: version_test(writer, f"last({writer.one_of('version', 'c')} of {writer.pattern()}{writer.scope()})"),
        lambda: near(writer, writer.one_of("context.location", "context.location", "traits.home")),
        lambda: f"{optional(writer)} is {presence(writer)}",
        lambda: f"count({writer.name()} where {term(writer)}{writer.scope()}) {writer.order()} {writer.threshold()}",
    )


def term(writer: "Writer") -> str:
    """One of the conditions about an event."""
    return writer.one_of(*filter_terms(writer))()


def user_value(writer: "Writer") -> str:
    return writer.one_of("user.id", "lower(user.id)")


def small_text_test(writer: "Writer") -> str:
    """A comparison of a text in small letters."""
    operator = writer.one_of("=", "=", "!=", "contains", "starts with")
    return f"{operator} {writer.one_of('a', 'b', 'ab', 'b1', 'é')!r}"


def marks(writer: "Writer") -> tuple[Callable[[], str], ...]:
    """Conditions about entries into other segments, and exits from them."""
    if not writer.segments:
        return ()
    name = f"'{writer.one_of(*writer.segments)}'"
    within = f" within {writer.duration()}" if writer.chance(75) else ""
    return (
        lambda: f"entered({name}{within})",
        lambda: f"left({name}{within})",
        lambda: f"times({name}) {writer.order()} {writer.threshold()}",
        lambda: f"since_left({name}) {writer.one_of('<', '<=', '>', '>=')} {writer.duration()}",
        lambda: f"since_left({name}) is {presence(writer)}",
    )


def presence(writer: "Writer") -> str:
    return writer.one_of("known", "missing")


def optional(writer: "Writer") -> str:
    """A value that can be missing."""
    return writer.any_of(
        writer.any_value,
        writer.visit_text,
        lambda: f"{writer.one_of('avg', 'min', 'max')}(x of {writer.pattern()}{writer.scope()})",
        lambda: f"since({writer.pattern()} within {writer.duration()})",
        lambda: writer.one_of("cart.idle", "session.idle", "session.pages"),
    )


def value_atom(writer: "Writer") -> str:
    """A plain value beside a number, a text that is one, or a text of any length."""
    value = writer.any_of(
        lambda: f"last({writer.one_of('x', 'c')} of {writer.name()})",
        lambda: f"first({writer.one_of('x', 'c')} of {writer.name()})",
        lambda: f"key(count({writer.name()} per {writer.one_of('x', 'c')}))",
        writer.known,
    )
    said = writer.any_of(
        lambda: writer.one_of("1", "2", "'1'", "'2'", "'3'", "'1.0'"),
        lambda: f"'{writer.one_of(*LONG_TEXTS)}'",
        writer.text,
    )
    return f"{value} {writer.order()} {said}"
