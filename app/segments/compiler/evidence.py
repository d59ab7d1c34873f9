"""Parts of a condition that explain a change, and the form of values in evidence and attachments."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from app.events.instants import iso
from app.segments.evaluation.change import Atom
from app.segments.language import canonical, syntax
from app.segments.language.durations import format_duration
from app.segments.language.syntax import Expression
from app.segments.language.types import Type, type_of
from tables.values import bounded_integer, plain_number

ATOMS_MAX = 20
LITERALS = (syntax.Number, syntax.Text, syntax.Boolean, syntax.Duration, syntax.ListOf)
Shown = Literal["plain", "duration", "instant"]


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition with `not` moved down to its atoms, so that only `all` and `any` join parts.

    `condition` is the condition that it stands for; of an atom `negated` says if it stands behind `not`.
    """

    way: Literal["all", "any", "atom"]
    condition: Expression
    parts: tuple["Branch", ...] = ()
    negated: bool = False

    @property
    def atom(self) -> Expression:
        """The atom without its `not`."""
        return self.condition.operand if isinstance(self.condition, syntax.Not) else self.condition


def branch_of(node: Expression, *, negated: bool = False) -> Branch:
    """The branches of a condition, or of its opposite.

    Evidence tells the atoms of all parts of `all`; of `any` those parts that hold, and all parts where none does.
    """
    condition = syntax.Not(node) if negated else node
    match node:
        case syntax.Not(operand=operand):
            return branch_of(operand, negated=not negated)
        case syntax.And(operands=operands) | syntax.Or(operands=operands):
            parts = tuple(branch_of(operand, negated=negated) for operand in operands)
            return Branch("all" if isinstance(node, syntax.And) is not negated else "any", condition, parts)
        case _:
            return Branch("atom", condition, negated=negated)


def atoms_of(branch: Branch) -> list[Branch]:
    """All atoms of a branch, in the order of the text."""
    return [branch] if branch.way == "atom" else [atom for part in branch.parts for atom in atoms_of(part)]


def shown_side(atom: Expression) -> Expression:
    """The side of an atom whose value is shown: the left one, or the right one if that is a literal."""
    if isinstance(atom, syntax.Comparison):
        return atom.right if isinstance(atom.left, LITERALS) else atom.left
    return atom


def shown_as(node: Expression) -> Shown:
    """True if a value is a duration or an instant."""
    match node:
        case syntax.Aggregate():
            return "duration" if type_of(node) is Type.DURATION else "plain"
        case (
            syntax.Duration()
            | syntax.Distance()
            | syntax.SegmentMark(function="since_left")
            | syntax.CartField(name="idle")
            | syntax.CartLineField(name="idle")
        ):
            return "duration"
        case syntax.SessionField(name="duration" | "idle") | syntax.UserField(name="age" | "idle"):
            return "duration"
        case syntax.UserField(name="first_seen" | "last_seen"):
            return "instant"
        case syntax.Arithmetic(operator=operator, left=left, right=right):
            return _arithmetic_shown(operator, shown_as(left), shown_as(right))
        case _:
            return "plain"


def _arithmetic_shown(operator: str, left: Shown, right: Shown) -> Shown:
    if operator in "+-":
        if left == right == "instant":
            return "duration"
        return "instant" if "instant" in (left, right) else left
    if operator == "/" and left == right:
        return "plain"
    return "duration" if "duration" in (left, right) else "plain"


def show_duration(value: Any) -> str | None:
    """A duration in milliseconds as in definitions; parts of milliseconds are rounded half to even."""
    if value is None or not isfinite(value):
        return None
    whole = round(value)
    return format_duration(whole) if whole >= 0 else "-" + format_duration(-whole)


def show_instant(value: Any) -> str | None:
    """An instant as ISO 8601; None for one that no calendar has."""
    try:
        return None if value is None else iso(round(value))
    except OverflowError:
        return None


def show_plain(value: Any) -> Any:
    """Anything else: a whole number without decimals, beyond 64 bits the nearest double; None for an infinite one."""
    if value.__class__ is float:
        return plain_number(value) if isfinite(value) else None
    return bounded_integer(value) if value.__class__ is int else value


def show_count(value: int, instants_max: int) -> int | str:
    """A count of which at most `instants_max` instants are kept.

    >>> show_count(3, 4), show_count(4, 4)
    (3, '4+')
    """
    return f"{instants_max}+" if value >= instants_max else value


SHOW = {"plain": show_plain, "duration": show_duration, "instant": show_instant}


def atom_of(node: Expression, value: Any) -> Atom:
    """The atom as it stands in a change."""
    return Atom(canonical.text(node), value)
