"""A condition in words, for people who do not know the language of definitions. Pure.

What has no words of its own is shown as it is written.
"""

from typing import Final, Literal

import msgspec

from app.segments.definitions.definition import Segment
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.parser import parse_expression

Way = Literal["all", "any", "none", "one"]

_COMPARED: Final = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "in": "is one of",
    "contains": "contains",
    "starts with": "starts with",
    "matches": "matches",
}
_OPPOSITE: Final = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
CART: Final = {
    "items": "the number of products in the cart",
    "quantity": "the number of pieces in the cart",
    "value": "the value of the cart",
    "products": "the products in the cart",
    "idle": "the time since the cart was last changed",
}
VISIT: Final = {
    "duration": "the length of the visit",
    "idle": "the time since the last event of the visit",
    "pages": "the pages seen in this visit",
    "events": "the events of this visit",
    "number": "the number of this visit",
    "source": "the source of this visit",
    "landing_page": "the first page of this visit",
}
USER: Final = {
    "first_seen": "the first event of the user",
    "last_seen": "the last event of the user",
    "age": "the time since the first event of the user",
    "idle": "the time since the last event of the user",
    "identified": "the user has logged in",
    "id": "the id of the user",
}
_AGGREGATES: Final = {
    "sum": "the sum of {of} of",
    "avg": "the average {of} of",
    "min": "the least {of} of",
    "max": "the greatest {of} of",
    "median": "the median {of} of",
    "first": "the first {of} of",
    "last": "the last {of} of",
    "distinct": "the number of different {of} of",
}


class Clause(msgspec.Struct, frozen=True):
    """A part of a condition. `way`: all, any or none of the `parts` must hold; one: there are none, `text` says it.
    `written`: the expression of one."""

    way: Way
    text: str
    parts: "tuple[Clause, ...]" = ()
    written: str = ""


class Condition(msgspec.Struct, frozen=True):
    """A condition of a segment. `when`: stays, enters or leaves. `waits`: what is waited for besides."""

    when: Literal["member", "enters", "leaves"]
    clause: Clause
    waits: tuple[str, ...] = ()


def conditions_of(segment: Segment) -> tuple[Condition, ...]:
    """All conditions of a segment in words."""
    waits = tuple(_waits(segment))
    if segment.when is not None:
        return (Condition("member", clause_of(segment.when), waits),)
    assert segment.enter is not None
    assert segment.exit is not None
    return (
        Condition("enters", clause_of(segment.enter), waits),
        Condition("leaves", clause_of(segment.exit)),
    )


def _waits(segment: Segment) -> "list[str]":
    found = []
    if segment.for_ms:
        found.append(f"for {_duration(segment.for_ms)} without a break")
    if segment.hold_ms:
        found.append(f"whoever is in stays for at least {_duration(segment.hold_ms)}")
    if segment.cooldown_ms:
        found.append(f"whoever has left comes back after {_duration(segment.cooldown_ms)} at the earliest")
    found += [f"only users who agree to {purpose}" for purpose in segment.requires]
    if segment.experiment is not None:
        found.append(f"groups of the experiment {segment.experiment.name}: {segment.experiment.text()}")
    return found


def clause_of(node: s.Expression) -> Clause:
    """A condition in words.

    >>> from app.segments.language.parser import parse_expression
    >>> clause_of(parse_expression("cart.items > 0 and not exists('Order Completed' within 30d)")).parts[1].text
    "did not do 'Order Completed' within the last 30 days"
    """
    match node:
        case s.And():
            return Clause("all", "all of these", tuple(map(clause_of, node.operands)))
        case s.Or():
            return Clause("any", "at least one of these", tuple(map(clause_of, node.operands)))
        case s.Not(operand=s.And() | s.Or() as inner):
            one = clause_of(inner)
            return Clause("none", "not all of these" if one.way == "all" else "none of these", one.parts)
        case s.Not():
            return Clause("one", _statement(node.operand, negated=True), written=canonical.text(node))
        case _:
            return Clause("one", _statement(node, negated=False), written=canonical.text(node))


def words_of(expression: str) -> str:
    """An expression of evidence in words; as it is written where it has none of its own.

    >>> words_of("cart.idle >= 30m")
    'the time since the cart was last changed is at least 30 minutes'
    """
    try:
        clause = clause_of(parse_expression(expression))
    except LanguageError:
        return expression
    return clause.text if clause.way == "one" else expression


def _statement(node: s.Expression, *, negated: bool) -> str:
    told = _known_statement(node, negated=negated)
    if told is not None:
        return told
    return canonical.text(s.Not(node)) if negated else canonical.text(node)


