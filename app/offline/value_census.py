"""Values in files that definitions ask for and cannot use: texts where a number is needed, texts that are cut.

It looks at the values of those events and properties that definitions read, also of events that are late or repeated.
Whether a value can be used is decided by `tables.values` and `tables.cut_texts`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from msgspec import Raw, UnsetType

from app.events.message import MESSAGE_BYTES_MAX
from app.offline.event_files import EventFiles
from app.offline.heard_message import EventKey, heard_message, values_of
from app.offline.name_census import keys_of_pattern, shown_name
from app.segments.definitions.cart_policy import CartPolicy, CartUpdate
from app.segments.definitions.definition import Catalog, Definition
from app.segments.definitions.dependencies import expressions
from app.segments.evaluation.cleaning import cleaned_at
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.functions import AGGREGATES
from app.segments.language.walk import walk
from tables.counted import Counted
from tables.cut_texts import TEXT_BYTES_KEY_MAX, TEXT_BYTES_VALUE_MAX
from tables.dates import DataInstants
from tables.values import at_path, micros, number_in

TEXT_SHOWN_MAX: Final = 40
_CART_PATHS: Final[dict[CartUpdate, tuple[str, ...]]] = {
    "add": ("quantity", "price"),
    "remove": ("quantity",),
    "replace": ("quantity", "price"),
    "take": (),
}
_VISIT_PATHS: Final[dict[str, s.Path]] = {"source": ("campaign", "source"), "landing_page": ("page", "path")}
_ORDERED: Final = frozenset({"<", "<=", ">", ">="})

_INSTANTS: Final = DataInstants("UTC", Counted())
"""Whether a value is a date is the same in every zone."""

Root = Literal["properties", "traits", "context"]
Use = Literal["sum", "comparison", "key", "value", "instant", "day"]
"""How a value is used: as a number that is remembered, as one that is compared, as a text of two lengths, as a date."""
_BYTES_MAX: Final[dict[Use, int]] = {"key": TEXT_BYTES_KEY_MAX, "value": TEXT_BYTES_VALUE_MAX}
_BYTES_LEAST: Final[dict[Use, int]] = {"sum": 0, "comparison": 0, "instant": 0, "day": 0, **_BYTES_MAX}


class Unusable(NamedTuple):
    """Values of one place that could not be used, in words; and the definitions that ask for them."""

    text: str
    definitions: tuple[str, ...]


class _Place(NamedTuple):
    """Origin of values; `keys` are the events of properties."""

    root: Root
    keys: tuple[EventKey, ...]
    path: s.Path
    use: Use


@dataclass(slots=True)
class _Found:
    """Values of one place that could not be used, counted by kind, with the first of each kind and its line."""

    definitions: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    firsts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, kind: str, value: Any, where: str) -> None:
        """One more value."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind not in self.firsts:
            self.firsts[kind] = shown_value(value), where


class _Sought:
    """Places below one root. `bytes_least`: a shorter object has nothing there that could not be used."""

    def __init__(self, places: Iterable[_Place]) -> None:
        self.places = tuple(places)
        self.bytes_least = min((_BYTES_LEAST[place.use] for place in self.places), default=MESSAGE_BYTES_MAX)

    def may_be_in(self, raw: Raw | UnsetType) -> bool:
        """True if an object is long enough. JSON is never shorter than a text in it."""
        return not isinstance(raw, UnsetType) and len(raw) > self.bytes_least


