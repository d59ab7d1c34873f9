"""Segment Engage: the `definition.query` of audiences, as the Public API gives it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import UserError
from app.imports import value_tests as v
from app.imports.conditions import Condition, Done, Leaf, either, every, opposite
from app.imports.event_tests import (
    EventFilter,
    FunnelStep,
    Window,
    aggregate_subject,
    aggregated,
    context_subject,
    counted,
    event,
    followed,
    message,
    on_context,
    on_property,
    on_trait,
    pattern,
    property_subject,
    trait_subject,
)
from app.imports.gaps import Untranslatable, shown
from app.imports.json_document import Place
from app.imports.names import segment_name
from app.imports.parentheses import in_and, in_not
from app.imports.segment_query import Argument, Call, Chain, Group, Literal, Node, Span, parse
from app.imports.work import Foreign, Work
from app.segments.language.durations import format_duration

COMPARATORS: Final = {
    "equals": "=",
    "differs": "!=",
    "greater_than": ">",
    "at_least": ">=",
    "less_than": "<",
    "at_most": "<=",
}
_UNITS_MS: Final = {"hour": v.HOUR_MS, "day": v.DAY_MS, "minute": 60_000, "week": 7 * v.DAY_MS}


def definitions(document: Place, file: str) -> list[Foreign]:
    """The audiences of an answer of the API."""
    if document.has("data"):
        document = document.field("data")
    for key in ("audiences", "audience"):
        if document.has(key):
            document = document.field(key)
    audiences = list(document.items()) if isinstance(document.value, list) else [document]
    found: list[Foreign] = []
    taken: set[str] = set()
    for audience in audiences:
        if not audience.has("definition") or not audience.field("definition").has("query"):
            continue
        title = audience.value.get("name")
        title = title if isinstance(title, str) and title else file.rpartition("/")[2].partition(".")[0]
        name = segment_name(title, taken, "audience")
        taken.add(name)
        described = audience.value.get("description")
        key = str(audience.value.get("key", f"audience {len(found)}"))
        description = described if isinstance(described, str) else ""
        found.append(Foreign(key, name, title, description, audience.field("definition"), _translation(audience)))
    if not found:
        raise UserError(
            f"{file}: no audience of Segment",
            hint="give the answer of GET /spaces/ID/audiences, whose audiences have a definition with a query",
        )
    return found


def _translation(audience: Place) -> Callable[[Work], Condition | None]:
    def translate(work: Work) -> Condition | None:
        definition = audience.field("definition")
        kind = definition.value.get("type") or audience.value.get("audienceType") or "users"
        if str(kind).lower() != "users":
            raise Untranslatable(f"type = {shown(kind)}", "a segment here is a list of users, not of accounts")
        query = definition.field("query")
        return _Query(work, Place(query.path, query.value)).condition(parse(definition.text("query")))

    return translate


@dataclass(slots=True)
class _Stream:
    """The events that a chain has selected so far."""

    name: str
    filters: list[EventFilter] = field(default_factory=list)
    window: Window = field(default_factory=Window)
    then: tuple[FunnelStep, int] | None = None


class _Query:
    """Translates the tree of one query."""

    def __init__(self, work: Work, place: Place) -> None:
        self._work = work
        self._place = place

    def condition(self, node: Node) -> Condition | None:
        """A condition on the user."""
        if isinstance(node, Group):
            if node.kind == "accounts":
                raise Untranslatable("ANY and ALL", "a segment here is a list of users, not of accounts")
            parts = [self._work.attempt(self._place, lambda part=part: self.condition(part)) for part in node.parts]  # type: ignore[misc]  # mypy: a default argument in a lambda
            found = [part for part in parts if part is not None]
            if not found:
                return None
            return opposite(found[0]) if node.kind == "opposite" else (every if node.kind == "every" else either)(found)
        if isinstance(node, Literal):
            raise Untranslatable(shown(node.value), "a condition is needed here")
        first, *steps = node.calls
        match first.name:
            case "trait":
                return self._trait(_text_of(first), steps)
            case "event":
                return self._event(_text_of(first), steps)
            case other:
                raise Untranslatable(f"{other}(...)", "no function of a user that is documented")

    def _trait(self, name: str, steps: Sequence[Call]) -> Condition:
        comparator = _only(steps, f"trait({shown(name)})")
        if comparator.name in ("equals", "differs") and _values(comparator) == [True]:
            try:
                inside = self._work.reference(name, "audience", "")
            except Untranslatable as error:
                if "not in this file" not in error.why:
                    raise
            else:
                return inside if comparator.name == "equals" else opposite(inside)
        path = (name,)
        return on_trait(path, _test(trait_subject(path), comparator))

    # ---- events

    def _event(self, name: str, steps: Sequence[Call]) -> Condition:
        stream = _Stream(name)
        rest = list(steps)
        while rest and rest[0].name in ("where", "within", "between", "sources"):
            self._narrow(stream, rest.pop(0))
        if not rest:
            raise Untranslatable(f"event({shown(name)})", "count() and a comparison are needed")
        reducer = rest.pop(0)
        if reducer.name == "unique" and rest and rest[0].name == "count":
            rest.pop(0)
        comparator = _only(rest, f"{reducer.name}(...)")
        if stream.then is not None:
            return self._funnel(stream, reducer, comparator)
        return _reduced(stream, reducer, comparator)

    def _narrow(self, stream: _Stream, call: Call) -> None:
        match call.name:
            case "where":
                for part in _parts_of(call):
                    if isinstance(part, Chain) and part.calls[0].name == "event":
                        stream.then = self._child(part)
                    else:
                        stream.filters.append(_where(part))
            case "within":
                stream.window = Window(_span_ms(call, 0))
            case "between":
                nearer, farther = sorted((_span_ms(call, 0), _span_ms(call, 1)))
                stream.window = Window(farther, nearer)
            case _:
                raise Untranslatable("sources(...)", "the source of an event is not known", "a property of the event")

    def _child(self, chain: Chain) -> tuple[FunnelStep, int]:
        """The event of a funnel that follows its parent."""
        first, *steps = chain.calls
        filters: list[EventFilter] = []
        longest_ms = 0
        for call in steps[:-2]:
            if call.name == "where":
                filters += map(_where, _parts_of(call))
            elif call.name == "within" and call.arguments and call.arguments[0].keyword == "parent":
                longest_ms = _span_ms(call, 0)
            else:
                raise Untranslatable(f"{call.name}(...) in a funnel", "no step of a sequence is said so")
        if not (_is_once(steps[-2:]) or _is_never(steps[-2:])):
            raise Untranslatable("a funnel", "only a second event that happened at least once, or never, can be said")
        return FunnelStep(_text_of(first), filters, _is_once(steps[-2:])), longest_ms

    def _funnel(self, stream: _Stream, reducer: Call, comparator: Call) -> Condition:
        assert stream.then is not None
        if not _is_once([reducer, comparator]):
            raise Untranslatable("a funnel", "only one that happened at least once can be said")
        second, longest_ms = stream.then
        why = "here the second event must be inside the time, not the first"
        if not second.happens:
            why = "here a user enters when the time is over, and this instant must be inside the time"
        self._work.note(self._place, "a funnel", why)
        first = FunnelStep(stream.name, stream.filters)
        return followed([first, second], longest_ms=longest_ms, window=stream.window)


def _reduced(stream: _Stream, reducer: Call, comparator: Call) -> Condition:
    name, filters, window = stream.name, stream.filters, stream.window
    if reducer.name == "count":
        if comparator.name not in COMPARATORS:
            raise Untranslatable(f"count().{comparator.name}(...)", "a number is needed here")
        return counted(name, filters, window, COMPARATORS[comparator.name], v.number(_value(comparator)))
    path = _property(reducer)
    match reducer.name:
        case "sum" | "avg" | "max" | "min" | "first" | "last":
            subject = aggregate_subject(reducer.name, path, name, filters, window)
            return aggregated(path, name, filters, window, _test(subject, comparator))
        case "unique":
            subject = aggregate_subject("distinct", path, name, filters, window)
            test = v.compared(subject, COMPARATORS.get(comparator.name, "="), _value(comparator))
            many = isinstance(test.yes, int) and test.yes > 1
            return aggregated(path, name, filters, window, v.ValueTest(test.text, v.UNKNOWN if many else "something"))
        case "mode":
            return _mode(stream, path, reducer, comparator)
        case other:
            raise Untranslatable(f"{other}(...)", "no function that is documented")


def _mode(stream: _Stream, path: tuple[str, ...], reducer: Call, comparator: Call) -> Condition:
    if stream.window.until_ms:
        raise Untranslatable("mode between two times ago", "a window ends now")
    within = f" within {format_duration(stream.window.from_ms)}" if stream.window.from_ms else ""
    tally = f"count({pattern(stream.name, stream.filters)} per {property_subject(path)}{within})"
    least = v.number(_literal(reducer.arguments[1])) if len(reducer.arguments) > 1 else 1
    test = _test(f"key({tally})", comparator)
    one = message(stream.name, stream.filters)
    yes = None
    if one is not None and isinstance(test.yes, str | int | float):
        made = {**one, "properties": {**one.get("properties", {}), path[0]: test.yes}}
        yes = (Done(made),) * int(least) if len(path) == 1 and least <= 20 else None
    return Leaf(f"{test.text} and {tally} >= {v.literal(least)}" if least > 1 else test.text, yes)


def _is_once(calls: Sequence[Call]) -> bool:
    if [call.name for call in calls] not in (["count", "at_least"], ["count", "greater_than"]):
        return False
    return bool(_value(calls[1]) == (1 if calls[1].name == "at_least" else 0))


def _is_never(calls: Sequence[Call]) -> bool:
    return [call.name for call in calls] == ["count", "equals"] and bool(_value(calls[1]) == 0)


# ---- filters


def _parts_of(call: Call) -> tuple[Node, ...]:
    """The conditions that AND joins inside `where(...)`."""
    if len(call.arguments) != 1 or not isinstance(node := call.arguments[0].value, Chain | Group):
        raise Untranslatable("where(...)", "one condition is needed here")
    return node.parts if isinstance(node, Group) and node.kind == "every" else (node,)


def _where(node: Node) -> EventFilter:
    if isinstance(node, Group):
        if node.kind == "accounts":
            raise Untranslatable("ANY and ALL", "a segment here is a list of users, not of accounts")
        parts = [_where(part) for part in node.parts]
        if node.kind == "opposite":
            return EventFilter(f"not {in_not(parts[0].text)}", {})
        if node.kind == "either":
            return EventFilter(" or ".join(part.text for part in parts), parts[0].message)
        joined = message("x", parts)
        return EventFilter(" and ".join(in_and(part.text) for part in parts), joined and _without_name(joined))
    if isinstance(node, Literal):
        raise Untranslatable(shown(node.value), "a condition is needed here")
    first, *steps = node.calls
    path = tuple(_text_of(first).split("."))
    comparator = _only(steps, f"{first.name}(...)")
    match first.name:
        case "property":
            return on_property(path, _test(property_subject(path), comparator))
        case "context":
            return on_context(path, _test(context_subject(path), comparator))
        case other:
            raise Untranslatable(f"{other}(...) inside where", "a filter sees only the event")


def _without_name(made: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in made.items() if key != "event"}


# ---- comparators and their arguments


def _test(subject: str, comparator: Call) -> v.ValueTest:
    name = comparator.name
    if name in ("exists", "absent"):
        return v.known(subject) if name == "exists" else v.missing(subject)
    values = _values(comparator)
    first = values[0] if values else None
    if name in ("within_last", "within_next", "before_last", "after_next"):
        dates: Mapping[str, Callable[[str, int], v.ValueTest]] = {
            "within_last": v.in_the_last,
            "within_next": v.in_the_next,
            "before_last": v.at_least_ago,
            "after_next": v.at_least_ahead,
        }
        return dates[name](subject, _span_ms(comparator, 0))
    if name in ("equals", "differs"):
        if isinstance(first, str | bool):
            test = v.equal(subject, first)
            return test if name == "equals" else v.ValueTest(test.text.replace(" = ", " != ", 1), v.UNKNOWN, first)
        return v.compared(subject, COMPARATORS[name], first)
    if name in COMPARATORS:
        return v.compared(subject, COMPARATORS[name], first)
    others: Mapping[str, Callable[[], v.ValueTest]] = {
        "contains": lambda: v.contains_any(subject, values),
        "omits": lambda: v.contains_any(subject, values).opposite(),
        "starts_with": lambda: v.starts_with(subject, first),
        "ends_with": lambda: v.ends_with(subject, first),
        "one_of": lambda: v.one_of(subject, values),
        "before_date": lambda: v.before_date(subject, first),
        "after_date": lambda: v.after_date(subject, first),
    }
    if name not in others:
        raise Untranslatable(f"{name}(...)", "no comparison that is documented")
    return others[name]()


def _only(steps: Sequence[Call], what: str) -> Call:
    if len(steps) != 1:
        raise Untranslatable(what, "one comparison is needed here")
    return steps[0]


def _literal(argument: Argument) -> Any:
    value = argument.value
    if isinstance(value, Chain):
        if value.calls[0].name == "literal" and len(value.calls) == 1:
            return _value(value.calls[0])
        called = value.calls[0].name
        raise Untranslatable(f"a comparison with {called}(...)", "the right side must be a fixed value")
    if not isinstance(value, Literal):
        raise Untranslatable("an argument", "a fixed value is needed here")
    return value.value


def _values(call: Call) -> list[Any]:
    found: list[Any] = []
    for argument in call.arguments:
        if isinstance(argument.value, tuple):
            found += argument.value
        elif not isinstance(argument.value, Span):
            found.append(_literal(argument))
    return found


def _value(call: Call) -> Any:
    values = _values(call)
    if len(values) != 1:
        raise Untranslatable(f"{call.name}(...)", "one value is needed here")
    return values[0]


def _text_of(call: Call) -> str:
    value = _value(call)
    if not isinstance(value, str) or not value:
        raise Untranslatable(f"{call.name}({shown(value)})", "a name is needed here")
    event(value)
    return value


def _property(reducer: Call) -> tuple[str, ...]:
    inner = reducer.arguments[0].value if reducer.arguments else None
    if not isinstance(inner, Chain) or inner.calls[0].name != "property" or len(inner.calls) != 1:
        raise Untranslatable(f"{reducer.name}(...)", "a property is needed here")
    return tuple(_text_of(inner.calls[0]).split("."))


def _span_ms(call: Call, index: int) -> int:
    span = call.arguments[index].value if index < len(call.arguments) else None
    if not isinstance(span, Span) or span.unit.lower().rstrip("s") not in _UNITS_MS or not span.number.isdigit():
        raise Untranslatable(f"{call.name}(...)", "a number of hours or days is needed here")
    return min(int(span.number), 10**6) * _UNITS_MS[span.unit.lower().rstrip("s")]
