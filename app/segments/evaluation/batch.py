"""Input and output of a partition: records, batches, dead letters, late events."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.segments.evaluation.change import Change

NO_CLOCK = -1


class RecordLike(Protocol):
    """Fields that are read of a Kafka record; `timestamp` in milliseconds, -1 for none."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """A record whose event waited, as it is remembered: without its headers."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be an event; `reason` is a short code, `position` a byte of the value where known."""

    record: RecordLike
    reason: str
    detail: str
    position: int | None


@dataclass(frozen=True, slots=True)
class LateEvent:
    """A record behind `now` by more than the allowed lateness."""

    record: RecordLike
    late_ms: int


@dataclass(frozen=True, slots=True)
class LinkOut:
    """A link record for the clickstream: its key, its value, and the key of the profile it comes from."""

    key: str
    value: bytes
    owner: str


@dataclass(frozen=True, slots=True)
class Linked:
    """The result of a claim, for the identity topic. `at_ms`: of the event that made the claim, or ended it.

    result: given, empty, refused:<reason>, lost, released, ended, split.
    """

    id: str
    source: str
    to: str
    at_ms: int
    why: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureStep:
    """A step of an erasure, for the topic of erasures. `id`, `user`, `at_ms`: of the erasure.

    result: requested, erased (one key), elsewhere (one key, which belongs to somebody else by now), finished,
    unsuppressed (one key).
    key: the one that it is about; `keys`: all of the person, as far as they are known.
    until_ms: events of the key until this instant are erased. left: segments that the key has left.
    """

    id: str
    user: str
    at_ms: int
    result: str
    key: str | None = None
    keys: tuple[str, ...] = ()
    until_ms: int | None = None
    left: tuple[str, ...] = ()
    suppressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCount:
    """The users of the partition as a census has found them, for the topic of the population.

    app: of the workers. census: its number. clock_ms: the partition's clock then. version: of the catalog. measures: by
    its text, each expression that was counted, with the numbers that are made of it, each with its part of the
    users (`top_threshold`), and the users by buckets. members: users in each segment.
    """

    app: str
    census: int
    clock_ms: int
    version: str
    measures: Mapping[str, tuple[Mapping[str, int], Mapping[int, int]]]
    members: Mapping[str, int]


@dataclass(slots=True)
class Batch:
    """Result of one call, to be written by the caller.

    `profiles`: user -> encoded, None for one forgotten. `kinds`: type of message -> events accepted; `quickly`: how
    many of them by the fast path. `merged`: instants of the claims whose ids have become a part of a user here.
    `cleaned`: the values that each rule of `cleaning.yaml` has changed.
    """

    changes: list[Change] = field(default_factory=list)
    profiles: dict[str, bytes | None] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    late: list[LateEvent] = field(default_factory=list)
    next_offset: int = 0
    clock_ms: int = NO_CLOCK
    kinds: dict[str, int] = field(default_factory=dict)
    quickly: int = 0
    duplicates: int = 0
    timers: int = 0
    links: list[LinkOut] = field(default_factory=list)
    linked: list[Linked] = field(default_factory=list)
    erasures: list[ErasureStep] = field(default_factory=list)
    merged: list[int] = field(default_factory=list)
    counts: list[UserCount] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """Events accepted."""
        return sum(self.kinds.values())
