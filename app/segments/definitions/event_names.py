"""Names of events that may not be meant: they match nothing, and nobody notices."""

import re
from collections.abc import Iterator

from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.definitions.dependencies import expressions
from app.segments.language import syntax as s
from app.segments.language.walk import walk

_WITHOUT_QUOTES = ("page", "screen", "identify")


def doubtful_names(catalog: Catalog) -> Iterator[str]:
    """Returns warnings about event names: message types written as an event, names that differ only in spelling."""
    spellings: dict[str, dict[str, str]] = {}
    for name in catalog.settings.cart.updates() if _reads_the_cart(catalog) else ():
        spellings.setdefault(_plain(name), {})[name] = "the cart"
    for name, user in _names(catalog):
        if name.lower() in _WITHOUT_QUOTES:
            said = f"'{name}' between quotes is an event of that name"
            yield f"{user}: {said}; messages of that type are {name.lower()}, without quotes"
        spellings.setdefault(_plain(name), {}).setdefault(name, user)
    for users in spellings.values():
        if len(users) > 1:
            said = ", ".join(f"'{name}' ({user})" for name, user in sorted(users.items()))
            yield f"{said}: different events, since names are case-sensitive"


def _reads_the_cart(catalog: Catalog) -> bool:
    definitions: list[Definition] = [*catalog.definitions]
    nodes = (node for definition in definitions for expression in expressions(definition) for node in walk(expression))
    return any(isinstance(node, s.CartField | s.CartLineField) for node in nodes)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _names(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Each name of an event in a definition or its tests, with where it stands; each once."""
    seen: set[tuple[str, str]] = set()
    definitions: list[Definition] = [*catalog.definitions]
    for definition in sorted(definitions, key=lambda each: each.name):
        found = [
            node.name
            for expression in expressions(definition)
            for node in walk(expression)
            if isinstance(node, s.EventName) and node.kind == "track" and node.name is not None
        ]
        if isinstance(definition, Segment):
            found += [
                name
                for test in definition.tests
                for event in test.events
                if isinstance(name := event.message.get("event"), str)
            ]
        for name in found:
            if (name, definition.name) not in seen:
                seen.add((name, definition.name))
                yield name, definition.name
