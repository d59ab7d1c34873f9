"""Checks of segments by value: what can be said of one value, and what cannot."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from app.segments.definitions.cart_policy import CartPolicy
from app.segments.definitions.definition import Definition, Segment
from app.segments.definitions.definition_file import DefinitionFile
from app.segments.definitions.each import Each
from app.segments.definitions.problem import Problem
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.walk import walk


def segments_by_value(files: Collection[DefinitionFile]) -> dict[str, bool]:
    """The names of the segments, with whether they are by value."""
    definitions = (file.definition for file in files)
    return {each.name: each.each is not None for each in definitions if isinstance(each, Segment)}


def check_each(file: DefinitionFile, by_value: Mapping[str, bool], cart: CartPolicy) -> Iterator[Problem]:
    """Problems of a definition that is by value, or that asks for one. `by_value`: of each segment, whether it is."""
    definition = file.definition
    for expression in file.expressions:
        for node in walk(expression.placed.node):
            error = _about_segment(node, by_value)
            if isinstance(node, s.CartLineField) and definition is not None:
                error = _no_line(node, definition, cart)
            if error is not None:
                yield expression.placed.problem(error)
    if not isinstance(definition, Segment) or definition.each is None or file.fields is None:
        return
    for key, reason in _NOT_WITH_EACH.items():
        if key in file.fields and (key != "warmup" or definition.warmup == "wait"):
            place = file.fields.key(key)
            message = f"{key} is not possible with each"
            yield file.source.problem(place.start_mark.index, place.end_mark.index, message, reason)
    others = [
        expression.placed.problem(error)
        for expression in file.expressions
        for node in walk(expression.placed.node)
        if (error := _error(node, definition.each, cart)) is not None
    ]
    yield from others
    conditions = [each for each in file.expressions if each.role != "attach"]
    asked = s.Aggregate | s.CartLineField
    if not others and not any(isinstance(node, asked) for each in conditions for node in walk(each.placed.node)):
        place = file.fields.key("each")
        yield file.source.problem(
            place.start_mark.index,
            place.end_mark.index,
            "no event of the conditions has a value",
            "write a condition on events, such as when: exists('Product Viewed' within 1h), or leave each out",
        )


def _about_segment(node: s.Node, by_value: Mapping[str, bool]) -> LanguageError | None:
    """The error of a question that only a segment by value can answer, or none by value."""
    match node:
        case s.SegmentMark(segment=name) if by_value.get(name, False):
            return _mark(node)
        case s.SegmentSize(segment=name) if by_value.get(name, False):
            return _size(node)
        case s.ValueCount(segment=name) if not by_value.get(name, True):
            return _count(node)
        case _:
            return None


_NOT_WITH_EACH = {
    "experiment": "give it to another segment: when: segment('<name of this one>')",
    "warmup": "leave warmup out",
}


_OF_LINE: Final[dict[s.CartFieldName, str]] = {
    "items": "item.quantity > 0",
    "quantity": "item.quantity",
    "value": "item.quantity * item.price",
    "products": "item.quantity > 0",
    "idle": "item.idle",
}
"""What is said of one product in place of a field of the whole cart."""


def _no_line(node: s.CartLineField, definition: Definition, cart: CartPolicy) -> LanguageError | None:
    """The error of a line of the cart where there is no product whose line it could be."""
    shown, product = canonical.text(node), canonical.path_text((cart.key[0],))
    each = definition.each if isinstance(definition, Segment) else None
    if each is not None and each.path in products_of(cart):
        return None
    detail = f"item.quantity, item.price and item.idle are those of one {product} in the cart"
    if each is not None:
        message = f"{shown} is of one {product} in the cart, but each is {canonical.path_text(each.path)}"
        return LanguageError(message, node.span, f"write each: {product}", detail)
    message = f"{shown} is of one product in the cart, and this definition is not by product"
    whole = {"quantity": "cart.quantity", "price": "cart.value", "idle": "cart.idle"}[node.name]
    if not isinstance(definition, Segment) or definition.model is not None:
        hint = f"ask for the whole cart: {whole}"
    else:
        hint = f"add each: {product}, or ask for the whole cart: {whole}"
    return LanguageError(message, node.span, hint, detail)


def products_of(cart: CartPolicy) -> tuple[s.Path, ...]:
    """The properties of events whose values are the products in the cart."""
    return (cart.key[0],), (cart.products, cart.key[0])


def _error(node: s.Node, each: Each, cart: CartPolicy) -> LanguageError | None:
    alone = "put it into a segment of its own, and write segment('<its name>') here"
    match node:
        case s.CartField(name=name):
            shown, product = canonical.text(node), canonical.path_text((cart.key[0],))
            if each.path in products_of(cart):
                hint = f"write {_OF_LINE[name]}, which is about one {product}; or {alone}"
            else:
                hint = f"{alone}; each: {product} has item.quantity, item.price and item.idle"
            return LanguageError(f"{shown} is not about one value of {each.text}", node.span, hint)
        case s.SessionField():
            shown = canonical.text(node)
            return LanguageError(f"{shown} is not about one value of {each.text}", node.span, alone)
        case s.UserField(name=name) if name != "id":
            return LanguageError(f"user.{name} is not about one value of {each.text}", node.span, alone)
        case s.ScoreValue():
            return LanguageError(f"the score {node.score} is not about one value of {each.text}", node.span, alone)
        case s.Top() | s.SegmentSize() | s.ValueCount():
            return LanguageError(f"{canonical.text(node)} is not about one value of {each.text}", node.span, alone)
        case s.Aggregate(per=path) if path == each.path:
            return _same(node, "per", each)
        case s.Aggregate(function="distinct", of=path) if path == each.path:
            return _same(node, "distinct", each)
        case _:
            return None


def _same(node: s.Aggregate, word: str, each: Each) -> LanguageError:
    shown = canonical.path_text(each.path)
    return LanguageError(
        f"{word} {shown} has one value only: each is about one {shown}",
        node.span,
        f"leave {word} out: the changes say the value",
    )


def _mark(node: s.SegmentMark) -> LanguageError:
    return LanguageError(
        f"{node.segment} is by value: {node.function.replace('_', ' ')} of it has no one answer",
        node.span,
        f"write segment('{node.segment}'): in by any value",
    )


def _count(node: s.ValueCount) -> LanguageError:
    return LanguageError(
        f"{node.segment} is not by value: a user is in it or not",
        node.span,
        f"write segment('{node.segment}'), or give {node.segment} the key each",
    )


def _size(node: s.SegmentSize) -> LanguageError:
    return LanguageError(
        f"{node.segment} is by value: a census counts no users of it",
        node.span,
        f"ask for the size of a segment of its own: when: segment('{node.segment}')",
    )
