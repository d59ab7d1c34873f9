"""Names inside `where` that are read as properties of the event, where something else was probably meant."""

from collections.abc import Collection, Iterator

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.names import CLOCKS, FUNCTIONS
from app.segments.language.walk import walk

MESSAGE_FIELDS = {
    "userId": "the id of the user",
    "anonymousId": "the id of the device",
    "messageId": "the id of the message",
    "timestamp": "the time of the event",
    "originalTimestamp": "a time of the message",
    "sentAt": "a time of the message",
    "receivedAt": "a time of the message",
    "event": "the name of the event",
}
"""Fields of a message that stand beside its properties, so that no filter reads them."""

_COMMON = frozenset({"version"})
"""Functions of the same name as a property that many events have."""

_SNAKE = {"user_id": "userId", "anonymous_id": "anonymousId", "sent_at": "sentAt", "received_at": "receivedAt"}
_TIMES = ("originalTimestamp", "sentAt", "receivedAt")
_VALUES = {
    **dict.fromkeys(("yes", "on", "true"), "write true"),
    **dict.fromkeys(("no", "off", "false"), "write false"),
    **dict.fromkeys(
        ("null", "none", "nil", "undefined"), "a missing property makes every comparison false: write coupon is missing"
    ),
}
_PERIODS = {
    **dict.fromkeys(
        ("day", "days", "date"), "for the number of different days write days('Product Viewed' within 30d)"
    ),
    **dict.fromkeys(("week", "weeks"), "for the number of different weeks write weeks('Product Viewed' within 90d)"),
    **dict.fromkeys(("month", "months"), "for the number of different months write months('Product Viewed')"),
    **dict.fromkeys(("user", "person", "customer"), "all counts are of one user: leave per out"),
    **dict.fromkeys(
        ("session", "visit"), "session.events and session.pages count the events and the pages of the visit going on"
    ),
}
"""Words after `per` that people mean as a span of time, or as whose events are counted; the hint for each."""

_COMPARED_WITH_TEXT = ("=", "!=", "in", "contains", "starts with")


def mistaken_names(node: s.Node, known: Collection[str], text: str | None = None) -> list[LanguageError]:
    """Names in an expression or pattern that are probably not meant as properties.

    `known` are names that properties of the catalog certainly have. In `text`, the source of the node, a name that is
    written `properties['name']` is meant; without `text` it is found too.
    """
    return [
        error
        for name, error in _found(node, known)
        if text is None or f"properties['{name}']" not in text[error.span.start : error.span.end]
    ]


def certain_properties(node: s.Node) -> Iterator[str]:
    """Names of properties in an expression or pattern that cannot be meant as a value or as something else."""
    compared = {id(each.right) for each in walk(node) if isinstance(each, s.Comparison)}
    for each in walk(node):
        paths: tuple[s.Path | None, ...] = ()
        match each:
            case s.Property(path=path) | s.ItemProperty(path=path) if id(each) not in compared and not _is_taken(
                path[0]
            ):
                paths = (path,)
            case s.Aggregate(of=of, per=per):
                paths = (_path(of), None if _period(per) else per)
            case s.Pattern(once_per=once_per):
                paths = (once_per,)
            case s.Sequence(matching=matching):
                paths = (matching,)
            case _:
                pass
        yield from (path[0] for path in paths if path is not None and path[0] not in MESSAGE_FIELDS)


def _found(node: s.Node, known: Collection[str]) -> Iterator[tuple[str, LanguageError]]:
    told: set[int] = set()
    for each in walk(node):
        match each:
            case s.Comparison(right=s.Property(path=(name,)) | s.ItemProperty(path=(name,)) as right) if (
                each.operator in _COMPARED_WITH_TEXT
            ):
                if name not in known and not _is_taken(name):
                    told.add(id(right))
                    yield name, _value(right, name)
            case s.Property(path=(name,)) | s.ItemProperty(path=(name,)) if (
                name not in known and id(each) not in told and _is_taken(name)
            ):
                yield name, _taken(each.span, name, _in_filter(name))
            case s.Aggregate(of=of, per=per):
                yield from _paths(each, (_path(of), per), known)
                if per is not None and _period(per) and per[0] not in known:
                    yield (
                        per[0],
                        LanguageError(f"{per[0]} is read as a property of the event", each.span, _PERIODS[per[0]]),
                    )
            case s.Pattern(once_per=once_per):
                yield from _paths(each, (once_per,), known)
            case s.Sequence(matching=matching):
                yield from _paths(each, (matching,), known)
            case _:
                pass


def _paths(
    node: s.Node, paths: tuple[s.Path | None, ...], known: Collection[str]
) -> Iterator[tuple[str, LanguageError]]:
    for path in paths:
        if path is not None and len(path) == 1 and path[0] in MESSAGE_FIELDS and path[0] not in known:
            yield path[0], _taken(node.span, path[0], "")


def _period(per: s.Path | None) -> bool:
    """True if the word after `per` is probably no property."""
    return per is not None and len(per) == 1 and per[0] in _PERIODS


def _path(of: s.Path | s.Arithmetic | None) -> s.Path | None:
    """The path of what an aggregate takes; the properties of arithmetic are found by themselves."""
    return None if isinstance(of, s.Arithmetic) else of


def _is_taken(name: str) -> bool:
    return (name in FUNCTIONS and name not in _COMMON) or name in MESSAGE_FIELDS or name in _SNAKE


def _value(node: s.Property | s.ItemProperty, name: str) -> LanguageError:
    owner = "item" if isinstance(node, s.ItemProperty) else "event"
    hint = _VALUES.get(name.lower()) or f"write {canonical.quoted(name)} for a text"
    return LanguageError(
        f"{name} without quotes is read as another property of the {owner}",
        node.span,
        f"{hint}; properties['{name}'] for the property",
    )


def _taken(span: s.Span, name: str, hint: str) -> LanguageError:
    field = _SNAKE.get(name, name)
    other = f"as {MESSAGE_FIELDS[field]}" if field in MESSAGE_FIELDS else f"as the function {name}(...)"
    written = f"write properties['{name}'] if the property is meant"
    return LanguageError(
        f"{name} is read as a property of the event, not {other}", span, f"{hint}; {written}" if hint else written
    )


def _in_filter(name: str) -> str:
    field = _SNAKE.get(name, name)
    if name in CLOCKS:
        return f"write {name}() for that of the event"
    if field in _TIMES:
        return "write timestamp for the time of the event"
    return "write the name instead of the filter: 'Product Viewed'" if field == "event" else ""
