"""Conditions that nothing can make true, or nothing false: no mistake in the spelling, but hardly meant."""

from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.mistakes.side_hints import shown
from app.segments.language.satisfiability import WEEKDAYS, Domain, can_be_false, can_be_true, domain_of
from app.segments.language.types import Type
from app.segments.language.walk import children, simple_conditions

_PARTS_NAMED_MAX = 3


def contradictions(node: s.Node) -> list[LanguageError]:
    """The smallest parts of an expression or pattern that are never true, or never false."""
    found: dict[s.Node, LanguageError] = {}
    _look(node, found)
    return list(found.values())


def never_entered(enter: s.Expression, leave: s.Expression) -> LanguageError | None:
    """Nobody enters if `leave` is true whenever `enter` is; None where somebody may."""
    if contradictions(enter) or contradictions(leave) or can_be_true(s.And((enter, s.Not(leave)))):
        return None
    return LanguageError(
        "nobody ever enters: exit is true whenever enter is",
        enter.span,
        "",
        "a user enters when enter is true and exit is not",
    )


def _look(node: s.Node, found: dict[s.Node, LanguageError]) -> None:
    for child in children(node):
        _look(child, found)
    if isinstance(node, s.And | s.Or):
        _joined(node, frozenset(each for each in found if isinstance(each, s.Expression)), found)
    elif isinstance(node, s.Comparison | s.Aggregate):
        _alone(node, found)


def _alone(node: s.Comparison | s.Aggregate, found: dict[s.Node, LanguageError]) -> None:
    if isinstance(node, s.Aggregate):
        if node.since_last is not None and _takes_all(node.since_last, node.pattern):
            found[node] = LanguageError(
                f"{shown(node)} counts nothing: each of its events is itself the last one",
                node.span,
                "after since last write the other event, at which the count begins anew",
            )
        return
    if isinstance(node.left, s.Clock) and node.left == node.right:
        always = node.operator in ("=", "<=", ">=")
        hint = "windows go back from now: exists(page within 30d)"
        found[node] = LanguageError(
            f"{_text(node)} is {'always' if always else 'never'} true", node.span, hint, "both sides are one value"
        )
        return
    outcome = _outcome(node, frozenset())
    if outcome is not None:
        found[node] = LanguageError(f"{_text(node)} is {outcome} true", node.span, "", _reason(node))


def _takes_all(last: s.Pattern, counted: s.Pattern) -> bool:
    """True if each event that `counted` matches is also one of `last`: those count nothing."""
    if isinstance(last.source, s.Sequence) or isinstance(counted.source, s.Sequence):
        return False
    return set(counted.source) <= set(last.source) and last.where in (None, counted.where)


def _joined(node: s.And | s.Or, opaque: frozenset[s.Expression], found: dict[s.Node, LanguageError]) -> None:
    outcome = _outcome(node, opaque)
    if outcome is None:
        return
    joint = type(node)
    parts = list(node.operands)
    for part in node.operands:
        fewer = [each for each in parts if each is not part]
        if len(fewer) > 1 and _outcome(joint(tuple(fewer)), opaque) == outcome:
            parts = fewer
    if len(parts) > _PARTS_NAMED_MAX:
        message = f"nothing can make all of this {'true at once' if outcome == 'never' else 'false at once'}"
    else:
        word = " and " if joint is s.And else " or "
        message = f"{word.join(map(_text, parts))} is {outcome} true"
    hint = "and needs all of them; or needs one of them" if joint is s.And and outcome == "never" else ""
    found[node] = LanguageError(message, s.Span(parts[0].span.start, parts[-1].span.end), hint)


def _outcome(node: s.Expression, opaque: frozenset[s.Expression]) -> str | None:
    if any(isinstance(each, s.Boolean) for each in simple_conditions(node)):
        return None  # a literal true or false is intended
    if not can_be_true(node, opaque):
        return "never"
    return None if can_be_false(node, opaque) else "always"


def _text(node: s.Expression) -> str:
    if isinstance(node, s.Comparison):
        return f"{shown(node.left)} {node.operator} {shown(node.right)}"
    return shown(node)


def _reason(node: s.Comparison) -> str:
    """The values that the side that is no literal can have."""
    for side in (node.left, node.right):
        domain = domain_of(side)
        if domain is not None and not isinstance(side, s.Number | s.Duration | s.Text):
            return f"{shown(side)} is {_values(domain)}"
    return ""


def _values(domain: Domain) -> str:
    if domain.texts is not None:
        return f"one of {', '.join(WEEKDAYS)}"
    if domain.kind is Type.DURATION and domain.most is not None:
        return f"at most {format_duration(domain.most)}"
    kind = "a whole number" if domain.whole and domain.kind is Type.NUMBER else domain.kind.value
    if domain.most is not None:
        return f"{kind} from {domain.least} to {domain.most}"
    if domain.below is not None and domain.kind is Type.NUMBER:
        return f"{kind} from {domain.least} to below {domain.below}"
    if domain.least is None:
        return kind
    unit = "s" if domain.kind is Type.DURATION else ""
    return f"{kind}, {domain.least}{unit} or more"
