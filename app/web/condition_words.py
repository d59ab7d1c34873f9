"""A condition in words, for people who do not know the language of definitions.

What has no words of its own is shown as it is written.
"""

from functools import lru_cache
from typing import Final, Literal

import msgspec

from app.segments.definitions.definition import Segment
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.parser import parse_expression
from app.web.texts import present_language, say

WORDS_KEPT: Final = 20_000
"""Expressions whose words are kept: a person has thousands at once, and to parse each takes half a millisecond."""

Way = Literal["all", "any", "none", "one"]

_COMPARED: Final = {
    "=": "equal",
    "!=": "unequal",
    "<": "less",
    "<=": "most",
    ">": "more",
    ">=": "least",
    "in": "among",
    "contains": "contains",
    "starts with": "starts",
    "matches": "matches",
}
_OPPOSITE: Final = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_TIMES: Final = {">=": "least", ">": "more", "<": "fewer", "<=": "most", "=": "exactly"}
CART: Final = ("items", "quantity", "value", "products", "idle")
VISIT: Final = ("duration", "idle", "pages", "events", "number", "source", "landing_page")
USER: Final = ("first_seen", "last_seen", "age", "idle", "identified", "id")
_AGGREGATES: Final = ("sum", "avg", "min", "max", "median", "first", "last", "distinct")


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
        found.append(say("said_for", time=_duration(segment.for_ms)))
    if segment.hold_ms:
        found.append(say("said_hold", time=_duration(segment.hold_ms)))
    if segment.cooldown_ms:
        found.append(say("said_cooldown", time=_duration(segment.cooldown_ms)))
    found += [say("said_requires", purpose=purpose) for purpose in segment.requires]
    if segment.experiment is not None:
        found.append(say("said_experiment", name=segment.experiment.name, groups=segment.experiment.text()))
    return found


def clause_of(node: s.Expression) -> Clause:
    """A condition in words.

    >>> from app.segments.language.parser import parse_expression
    >>> clause_of(parse_expression("cart.items > 0 and not exists('Order Completed' within 30d)")).parts[1].text
    "did not do 'Order Completed' within the last 30 days"
    """
    match node:
        case s.And():
            return Clause("all", say("said_all"), tuple(map(clause_of, node.operands)))
        case s.Or():
            return Clause("any", say("said_any"), tuple(map(clause_of, node.operands)))
        case s.Not(operand=s.And() | s.Or() as inner):
            one = clause_of(inner)
            return Clause("none", say("said_not_all" if one.way == "all" else "said_none"), one.parts)
        case s.Not():
            return Clause("one", _statement(node.operand, negated=True), written=canonical.text(node))
        case _:
            return Clause("one", _statement(node, negated=False), written=canonical.text(node))


def words_of(expression: str) -> str:
    """An expression of evidence in words; as it is written where it has none of its own.

    >>> words_of("cart.idle >= 30m")
    'the time since the cart was last changed is at least 30 minutes'
    """
    return _words_in(present_language(), expression)


@lru_cache(maxsize=WORDS_KEPT)
def _words_in(_language: str, expression: str) -> str:
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
    no = "not_" if negated else ""
    match node:
        case s.Comparison():
            return _comparison(node, negated=negated)
        case s.Aggregate(function="exists" | "never"):
            did = (node.function == "exists") is not negated
            return say("said_did" if did else "said_did_not", events=_events(node))
        case s.Membership():
            return say(f"said_{no}in", name=node.segment)
        case s.StaticList():
            return say(f"said_{no}on", name=node.name)
        case s.Consent():
            return say(f"said_{no}agrees", purpose=node.purpose)
        case s.SegmentMark(function="entered" | "left"):
            told = say(f"said_{no}{node.function}", name=node.segment)
            return told if node.within_ms is None else say("said_within", what=told, time=_duration(node.within_ms))
        case s.UserField(name="identified"):
            return say(f"said_{no}identified")
        case s.Known():
            return say("said_missing" if negated else "said_known", what=_value(node.operand))
        case _:
            return None


