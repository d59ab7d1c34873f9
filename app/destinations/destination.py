"""A destination: what is sent where for which changes. Plain values, made from a file."""

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, cast

from app.destinations.template import Node
from app.runtime.pacing.back_off import back_off_ms, spread_ms
from app.segments.evaluation.change import ChangeKind

Start = Literal["now", "beginning"]
OnMerged = Literal["send", "skip"]
Occasion = ChangeKind | Literal["erased"]
"""What a destination is told of: a kind of change, or that a person was erased."""
ERASED: Final = "erased"
HOLDOUT: Final = "holdout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Pauses double from `first_ms` to `longest_ms`, each spread by chance.

    A change that fails for `give_up_ms`, while others get through, becomes a dead letter.
    """

    first_ms: int = 1_000
    longest_ms: int = 900_000
    give_up_ms: int = 21_600_000

    def pause_s(self, tries: int, chance: random.Random) -> float:
        """The pause after so many tries of a change."""
        return spread_ms(back_off_ms(tries, first_ms=self.first_ms, longest_ms=self.longest_ms), chance) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Up to `changes_max` changes are delivered together; the first of them waits for others `wait_ms` at most."""

    changes_max: int = 1
    wait_ms: int = 0


class Target(Protocol):
    """Part of a destination that its kind understands: where changes go, and in which form.

    Frozen, without I/O. Whatever in it is secret stays out of `repr`.
    """

    @property
    def changes(self) -> Collection[Occasion]:
        """Occasions that are wanted, in the order in which `shoal destinations check` shows them."""

    def templates(self) -> Iterator[Node]:
        """Yields the texts and bodies with placeholders, to be compared with the values that segments attach."""

    def prepare(self, change: Mapping[str, Any], value: bytes, *, source: str) -> Any:
        """The item to deliver for a wanted change; `value` is the change as it came, `source` names the deployment.

        Depends on nothing but its arguments. Raises UnusableError for a change that cannot be delivered.
        """

    def shown(self, item: Any) -> str:
        """The item as indented lines for people; the caller takes out the secrets that came from the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """kind: name of its kind. segments: names, None: all. rate: deliveries a second of one process, 0: any.
    max_age_ms: older changes are not sent, None: all are."""

    name: str
    path: str
    kind: str
    segments: frozenset[str] | None
    target: Target
    batch: Batch = Batch()
    retry: Retry = Retry()
    rate: float = 0.0
    at_once: int = 8
    timeout_ms: int = 10_000
    max_age_ms: int | None = None
    start: Start = "now"
    on_merged: OnMerged = "send"
    """Skip: changes that only a login caused, which moved what a visitor did to their user, are not for it."""
    on_backfill: OnMerged = "skip"
    """Send: changes that a backfill caused are for it, too; nobody has done anything just now."""
    groups: frozenset[str] | None = None
    """Groups of experiments that it is for; None: all but the holdout, and users without a group."""
    refusals_max: int | None = None
    """Refusals in a row after which it is paused; 0: never; None: as the setting says."""
    minimum_members: int = 0
    """Nobody is added while fewer are in the segment by the latest census, or before the first; 0: everybody is."""
    keeps_state: bool = False
    """Whether it keeps a state of each user at the service: then all changes of its segments are for it."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables that were put in, so that they can be taken out of what is shown."""

    def wants(self, segment: str, kind: str) -> bool:
        """True if changes of this segment and occasion are for it, as far as their cause allows it."""
        return kind in self.target.changes and (self.segments is None or segment in self.segments)

    @property
    def only_segment(self) -> str:
        """The segment of a destination that has one."""
        (segment,) = self.segments or ("",)
        return segment

    def wants_group(self, group: object) -> bool:
        """True if changes of users in this group are for it; None: they are in none."""
        return group != HOLDOUT if self.groups is None else group in self.groups


def occasion_of(change: Mapping[str, Any], wanted: Collection[Occasion]) -> Occasion:
    """The occasion of a change: an exit because of an erasure is one of its own where that is wanted, else an exit."""
    cause = change.get("cause")
    is_erasure = isinstance(cause, Mapping) and cause.get("kind") == ERASED
    return ERASED if is_erasure and ERASED in wanted else cast(Occasion, change["change"])
