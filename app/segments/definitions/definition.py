"""Content of one definition file after parsing and checking: plain, immutable values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from app.segments.definitions.cart_policy import DEFAULT_CART, CartPolicy
from app.segments.definitions.cleaning_rules import CleaningRule
from app.segments.definitions.consent_policy import ConsentPolicy
from app.segments.definitions.each import Each
from app.segments.definitions.experiment import Experiment
from app.segments.definitions.identity_policy import IdentityPolicy
from app.segments.definitions.model_file import Model
from app.segments.definitions.persona import Persona
from app.segments.language.syntax import Expression, Pattern

Status: TypeAlias = Literal["live", "draft", "retired"]
Warmup: TypeAlias = Literal["wait", "none"]


@dataclass(frozen=True, slots=True)
class TestEvent:
    """One event of a time-travel test: `at_ms` after the test's start; the message as in the clickstream."""

    __test__ = False
    at_ms: int
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Expectation at `at_ms`, after everything due at that instant.

    `inside` None: not asked. `attach`: the values last sent (only the names given are compared). `user`: who is asked
    about; None: the one user of the test. `value`: the one asked about, of a segment by value; None: any.
    """

    at_ms: int
    inside: bool | None
    attach: Mapping[str, Any] | None
    line: int
    user: str | None = None
    value: str | int | float | bool | None = None


@dataclass(frozen=True, slots=True)
class TestCase:
    __test__ = False
    name: str
    start_ms: int
    events: tuple[TestEvent, ...]
    expect: tuple[Expectation, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. Exactly one of `when`, or `enter` with `exit`, is given. Durations in milliseconds.

    `each`: it is a membership for each value of a property. `model`: entering scores the user, and writes no change.
    """

    name: str
    when: Expression | None
    enter: Expression | None
    exit: Expression | None
    for_ms: int = 0
    hold_ms: int = 0
    cooldown_ms: int = 0
    requires: tuple[str, ...] = ()
    experiment: Experiment | None = None
    each: Each | None = None
    attach: tuple[tuple[str, Expression], ...] = ()
    updates: tuple[str, ...] = ()
    warmup: Warmup = "none"
    topic: bool = False
    status: Status = "live"
    title: str = ""
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    persona: Persona | None = None
    tests: tuple[TestCase, ...] = ()
    model: Model | None = field(default=None, repr=False)
    path: str = field(default="", compare=False)
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PointsOn:
    """Points added at each event of a pattern."""

    pattern: Pattern
    add: int | float


@dataclass(frozen=True, slots=True)
class PointsWhen:
    """Points that count while a condition is true; they do not decay."""

    condition: Expression
    add: int | float


@dataclass(frozen=True, slots=True)
class Score:
    """A weighted score; at most one of `half_life_ms`, `within_ms`."""

    name: str
    points: tuple[PointsOn | PointsWhen, ...]
    half_life_ms: int | None = None
    within_ms: int | None = None
    title: str = ""
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    path: str = field(default="", compare=False)
    text: str = field(default="", compare=False, repr=False)


Definition: TypeAlias = Segment | Score


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """Settings of `catalog.yaml`, `identity.yaml`, `consent.yaml` and `cleaning.yaml`, which hold for all definitions.

    `order_wait_ms`: how long an event waits for those before it; 0: not at all. `identity`: which keys are one person;
    None: each key is a user of its own. `consent`: what users agree to; None: there are no purposes. `zone`: that of
    dates and clocks that name none. `cart`: which events change the cart. `holdout`: users who are left out of what all
    segments are good for. `cleaning`: rules for values of events, in their order. `paths`: name of the file -> its
    path, for those that say something.
    """

    order_wait_ms: int = 0
    zone: str = "UTC"
    identity: IdentityPolicy | None = None
    consent: ConsentPolicy | None = None
    cart: CartPolicy = DEFAULT_CART
    holdout: Experiment | None = None
    cleaning: tuple[CleaningRule, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All definitions together, checked. `segments` stand in settlement order: next is always the smallest name
    whose dependencies (also through scores) are done. `version` changes with any definition's meaning.

    Drafts and retired segments are among them; `live_segments` are those that have members. `settings` belong to all.
    `models`: the moments of models, in the order of their names; `dependencies.evaluated` gives both in their order.
    """

    segments: tuple[Segment, ...]
    scores: tuple[Score, ...]
    version: str
    settings: CatalogSettings = field(default_factory=CatalogSettings)
    models: tuple[Segment, ...] = ()

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """Segments, models and scores: all that has expressions."""
        return (*self.segments, *self.models, *self.scores)

    @property
    def live_segments(self) -> tuple[Segment, ...]:
        """The segments whose status is `live`, in settlement order."""
        return tuple(segment for segment in self.segments if segment.status == "live")

    def score(self, name: str) -> Score:
        """The score of that name; KeyError if there is none."""
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(name)

    def segment(self, name: str) -> Segment:
        """The segment of that name; KeyError if there is none."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        raise KeyError(name)