def _known_statement(node: s.Expression, *, negated: bool) -> str | None:
    no = "not " if negated else ""
    match node:
        case s.Comparison():
            return _comparison(node, negated=negated)
        case s.Aggregate(function="exists" | "never"):
            did = (node.function == "exists") is not negated
            return f"{'did' if did else 'did not do'} {_events(node)}"
        case s.Membership():
            return f"is {no}in the segment {node.segment}"
        case s.StaticList():
            return f"is {no}on the list {node.name}"
        case s.Consent():
            return f"{'does not agree' if negated else 'agrees'} to {node.purpose}"
        case s.SegmentMark(function="entered" | "left"):
            within = "" if node.within_ms is None else f" within the last {_duration(node.within_ms)}"
            verb = {"entered": "did not enter", "left": "did not leave"}[node.function] if negated else node.function
            return f"{verb} the segment {node.segment}{within}"
        case s.UserField(name="identified"):
            return f"has {no}logged in"
        case s.Known():
            return f"{_value(node.operand)} is {'missing' if negated else 'known'}"
        case _:
            return None


def _comparison(node: s.Comparison, *, negated: bool) -> str:
    operator = node.operator
    if isinstance(node.left, s.Aggregate) and node.left.function == "count" and not negated:
        times = {">=": "at least", ">": "more than", "<": "fewer than", "<=": "at most", "=": "exactly"}.get(operator)
        if times is not None and isinstance(node.right, s.Number):
            number = canonical.number_text(node.right.value)
            return f"did {_events(node.left)} {times} {number} {'time' if number == '1' else 'times'}"
    if negated and operator in _OPPOSITE and isinstance(node.right, s.Text | s.Boolean) and operator in "!=":
        return f"{_value(node.left)} {_COMPARED[_OPPOSITE[operator]]} {_value(node.right)}"
    told = f"{_value(node.left)} {_COMPARED[operator]} {_value(node.right)}"
    return f"it is not so that {told}" if negated else told


def _value(node: s.Expression) -> str:
    match node:
        case s.Duration():
            return _duration(node.ms)
        case s.ListOf():
            return ", ".join(map(_value, node.items))
        case s.CartField():
            return CART[node.name]
        case s.SessionField():
            return VISIT[node.name]
        case s.UserField():
            return USER[node.name]
        case s.Trait():
            return f"the trait {canonical.path_text(node.path)}"
        case s.ContextValue():
            return f"the latest {canonical.path_text(node.path)}"
        case s.Aggregate() if (told := _aggregate(node)) is not None:
            return told
        case s.SegmentMark(function="since_left"):
            return f"the time since they left the segment {node.segment}"
        case s.SegmentMark(function="times"):
            return f"the number of times they entered the segment {node.segment}"
        case s.ScoreValue():
            return f"the score {node.score}"
        case s.ModelValue(model=model, of_class=None):
            return f"the probability that the model {model} gave"
        case s.ModelValue(model=model, of_class=of_class):
            return f"the probability of {of_class} that the model {model} gave"
        case s.Top():
            return f"what the highest {canonical.number_text(node.percent)} % of all users reach"
        case s.SegmentSize():
            return f"the number of users in the segment {node.segment}"
        case _:
            return canonical.text(node)


def _aggregate(node: s.Aggregate) -> str | None:
    if node.per is not None:
        return None
    match node.function:
        case "count":
            return f"the number of {_events(node)}"
        case "since":
            return f"the time since the last {_events(node)}"
        case name if name in _AGGREGATES and isinstance(node.of, tuple):
            return f"{_AGGREGATES[name].format(of=canonical.path_text(node.of))} {_events(node)}"
        case _:
            return None


def _events(node: s.Aggregate) -> str:
    """The events that are counted, and since when."""
    told = canonical.text(node.pattern)
    if node.per is not None:
        told += f" with the same {canonical.path_text(node.per)}"
    if node.within_ms is not None:
        return f"{told} within the last {_duration(node.within_ms)}"
    if node.since_last is not None:
        return f"{told} since the last {canonical.text(node.since_last)}"
    if node.span_of_time is not None:
        until = f" to {node.span_of_time.end}" if node.span_of_time.end else ""
        return f"{told} from {node.span_of_time.start}{until}"
    return told


def _duration(ms: int) -> str:
    """A duration in words.

    >>> _duration(1_800_000), _duration(86_400_000), _duration(5_400_000)
    ('30 minutes', '1 day', '1h30m')
    """
    for name, unit_ms in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000)):
        if ms and ms % unit_ms == 0:
            count = ms // unit_ms
            return f"{count} {name}{'' if count == 1 else 's'}"
        if ms >= unit_ms:
            break
    return format_duration(ms)