class ValueCensus:
    """Hears messages, and says which values a catalog could not use."""

    def __init__(self, catalog: Catalog) -> None:
        self._found: dict[_Place, _Found] = {}
        self._cleaning = catalog.settings.cleaning
        definitions: list[Definition] = [each for each in catalog.segments if each.status != "retired"]
        definitions += (*catalog.models, *catalog.scores)
        for definition in definitions:
            for expression in expressions(definition):
                for place in _places_of(expression, catalog.settings.cart):
                    self._found.setdefault(place, _Found()).definitions.add(definition.name)
        properties: dict[EventKey, list[_Place]] = {}
        for place in self._found:
            for key in place.keys:
                properties.setdefault(key, []).append(place)
        self._properties = {key: _Sought(places) for key, places in properties.items()}
        self._traits = _Sought(place for place in self._found if place.root == "traits")
        self._context = _Sought(place for place in self._found if place.root == "context")

    def hear(self, message: bytes, where: str) -> None:
        """One more message, and where it stands; what is none says nothing."""
        read = heard_message(message)
        if read is None:
            return
        sought = self._properties.get(read.key)
        if sought is not None and sought.may_be_in(read.own):
            self._look(sought, self._cleaned(read.key, values_of(read.own)), where)
        if read.type == "identify" and self._traits.may_be_in(read.traits):
            self._look(self._traits, values_of(read.traits), where)
        in_context, in_traits = self._context.may_be_in(read.context), self._traits.may_be_in(read.context)
        if in_context or (in_traits and b'"traits"' in message):
            context = values_of(read.context)
            self._look(self._context, context, where)
            if isinstance(traits := context.get("traits"), dict):
                self._look(self._traits, traits, where)

    def _cleaned(self, key: EventKey, values: dict[str, Any]) -> dict[str, Any]:
        """The properties of an event as definitions read them."""
        kind, name = key
        for rule in self._cleaning if kind == "track" else ():
            if name in rule.events:
                values, _ = cleaned_at(values, rule.path, rule)
        return values

    def heard(self, files: EventFiles) -> Iterator[bytes]:
        """The messages of files, each heard as it comes."""
        for message in files:
            self.hear(message, files.place)
            yield message

    def unusable(self) -> list[Unusable]:
        """Values that could not be used, in order of their places."""
        told: dict[str, set[str]] = {}
        for place, found in sorted(self._found.items(), key=str):
            for words in _words(found):
                told.setdefault(f"{_name(place)}: {words}", set()).update(found.definitions)
        return [Unusable(text, tuple(sorted(definitions))) for text, definitions in told.items()]

    def _look(self, sought: "_Sought", values: dict[str, Any], where: str) -> None:
        for place in sought.places:
            value = at_path(values, place.path)
            for item in value if value.__class__ is list else (value,):
                kind = _trouble(item, place.use)
                if kind is not None:
                    self._found[place].add(kind, item, where)


def _trouble(value: Any, use: Use) -> str | None:
    """The reason why a value cannot be used; None if it can."""
    if (bytes_max := _BYTES_MAX.get(use)) is not None:
        long = value.__class__ is str and len(value) * 4 > bytes_max and len(value.encode(errors="replace")) > bytes_max
        return f"text longer than {bytes_max:,} bytes" if long else None
    if value is None:
        return None
    if use in ("instant", "day"):
        read = _INSTANTS.instant if use == "instant" else _INSTANTS.day
        return None if read(value) is not None else "value that is no date"
    if value.__class__ is str:
        number = number_in(value)
        if number is None:
            return "text that is no number"
        value = number
    if value.__class__ is bool:
        return "true or false for a number"
    return "number beyond 10^12" if use == "sum" and micros(value) is None else None


_MANY: Final = {
    "value that is no date": "values that are no dates",
    "text that is no number": "texts that are no numbers",
    "true or false for a number": "times true or false for a number",
    "number beyond 10^12": "numbers beyond 10^12",
}


def _words(found: _Found) -> Iterator[str]:
    for kind, count in found.counts.items():
        what = kind if count == 1 else _MANY.get(kind, kind.replace("text ", "texts "))
        first, where = found.firsts[kind]
        yield f"{count:,} {what}, {first} in {where}" if count == 1 else f"{count:,} {what}, first {first} in {where}"


