"""The names of the language: fields and functions, and what to say to one that it does not know."""

from typing import get_args

from app.segments.language import syntax as s
from app.segments.language.functions import AGGREGATES
from app.segments.language.suggestions import closest, did_you_mean, listed

NUMBER_MAX = 10**15
OF_GROUPS = "a segment asks about one user; send what is true of their company as a trait: traits.company_size > 10"
"""A hint for a value of an account."""

FIELDS: dict[str, tuple[str, ...]] = {
    "cart": get_args(s.CartFieldName),
    "session": get_args(s.SessionFieldName),
    "user": get_args(s.UserFieldName),
}
CART_LINE, CART_LINE_FIELDS = "item", get_args(s.CartLineFieldName)
"""The fields of one product in the cart. Inside `where` and behind `sum(` a path `item.price` is a property."""
OPEN_FIELDS = ("traits", "context")
CLOCKS = get_args(s.ClockReading)
DISTANCES = ("until", "until_anniversary")
_GIVEN_A_TEXT = ("segment", "score", "model", "list", "consent", "bucket", "segment_size")
MARKS = ("entered", "left", "since_left", "times")
FUNCTIONS = (*AGGREGATES, *DISTANCES, "key", "lower", "version", "near", "top", *_GIVEN_A_TEXT, *CLOCKS, *MARKS)
PATTERN_WORDS = ("page", "screen", "identify")


def is_field(path: s.Path) -> bool:
    """True if a path, written with points, is a field of the user: `traits.plan`, `cart.items`.

    Inside `where` it would be a property of the event, which nobody means who writes it; `properties['cart'].items` is.
    """
    return len(path) > 1 and (path[0] == "traits" or path[1] in FIELDS.get(path[0], ()))


def fields_of(root: str) -> tuple[str, ...] | None:
    """The fields of `cart`, `item`, `session` or `user`; None for another root."""
    return CART_LINE_FIELDS if root == CART_LINE else FIELDS.get(root)


def unknown_field_hint(root: str, rest: s.Path) -> str:
    """A hint for a field of `cart`, `item`, `session` or `user` that does not exist; may be empty."""
    name, known = rest[0], fields_of(root) or ()
    if other := _OTHER_FIELDS[root].get(name.lower().replace("_", "")):
        return other if " " in other else f"did you mean {root}.{other}?"
    if name in known:
        return f"write {root}.{name}"
    guess = did_you_mean(name, known, prefix=f"{root}.")
    return guess or (f"data about a user are traits: traits.{'.'.join(rest)}" if root == "user" else "")


def unknown_name_hint(path: s.Path, *, behind_hyphen: bool, alone: bool) -> str:
    """Returns a hint for a name outside `where` that does not exist.

    `behind_hyphen`: `-` stands right before it; `alone`: it is the whole expression, as under `attach`.
    """
    text, roots = ".".join(path), (*FIELDS, *OPEN_FIELDS)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text in PATTERN_WORDS:
        return f"write exists({text}) or count({text}) > 0"
    if text in FUNCTIONS:
        return f"{text} needs parentheses: {text}(...)"
    if behind_hyphen:
        return "a name with - in it is written context['user-agent']"
    if len(path) > 1 and path[0] in ("properties", "property", "event"):
        read = ".".join(path[1:])
        return _property_hint(read) if alone else f"a property can be read inside where: '...' where {read} = ..."
    if path[0].lower() in _GROUPS:
        return OF_GROUPS
    if guess := closest(path[0], roots):
        return f"did you mean {'.'.join((guess, *path[1:]))}?"
    if len(path) > 1:
        if path[1] in CART_LINE_FIELDS and closest(path[0], [CART_LINE]):
            return f"did you mean {CART_LINE}.{path[1]}?"
        if alone:
            return _property_hint(text)
        return f"names begin with {listed((f'{root}.' for root in roots), joint='or')}"
    if guess := closest(text, FUNCTIONS):
        return f"did you mean {guess}(...)?"
    if alone:
        return _property_hint(text)
    for root, fields in FIELDS.items():
        if text in fields and text not in ("idle", "products"):
            return f"did you mean {root}.{text}?"
    return (
        f"for a text, write '{text}'; a trait of the user is traits.{text};"
        f" a property can be read inside where: '...' where {text} = ..."
    )


