"""An explanation: why a user is in a segment, or not, part by part, and what comes next. `Explainer` finds it out."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from app.segments.definitions.definition import Segment
from app.segments.evaluation.batch import Linked
from app.segments.evaluation.change import Change
from tables.values import Scalar

Role: TypeAlias = Literal["when", "enter", "exit"]
Way: TypeAlias = Literal["atom", "all", "any", "not"]


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, or a part of one, at the instant of the explanation.

    `since_ms`: since when it is as it is, as far as the user is known. `value`: of an atom, as in a change. `points`:
    what each entry of the scores that an atom asks for brings now.
    """

    way: Way
    text: str
    holds: bool
    since_ms: int
    value: Any = None
    parts: tuple["Part", ...] = ()
    points: tuple["Points", ...] = ()


@dataclass(frozen=True, slots=True)
class Points:
    """One entry of a score: its text, and its part of the score."""

    entry: str
    value: Any


@dataclass(frozen=True, slots=True)
class Mark:
    """Waiting time by `for`, `hold`, `cooldown` or `warmup`, from `since_ms` to `until_ms`."""

    key: Literal["for", "hold", "cooldown", "warmup"]
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class OfValue:
    """One known value of a segment by value. `since_ms`: since when in, or out, by it (None: never was in, or unknown).
    `latest_ms`: its latest event. `next`: its next change if no event comes."""

    value: Scalar
    inside: bool
    since_ms: int | None
    times: int
    latest_ms: int
    next: Change | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All instants in milliseconds. `at_ms` is the instant explained.

    `known`: the user has a profile. `forgotten`: had one, and no event came for the retention. `since_ms`: since when
    in, or out (None: never was in). `times`: memberships so far. `next`: the next change of this segment if no event
    comes, None if there is none. `forgotten_ms`: when the user is forgotten if no event comes. `last`: the latest
    changes, oldest first. `sent`: the values sent last, of one who is in. `asked`: the key of the question; where that
    has moved, `user` is whom it has moved to. `links`: what became of the logins of the person, in order.

    Of a segment by value: `value` is the one explained, and `remembered` says that something is remembered of it;
    without one there are no conditions, `values` are all that are known, in order of text, and `next` is the next
    change of any.
    """

    user: str
    segment: Segment
    at_ms: int
    known: bool
    forgotten: bool
    inside: bool
    since_ms: int | None
    times: int
    conditions: dict[Role, Part]
    marks: tuple[Mark, ...]
    next: Change | None
    forgotten_ms: int | None
    last: tuple[Change, ...]
    sent: dict[str, Any]
    asked: str = ""
    links: tuple[Linked, ...] = ()
    value: Scalar | None = None
    remembered: bool = True
    values: tuple[OfValue, ...] = ()


@dataclass(slots=True)
class Heard:
    """Counts of the user's events by outcome. `late`: by how many milliseconds, one an event. `waiting`: those whose
    turn has not come at the instant that was explained last."""

    accepted: int = 0
    duplicates: int = 0
    waiting: int = 0
    late_ms: list[int] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