def shown_value(value: Any) -> str:
    """A value as JSON, its beginning if it is long."""
    if value.__class__ is str and len(value) > TEXT_SHOWN_MAX:
        value = value[: TEXT_SHOWN_MAX - 1] + "…"
    return json.dumps(value, ensure_ascii=False)


def _name(place: _Place) -> str:
    if place.root != "properties":
        return canonical.path_text(place.path, place.root)
    events = " or ".join(key.kind if key.name is None else shown_name(key.name) for key in place.keys)
    return f"{canonical.path_text(place.path)} of {events}"


# ---- what definitions ask for


def _places_of(expression: s.Node, cart: CartPolicy) -> Iterator[_Place]:
    """The places of an expression, or of a pattern of a score."""
    for node in walk(expression):
        match node:
            case s.Aggregate():
                yield from _of_aggregate(node)
            case s.Pattern(where=s.Node() as where):
                yield from _of_filter(where, keys_of_pattern(node))
            case s.CartField() | s.CartLineField():
                yield from _of_cart(cart)
            case s.SessionField(name=name) if name in _VISIT_PATHS:
                yield _Place("context", (), _VISIT_PATHS[name], "value")
            case s.Trait(path=path):
                yield _Place("traits", (), path, "value")
            case s.ContextValue(path=path):
                yield _Place("context", (), path, "value")
            case s.Distance(function=function, of=of):
                yield from _of_value(of, "day" if function == "until_anniversary" else "instant")
            case s.Comparison() | s.Arithmetic():
                yield from _compared(node, ())
            case _:
                pass


def _of_aggregate(node: s.Aggregate) -> Iterator[_Place]:
    keys = keys_of_pattern(node.pattern)
    if node.per is not None:
        yield _Place("properties", keys, node.per, "key")
    if isinstance(node.of, s.Arithmetic):
        for each in walk(node.of):
            if isinstance(each, s.Property):
                yield _Place("properties", keys, each.path, "sum")
    elif node.of is not None:
        uses: dict[str, Use] = {"numbers": "sum", "keys": "key", "value": "value"}
        yield _Place("properties", keys, node.of, uses[AGGREGATES[node.function].item])


def _of_cart(cart: CartPolicy) -> Iterator[_Place]:
    for name, update in cart.updates().items():
        paths = _CART_PATHS.get(update)
        if paths is None:
            continue
        keys = (EventKey("track", name),)
        listed = (cart.products,)
        for prefix in (listed,) if update in ("replace", "take") else ((), listed):
            for name in cart.key:
                yield _Place("properties", keys, (*prefix, name), "key")
            for path in paths:
                yield _Place("properties", keys, (*prefix, getattr(cart, path)), "sum")


def _of_filter(where: s.Node, keys: tuple[EventKey, ...]) -> Iterator[_Place]:
    for node in walk(where):
        if isinstance(node, s.Comparison | s.Arithmetic):
            yield from _compared(node, keys)


def _compared(node: s.Comparison | s.Arithmetic, keys: tuple[EventKey, ...]) -> Iterator[_Place]:
    """The sides that are to be numbers: those of arithmetic, and of a comparison of more or less with a number."""
    if isinstance(node, s.Comparison) and node.operator not in _ORDERED:
        return
    for side, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(node, s.Comparison) and not isinstance(other, s.Number | s.Arithmetic):
            continue
        match side:
            case s.Property(path=path) if keys:
                yield _Place("properties", keys, path, "comparison")
            case s.EventContext(path=path):
                yield _Place("context", (), path, "comparison")
            case _:
                yield from _of_value(side, "comparison")


def _of_value(node: s.Node, use: Use) -> Iterator[_Place]:
    """The place of a value of the user."""
    match node:
        case s.ContextValue(path=path):
            yield _Place("context", (), path, use)
        case s.Trait(path=path):
            yield _Place("traits", (), path, use)
        case s.Aggregate(function="first" | "last", of=tuple() as path, pattern=pattern):
            yield _Place("properties", keys_of_pattern(pattern), path, use)
        case _:
            pass