def _property_hint(text: str) -> str:
    return f"for the property of the latest event write last({text} of 'Product Viewed')"


_GROUPS = frozenset({"group", "groups", "account", "company", "organization", "organisation", "workspace"})
_MISSING = "a missing value makes every comparison false: write traits.plan is missing"
_WORDS = {
    **dict.fromkeys(("yes", "on", "true"), "write true"),
    **dict.fromkeys(("no", "off", "false"), "write false"),
    **dict.fromkeys(("null", "none", "nil", "missing", "undefined"), _MISSING),
    "timestamp": "the time of an event is compared inside where: exists('...' where timestamp >= '2026-11-27')",
    **dict.fromkeys(
        ("now", "today"), "write since('...') < 1h, until(traits.ends_at) < 3d, user.idle, date() or hour_of_day()"
    ),
}

_OTHER_FIELDS: dict[str, dict[str, str]] = {
    "cart": {
        **dict.fromkeys(("total", "sum", "amount", "price", "revenue", "subtotal", "worth"), "value"),
        **dict.fromkeys(("count", "size", "length", "number", "lines", "productcount", "itemcount"), "items"),
        **dict.fromkeys(("qty", "units", "pieces"), "quantity"),
        **dict.fromkeys(("product", "productid", "productids", "skus", "ids"), "products"),
        **dict.fromkeys(("age", "lastchanged", "updated", "updatedat", "abandoned"), "idle"),
    },
    CART_LINE: {
        **dict.fromkeys(("qty", "units", "pieces", "count", "number", "amount"), "quantity"),
        **dict.fromkeys(("cost", "unitprice"), "price"),
        **dict.fromkeys(("value", "total", "sum", "worth", "revenue"), "write item.quantity * item.price"),
        **dict.fromkeys(("age", "lastchanged", "updated", "updatedat", "abandoned", "since"), "idle"),
        **dict.fromkeys(("id", "product", "productid", "sku"), "each change says the product as its value"),
    },
    "session": {
        **dict.fromkeys(("length", "time", "age", "seconds", "timeonsite"), "duration"),
        **dict.fromkeys(("pageviews", "views", "pagecount", "screens"), "pages"),
        **dict.fromkeys(("count", "visits", "sessions", "index"), "number"),
        **dict.fromkeys(("campaign", "utmsource", "channel"), "source"),
        **dict.fromkeys(("referrer", "referer"), "the referrer of the latest event is context.page.referrer"),
        **dict.fromkeys(("landing", "entrypage", "firstpage", "landingurl"), "landing_page"),
        **dict.fromkeys(("lastseen", "inactive", "silence"), "idle"),
    },
    "user": {
        **dict.fromkeys(("userid", "anonymousid", "uid", "key", "uuid"), "id"),
        **dict.fromkeys(("loggedin", "isidentified", "known", "anonymous", "registered"), "identified"),
        **dict.fromkeys(("inactive", "silence", "lastactive", "lastactivity"), "idle"),
        **dict.fromkeys(("created", "firstvisit"), "first_seen"),
        **dict.fromkeys(("lastvisit", "seen"), "last_seen"),
    },
}
"""Other words for fields, without `_` and in small letters: the field that is meant, or a hint."""


_MODEL = "model "


def model_segment(model: str) -> str:
    """The name of the segment that stands for a model; no definition can have it."""
    return _MODEL + model


def model_of(segment: str) -> str | None:
    """The model that a segment stands for; None for a segment of a definition.

    >>> model_of("model likely"), model_of("likely")
    ('likely', None)
    """
    return segment.removeprefix(_MODEL) if segment.startswith(_MODEL) else None
