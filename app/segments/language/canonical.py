"""The one spelling of a syntax tree: two nodes have the same text exactly if they mean the same.

The text can be parsed again and gives an equal tree. Durations stand with their largest units (`24h` is `1d`), names
of `any(...)` in order, parentheses only where they are needed.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.names import is_field

# How tightly an operator binds: a part that binds less than its place asks for gets parentheses.
_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _OPERAND = range(7)

_WORD = re.compile(r"[^\W\d]\w*")
_RESERVED = frozenset({"not", "true", "false", "context", "properties", "timestamp"})
"""Words that cannot begin the name of a property."""

_NO_LISTS = frozenset({"page", "screen", "identify", "cart", "session", "user", "traits"})
_NO_LISTS |= {"in", "contains", "starts", "matches", "is", "and", "or"}
"""Words that begin the path of a list only between quotes."""


def text(node: s.Expression | s.Pattern | s.EventName | s.Sequence) -> str:
    """The canonical text of an expression, a pattern or a part of one."""
    return _write(node, _OR)


def path_text(path: s.Path, root: str = "") -> str:
    """The spelling of a path: of a property, or of a field of `root` (`context`, `traits`).

    >>> path_text(("a", "odd name")), path_text(("odd name",)), path_text(("plan",), "traits")
    ("a['odd name']", "properties['odd name']", 'traits.plan')
    """
    if root:
        written, rest = root, path
    elif _WORD.fullmatch(path[0]) and path[0] not in _RESERVED and not is_field(path):
        written, rest = path[0], path[1:]
    else:
        written, rest = f"properties[{quoted(path[0])}]", path[1:]
    return written + "".join(map(_step, rest))


def _step(key: str) -> str:
    return f".{key}" if _WORD.fullmatch(key) else f"[{quoted(key)}]"


def _top(node: s.Top) -> str:
    unit = "%" if not node.of_users else " user" if node.number == 1 else " users"
    return f"top({number_text(node.number)}{unit})"


def _model(node: s.ModelValue) -> str:
    return f"model({quoted(node.model)})" + ("" if node.of_class is None else _step(node.of_class))


def _list_text(path: s.Path) -> str:
    """The spelling of the path of a list: after `any` and in `count` more words have another meaning."""
    written = path_text(path)
    if path[0] not in _NO_LISTS or written.startswith("properties["):
        return written
    return f"properties[{quoted(path[0])}]{written[len(path[0]) :]}"


def of_text(of: s.Path | s.Arithmetic) -> str:
    """The spelling of what an aggregate takes of an event."""
    return text(of) if isinstance(of, s.Arithmetic) else path_text(of)


def quoted(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def number_text(value: int | float) -> str:
    """A number without exponent; whole numbers without decimals."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def _write(node: Any, place: int) -> str:
    binding, write = _WRITERS[type(node)]
    if isinstance(node, s.Arithmetic):
        binding = _SUM if node.operator in "+-" else _PRODUCT
    written = write(node)
    return f"({written})" if binding < place else written


def _arithmetic(node: s.Arithmetic) -> str:
    own = _SUM if node.operator in "+-" else _PRODUCT
    return f"{_write(node.left, own)} {node.operator} {_write(node.right, own + 1)}"


def _comparison(node: s.Comparison) -> str:
    return f"{_write(node.left, _SUM)} {node.operator} {_write(node.right, _SUM)}"


def _inverse(node: s.Not) -> str:
    if isinstance(node.operand, s.Known):
        return f"{_write(node.operand.operand, _SUM)} is missing"
    return f"not {_write(node.operand, _NOT)}"


def _list(node: s.ListOf) -> str:
    return "[" + ", ".join(_write(item, _OR) for item in node.items) + "]"


def _event(node: s.EventName) -> str:
    return quoted(node.name or "") if node.kind == "track" else node.kind


def _pattern(node: s.Pattern) -> str:
    if isinstance(node.source, s.Sequence):
        source = _sequence(node.source)
    else:
        names = sorted({_event(event) for event in node.source})
        source = names[0] if len(names) == 1 else f"any({', '.join(names)})"
    where = f" where {_write(node.where, _OR)}" if node.where is not None else ""
    once = f" once per {path_text(node.once_per)}" if node.once_per is not None else ""
    latest = f"last {node.latest} " if node.latest is not None else ""
    return latest + source + where + once


def _sequence(node: s.Sequence) -> str:
    between = [*node.between, ()] if node.between else [()] * len(node.steps)
    steps = [
        [_pattern(step), *(f"no {_pattern(each)}" for each in no)] for step, no in zip(node.steps, between, strict=True)
    ]
    written = " then ".join(each for step in steps for each in step)
    if node.absent is not None:
        written += f" then no {_pattern(node.absent)} for {format_duration(node.absent_ms or 0)}"
    if node.within_ms is not None:
        written += f" within {format_duration(node.within_ms)}"
    if node.matching is not None:
        written += f" matching {path_text(node.matching)}"
    return f"sequence({written})"


