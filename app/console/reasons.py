"""Describes the cause of a change: the parts of the condition that decided it, with their values then."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from app.events.message import instant_ms
from app.segments.compiler.evidence import LITERALS, Branch, branch_of, shown_side
from app.segments.definitions.definition import Catalog, Segment
from app.segments.language import canonical, syntax
from app.segments.language.durations import DurationError, format_duration, parse_duration
from app.segments.language.syntax import Expression

PARTS_MAX: Final = 3
TEXTS: Final = {
    "forgotten": "not seen for too long, forgotten",
    "catalog": "its definition is new",
    "for": ", for {time}",
    "hold": ", after a hold of {time}",
    "cooldown": ", after a cooldown of {time}",
    "no_longer": "no longer {what}",
    "not": "not {what}",
    "and": " and ",
    "more": " and {n} more",
}
"""Texts around the parts of conditions, as commands say them."""
Tell: TypeAlias = Callable[..., str]


def english(key: str, /, **values: str | int) -> str:
    """A text of `TEXTS`."""
    return TEXTS[key].format(**values)


@dataclass(frozen=True, slots=True)
class Part:
    """One atom of a condition as a change tells it.

    `expression` is the atom without `not`, `negated` says if it stands behind one. `holds`: if it is as the condition
    wants it; None: cannot be told from the value alone. `place`: its number in the evidence.
    """

    expression: str
    value: Any
    negated: bool
    holds: bool | None
    just_reached: bool
    place: int


class Reasons:
    """Reasons for the changes of one catalog. `say` puts an expression in words, by default it stands as written;
    `tell` gives the texts around it."""

    def __init__(self, catalog: Catalog, say: Callable[[str], str] = str, tell: Tell = english) -> None:
        self._say = say
        self._tell = tell
        self._segments = {segment.name: segment for segment in catalog.segments}

    def may_wait(self, segment: str) -> bool:
        """True if the end of a `hold` or a `cooldown` may be the reason of a change of the segment."""
        found = self._segments.get(segment)
        return found is not None and bool(found.hold_ms or found.cooldown_ms)

    def of(self, change: Mapping[str, Any], *, turned_at: str | None = None) -> str:
        """A few words for a decoded change.

        Without its definition at hand: the parts of the evidence as they stand. `turned_at`: when the user had entered
        the segment that they leave now, or left the one that they enter; without, an end of `hold` or `cooldown` is not
        told from other ends.
        """
        kind: str = change["cause"]["kind"]
        if kind == "forgotten":
            return self._tell("forgotten")
        if kind == "catalog":
            return self._tell("catalog")
        segment = self._segments.get(change["segment"])
        evidence: Sequence[Mapping[str, Any]] = change["evidence"]
        found = _carrying(segment, change["change"], evidence) if segment is not None else None
        leaving = change["change"] == "exited"
        ending = self._waited(segment, change, turned_at) if segment is not None else ""
        if found is None:
            return self._join(f"{self._say(atom['expression'])}{_value(atom['value'])}" for atom in evidence) + ending
        if kind == "time" and not ending:
            found = [part for part in found if part.just_reached] or found
        became = segment is not None and segment.when is not None and leaving
        return self._join(self._words(part, became=became) for part in found) + ending

    def _waited(self, segment: Segment, change: Mapping[str, Any], turned_at: str | None) -> str:
        """The `for`, `hold` or `cooldown` whose end let the user in or out."""
        entered = change["change"] == "entered"
        ending = self._tell("for", time=format_duration(segment.for_ms)) if entered and segment.for_ms else ""
        if turned_at is None or change["cause"]["kind"] != "time" or change["change"] == "updated":
            return ending
        key, length_ms = ("cooldown", segment.cooldown_ms) if entered else ("hold", segment.hold_ms)
        if length_ms and instant_ms(turned_at) + length_ms == instant_ms(change["at"]):
            ending += self._tell(key, time=format_duration(length_ms))
        return ending

    def _words(self, part: Part, *, became: bool) -> str:
        told = f"{self._say(part.expression)}{_value(part.value)}"
        if part.negated is (part.holds is False):  # it does not follow `not`, or it does and is now true
            return told
        return self._tell("no_longer" if became and not part.negated else "not", what=told)

    def _join(self, words: Iterable[str]) -> str:
        parts = list(words)
        more = self._tell("more", n=len(parts) - PARTS_MAX) if len(parts) > PARTS_MAX else ""
        return self._tell("and").join(parts[:PARTS_MAX]) + more


def deciding(segment: Segment, evidence: Sequence[Mapping[str, Any]], *, inside: bool) -> list[str]:
    """The expressions of the evidence because of which a user is in the segment, or is not; none where the values do
    not explain it. The evidence is that of leaving for who is in, else that of entering."""
    condition = segment.when or (segment.exit if inside else segment.enter)
    assert condition is not None
    told = _explain(branch_of(condition), evidence, 0)
    if told is None or told.end < len(evidence) or told.truth is not (inside and segment.when is not None):
        return []
    return [evidence[part.place]["expression"] for part in told.parts]


def _carrying(segment: Segment, change: str, evidence: Sequence[Mapping[str, Any]]) -> list[Part] | None:
    """The atoms that made the condition what it was; None if the values do not explain it."""
    leaving = change == "exited"
    condition = segment.when or (segment.exit if leaving else segment.enter)
    wanted = segment.when is None or not leaving
    assert condition is not None
    told = _explain(branch_of(condition), evidence, 0)
    if told is None or told.end < len(evidence):
        return None
    return told.parts if told.truth is wanted else None


@dataclass(frozen=True, slots=True)
class _Told:
    """A branch as evidence tells it: its truth, the atoms that carry it, and where the evidence goes on."""

    truth: bool | None
    parts: list[Part]
    end: int


def _explain(branch: Branch, evidence: Sequence[Mapping[str, Any]], start: int) -> _Told | None:
    """The branch as the evidence from `start` on tells it; None if it is not told there."""
    if branch.way == "atom":
        return _explain_atom(branch, evidence, start)
    found: list[_Told] = []
    for part in branch.parts:
        told = _explain(part, evidence, found[-1].end if found else start)
        if told is not None:
            found.append(told)
        elif branch.way == "all":
            return None
    return _combine(found, decides=branch.way == "any") if found else None


def _explain_atom(branch: Branch, evidence: Sequence[Mapping[str, Any]], start: int) -> _Told | None:
    text, plain = canonical.text(branch.condition), canonical.text(branch.atom)
    if start >= len(evidence) or evidence[start]["expression"] not in (text, plain):
        return None
    value = evidence[start]["value"]
    if branch.negated and isinstance(value, bool) and not isinstance(branch.atom, syntax.Comparison):
        value = not value if evidence[start]["expression"] == text else value
    truth = _truth(branch.atom, value)
    holds = None if truth is None else truth is not branch.negated
    part = Part(plain, value, branch.negated, holds, _just_reached(branch.atom, value), start)
    return _Told(holds, [part], start + 1)


def _combine(found: Sequence[_Told], *, decides: bool) -> _Told:
    """`decides` is the truth of which one part is enough: False for `all`, True for `any`."""
    end = found[-1].end
    deciding = [part for each in found if each.truth is decides for part in each.parts]
    if deciding:
        return _Told(decides, deciding, end)
    parts = [part for each in found for part in each.parts]
    return _Told(None if any(each.truth is None for each in found) else not decides, parts, end)


def _truth(node: Expression, value: Any) -> bool | None:
    """True if an atom holds, as far as its shown value says."""
    if not isinstance(node, syntax.Comparison):
        return value if isinstance(value, bool) else None
    if value is None:
        return False
    turned = isinstance(node.left, LITERALS)
    literal = _literal(node.left if turned else node.right)
    if literal is None or shown_side(node) in (literal, None):
        return None
    plain = _comparable(value, literal)
    if plain is None:
        return None
    left, right = (literal, plain) if turned else (plain, literal)
    try:
        match node.operator:
            case "=":
                return bool(left == right)
            case "!=":
                return bool(left != right)
            case "<":
                return bool(left < right)
            case "<=":
                return bool(left <= right)
            case ">":
                return bool(left > right)
            case ">=":
                return bool(left >= right)
            case "in":
                return left in right
            case "contains":
                return right in left
            case "starts with":
                return bool(left.startswith(right))
            case _:
                return None
    except (TypeError, AttributeError):
        return None


def _just_reached(node: Expression, value: Any) -> bool:
    """True if the value stands exactly at the bound of its comparison, as when time brings it there."""
    if not isinstance(node, syntax.Comparison) or node.operator not in {"<", "<=", ">", ">="} or value is None:
        return False
    literal = _literal(node.left if isinstance(node.left, LITERALS) else node.right)
    return literal is not None and _comparable(value, literal) == literal


def _literal(node: Expression) -> Any:
    match node:
        case syntax.Number(value=number):
            return number
        case syntax.Text(value=text):
            return text
        case syntax.Boolean(value=truth):
            return truth
        case syntax.Duration(ms=ms):
            return ms
        case syntax.ListOf(items=items):
            return [_literal(item) for item in items]
        case _:
            return None


def _comparable(value: Any, literal: Any) -> Any:
    """A shown value as what it was: `4+` is at least 4, `30m` against a duration is milliseconds."""
    if isinstance(value, str) and isinstance(literal, int) and not isinstance(literal, bool):
        if value.endswith("+") and value[:-1].isdigit():
            return int(value[:-1])
        try:
            return -parse_duration(value[1:]) if value.startswith("-") else parse_duration(value)
        except DurationError:
            return None
    return value


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return f" ({', '.join(map(str, value[:3]))})"
    return f" ({value})"
