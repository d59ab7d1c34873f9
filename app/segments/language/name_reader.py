"""Names of Lark's tree -> nodes of `syntax`: properties of an event or of an item, fields, traits, context."""

import re
from typing import cast

from lark import Token, Tree

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.literal_reader import LiteralReader
from app.segments.language.mistakes.dates import instant_hint
from app.segments.language.mistakes.memberships import membership_hint
from app.segments.language.names import (
    CART_LINE,
    OPEN_FIELDS,
    fields_of,
    is_field,
    unknown_field_hint,
    unknown_name_hint,
)
from app.segments.language.suggestions import listed
from app.segments.language.tree_parts import is_quoted, keys_of, span, text_value

_CLASS_OF_MODEL = re.compile(r"(model\('[^']*'\))\.([\w-]+)$")
PLACEHOLDER = s.Trait(("?",))
"""Stands for a value that cannot be read."""


class NameReader(LiteralReader):
    """Reads names; it knows if it is inside `where`, inside `any products (...)`, and if of an identify."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._in_where = False
        self._in_item = False
        self._of_identify = False

    def _path(self, tree: Tree[Token]) -> s.Expression:
        path = keys_of(tree)
        if self._in_where:
            if path[0] == "context" and not is_quoted(tree, 0):
                if len(path) == 1:
                    self._wrong(tree, "context needs a field", "write context.device.type or another of its fields")
                return s.EventContext(path[1:] or ("?",), span=span(tree))
            if path == ("timestamp",) and not is_quoted(tree, 0):
                return s.EventTime(span=span(tree))
            return self._event_value(tree)
        root, where = path[0], span(tree)
        if (known := fields_of(root)) is not None:
            return self._field(tree, path, known)
        if root in OPEN_FIELDS:
            if len(path) == 1:
                example = "traits.plan" if root == "traits" else "context.device.type"
                self._wrong(tree, f"{root} needs a field", f"write {example} or another of its fields")
                return PLACEHOLDER
            make = s.Trait if root == "traits" else s.ContextValue
            return make(path[1:], span=where)
        self._unknown_name(tree, path)
        return PLACEHOLDER

    def _event_value(self, tree: Tree[Token]) -> s.Property | s.ItemProperty:
        """A property of the event under test, or inside `any products (...)` of the item."""
        make = s.ItemProperty if self._in_item else s.Property
        return make(self._property(tree), span=span(tree))

    def _field(self, tree: Tree[Token], path: s.Path, known: tuple[str, ...]) -> s.Expression:
        root, where = path[0], span(tree)
        if len(path) == 1 and (hint := membership_hint(self._text, span(tree))):
            self._wrong(tree, "in is not written before a segment or a list", hint)
            return PLACEHOLDER
        if len(path) == 1:
            self._wrong(tree, f"{root} needs a field", f"its fields are {listed(f'{root}.{name}' for name in known)}")
            return PLACEHOLDER
        name = path[1]
        if name not in known or len(path) > 2:
            self._wrong(
                tree,
                f"unknown field {'.'.join(path)}",
                unknown_field_hint(root, path[1:]),
                f"the fields of {root} are {listed(known)}",
            )
            return PLACEHOLDER
        if root == "cart":
            return s.CartField(cast(s.CartFieldName, name), span=where)
        if root == CART_LINE:
            return s.CartLineField(cast(s.CartLineFieldName, name), span=where)
        if root == "session":
            return s.SessionField(cast(s.SessionFieldName, name), span=where)
        return s.UserField(cast(s.UserFieldName, name), span=where)

    def _value_count(self, tree: Tree[Token]) -> s.Expression:
        segment = cast(Tree[Token] | None, tree.children[2])
        if self._in_where:
            self._not_in_where(tree, "segment")
        if segment is None:
            self._wrong(tree, "segment needs a name", "write count(segment('name'))")
            return s.Number(0)
        return s.ValueCount(self._text_literal(segment).value, span=span(tree))

    def _first_value(self, tree: Tree[Token]) -> s.Expression:
        """`first(context.campaign.source)`; anything else needs an event."""
        path = cast(Tree[Token], tree.children[1])
        keys = keys_of(path)
        root, name = keys[0], ".".join(keys)
        if self._in_where:
            self._not_in_where(tree, "first")
        elif root == "context" and not is_quoted(path, 0):
            of = self._path(path)
            return s.FirstValue(of, span=span(tree)) if isinstance(of, s.ContextValue) else PLACEHOLDER
        elif root == "session":
            first = {"source": "context.campaign.source", "landing_page": "context.page.path"}.get(".".join(keys[1:]))
            hint = f"write first({first}), the first that was ever seen" if first else ""
            self._wrong(tree, f"{name} is a value of the visit going on, of which there is no first", hint)
        elif root == "traits":
            hint = f"write first({'.'.join(keys[1:]) or 'plan'} of identify)"
            self._wrong(tree, f"{name} is the latest value, and first needs an event or the context", hint)
        elif is_field(keys):
            self._wrong(tree, f"{name} is a value of the user, not an event", f"write {name}")
        else:
            self._wrong(tree, f"first needs the event that has {name}", f"write first({name} of 'Order Completed')")
        return PLACEHOLDER

    def _model(self, tree: Tree[Token]) -> s.Expression:
        """`model('likely')`, and of a model with several classes `model('next').buyers` or `['likely-buyers']`."""
        self._not_in_where(tree, "model")
        argument, *classes = cast("list[Tree[Token] | Token | None]", tree.children[1:])
        if argument is None:
            self._wrong(tree, "model needs a name", "write model('name')")
            return s.Number(0)
        named = self._text_literal(cast(Tree[Token], argument)).value
        read = [text_value(each) if each.type == "TEXT" else str(each) for each in cast(list[Token], classes)]
        if len(read) > 1:
            whole = canonical.text(s.ModelValue(named, read[0]))
            self._wrong(tree, f"{whole} is a number, and has no parts", f"write {whole} > 0.4")
        return s.ModelValue(named, read[0] if read else None, span=span(tree))

    def _not_in_where(self, tree: Tree[Token], name: str) -> None:
        if self._in_where:
            hint = "inside where, compare properties of the event; join conditions outside the parentheses with and"
            self._wrong(tree, f"{name}(...) is not allowed inside where", hint)

    def _unknown_name(self, tree: Tree[Token], path: s.Path) -> None:
        start = span(tree).start
        joined = self._text[start - 1 : start] == "-"
        alone = self._text.strip() == self._text[start : span(tree).end]
        hint = instant_hint(self._text, span(tree)) if path in (("now",), ("today",)) else ""
        if joined and (model := _CLASS_OF_MODEL.search(self._text[: span(tree).end])):
            hint = f"a class with - in its name is written {model[1]}['{model[2]}']"
        hint = hint or unknown_name_hint(path, behind_hyphen=joined, alone=alone)
        self._wrong(tree, f"unknown name {'.'.join(path)}", hint)

    def _property(self, tree: Tree[Token]) -> s.Path:
        """The path of a property of an event: `a.b`, `properties['odd name'].b`."""
        path = keys_of(tree)
        if path[0] == "context":
            self._wrong(tree, "only a property of the event is allowed here", "context.… can be compared inside where")
        if path[0] == "properties":
            if len(path) == 1:
                self._wrong(tree, "properties needs a name", "write properties['odd name']")
                return ("?",)
            if not is_quoted(tree, 1):
                self._wrong(tree, f"unknown name {'.'.join(path)}", f"write {'.'.join(path[1:])}")
            return path[1:]
        if is_field(path):
            text, hint = ".".join(path), "join the condition outside the parentheses with and"
            if path[0] == "traits" and self._of_identify:
                hint = f"the traits of an identify are its properties: write {'.'.join(path[1:])}"
            elif self._in_where:
                hint = f"compare it with the latest event, outside: last(price of 'Product Viewed') > {text}"
            detail = f"a property of that name is written properties['{path[0]}'].{'.'.join(path[1:])}"
            self._wrong(
                tree, f"{text} is a value of the user, but a property of the event is needed here", hint, detail
            )
        return path