def _mark(node: s.SegmentMark) -> str:
    within = "" if node.within_ms is None else f" within {format_duration(node.within_ms)}"
    return f"{node.function}({quoted(node.segment)}{within})"


def _near(node: s.Near) -> str:
    point = f"{number_text(node.latitude)}, {number_text(node.longitude)}"
    return f"near({_write(node.of, _OR)}, {point}, {number_text(node.km)}km)"


def _aggregate(node: s.Aggregate) -> str:
    written = _pattern(node.pattern)
    if node.of is not None:
        written = f"{of_text(node.of)} of {written}"
    if node.per is not None:
        written += f" per {path_text(node.per)}"
    if node.within_ms is not None:
        written += f" within {format_duration(node.within_ms)}"
    if node.since_last is not None:
        written += f" since last {_pattern(node.since_last)}"
    if node.span_of_time is not None:
        written += f" {_fixed_span(node.span_of_time)}"
    rank = f"{number_text(node.rank)}, " if node.rank is not None else ""
    return f"{node.function}({rank}{written})"


def _fixed_span(node: s.FixedSpan) -> str:
    return f"from {quoted(node.start)}" + (f" to {quoted(node.end)}" if node.end is not None else "")


_WRITERS: dict[type, tuple[int, Callable[[Any], str]]] = {
    s.Number: (_OPERAND, lambda node: number_text(node.value)),
    s.Text: (_OPERAND, lambda node: quoted(node.value)),
    s.Boolean: (_OPERAND, lambda node: "true" if node.value else "false"),
    s.Duration: (_OPERAND, lambda node: format_duration(node.ms)),
    s.ListOf: (_OPERAND, _list),
    s.Arithmetic: (_SUM, _arithmetic),
    s.Comparison: (_COMPARISON, _comparison),
    s.Known: (_COMPARISON, lambda node: f"{_write(node.operand, _SUM)} is known"),
    s.Not: (_NOT, _inverse),
    s.And: (_AND, lambda node: " and ".join(_write(operand, _NOT) for operand in node.operands)),
    s.Or: (_OR, lambda node: " or ".join(_write(operand, _AND) for operand in node.operands)),
    s.Property: (_OPERAND, lambda node: path_text(node.path)),
    s.EventContext: (_OPERAND, lambda node: path_text(node.path, "context")),
    s.ItemProperty: (_OPERAND, lambda node: path_text(node.path)),
    s.AnyItem: (_OPERAND, lambda node: f"any {_list_text(node.of.path)} ({_write(node.condition, _OR)})"),
    s.ItemCount: (_OPERAND, lambda node: f"count({_list_text(node.of.path)})"),
    s.EventName: (_OPERAND, _event),
    s.Pattern: (_OR, _pattern),
    s.Sequence: (_OPERAND, _sequence),
    s.Aggregate: (_OPERAND, _aggregate),
    s.FixedSpan: (_OPERAND, _fixed_span),
    s.Key: (_OPERAND, lambda node: f"key({_aggregate(node.aggregate)})"),
    s.Distance: (_OPERAND, lambda node: f"{node.function}({_write(node.of, _OR)})"),
    s.CartField: (_OPERAND, lambda node: f"cart.{node.name}"),
    s.CartLineField: (_OPERAND, lambda node: f"item.{node.name}"),
    s.SessionField: (_OPERAND, lambda node: f"session.{node.name}"),
    s.UserField: (_OPERAND, lambda node: f"user.{node.name}"),
    s.Trait: (_OPERAND, lambda node: path_text(node.path, "traits")),
    s.ContextValue: (_OPERAND, lambda node: path_text(node.path, "context")),
    s.FirstValue: (_OPERAND, lambda node: f"first({_write(node.of, _OR)})"),
    s.Membership: (_OPERAND, lambda node: f"segment({quoted(node.segment)})"),
    s.StaticList: (_OPERAND, lambda node: f"list({quoted(node.name)})"),
    s.ValueCount: (_OPERAND, lambda node: f"count(segment({quoted(node.segment)}))"),
    s.SegmentMark: (_OPERAND, _mark),
    s.ScoreValue: (_OPERAND, lambda node: f"score({quoted(node.score)})"),
    s.ModelValue: (_OPERAND, _model),
    s.Bucket: (_OPERAND, lambda node: f"bucket({quoted(node.salt)})"),
    s.Top: (_OPERAND, _top),
    s.SegmentSize: (_OPERAND, lambda node: f"segment_size({quoted(node.segment)})"),
    s.Lower: (_OPERAND, lambda node: f"lower({_write(node.of, _OR)})"),
    s.Version: (_OPERAND, lambda node: f"version({_write(node.of, _OR)})"),
    s.Near: (_OPERAND, _near),
    s.Consent: (_OPERAND, lambda node: f"consent({quoted(node.purpose)})"),
    s.Clock: (_OPERAND, lambda node: f"{node.reading}({'' if node.zone is None else _write(node.zone, _OR)})"),
    s.EventTime: (_OPERAND, lambda node: "timestamp"),
}