def _comparison(node: s.Comparison, *, negated: bool) -> str:
    operator = node.operator
    match node.left, node.right:
        case s.Aggregate(function="count") as counted, s.Number() as number if operator in _TIMES and not negated:
            times = say("said_times", n=canonical.number_text(number.value))
            return say(f"said_did_{_TIMES[operator]}", events=_events(counted), times=times)
    if negated and operator in _OPPOSITE and isinstance(node.right, s.Text | s.Boolean) and operator in "!=":
        return say(f"said_is_{_COMPARED[_OPPOSITE[operator]]}", left=_value(node.left), right=_value(node.right))
    told = say(f"said_is_{_COMPARED[operator]}", left=_value(node.left), right=_value(node.right))
    return say("said_not_so", what=told) if negated else told


def _value(node: s.Expression) -> str:
    match node:
        case s.Duration():
            return _duration(node.ms)
        case s.ListOf():
            return ", ".join(map(_value, node.items))
        case s.CartField():
            return say(f"said_cart_{node.name}")
        case s.CartLineField():
            return say(f"said_line_{node.name}")
        case s.SessionField():
            return say(f"said_visit_{node.name}")
        case s.UserField():
            return say(f"said_user_{node.name}")
        case s.Trait():
            return say("said_trait", name=canonical.path_text(node.path))
        case s.ContextValue():
            return say("said_context", name=canonical.path_text(node.path))
        case s.Aggregate() if (told := _aggregate(node)) is not None:
            return told
        case s.ValueCount():
            return say("said_value_count", name=node.segment)
        case s.SegmentMark(function="since_left"):
            return say("said_since_left", name=node.segment)
        case s.SegmentMark(function="times"):
            return say("said_times_entered", name=node.segment)
        case s.ScoreValue():
            return say("said_score", name=node.score)
        case s.ModelValue(model=model, of_class=None):
            return say("said_model", name=model)
        case s.ModelValue(model=model, of_class=str(of_class)):
            return say("said_model_class", name=model, of=of_class)
        case s.Top():
            return say("said_top_users" if node.of_users else "said_top", number=canonical.number_text(node.number))
        case s.SegmentSize():
            return say("said_size", name=node.segment)
        case _:
            return canonical.text(node)


def _aggregate(node: s.Aggregate) -> str | None:
    if node.per is not None:
        return None
    match node.function:
        case "count":
            return say("said_count", events=_events(node))
        case "since":
            return say("said_since", events=_events(node))
        case name if name in _AGGREGATES and isinstance(node.of, tuple):
            return say(f"said_{name}", of=canonical.path_text(node.of), events=_events(node))
        case _:
            return None


def _events(node: s.Aggregate) -> str:
    """The events that are counted, and since when."""
    told = canonical.text(node.pattern)
    if node.per is not None:
        told = say("said_per", what=told, name=canonical.path_text(node.per))
    if node.within_ms is not None:
        return say("said_within", what=told, time=_duration(node.within_ms))
    if node.since_last is not None:
        return say("said_since_last", what=told, event=canonical.text(node.since_last))
    if node.span_of_time is not None:
        start, end = str(node.span_of_time.start), node.span_of_time.end
        return (
            say("said_from_to", what=told, start=start, end=str(end))
            if end
            else say("said_from", what=told, start=start)
        )
    return told


def _duration(ms: int) -> str:
    """A duration in words.

    >>> _duration(1_800_000), _duration(86_400_000), _duration(5_400_000)
    ('30 minutes', '1 day', '1h30m')
    """
    for name, unit_ms in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000)):
        if ms and ms % unit_ms == 0:
            count = ms // unit_ms
            return say(f"said_{name}", n=count)
        if ms >= unit_ms:
            break
    return format_duration(ms)
