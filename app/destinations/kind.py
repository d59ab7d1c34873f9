"""Kinds of destinations: the contract of a kind, and the registry. A kind is a class in a file of `kinds`."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Final, Protocol, TypeVar, runtime_checkable

from app.destinations.destination import Destination, Target
from app.destinations.destination_values import DestinationValues
from app.destinations.outcome import Outcome
from app.segments.definitions.yaml_fields import Fields
from app.segments.evaluation.change import ChangeKind

DEFAULT_KIND: Final = "http"
"""Kind of a file without the key `kind`."""


class Connection(Protocol):
    """Way to the service, one for all destinations of a kind in a process."""

    async def deliver(self, destination: Destination, items: Sequence[object]) -> Sequence[Outcome]:
        """One try: the outcome of each item (`Target.prepare`), in their order.

        At most `destination.batch.changes_max` items, in the order of the log; several may be of one user. Whoever
        takes a part of them must not take a later change of a user before an earlier one. After a crash, or where an
        outcome is AGAIN, the same items come once more, perhaps in another batch: a repeat must do no harm.
        Does not raise for what the world does: that is an outcome. Ends within `destination.timeout_ms`.
        """


class DestinationKind(Protocol):
    """Contract of a kind.

    name: the word behind `kind:` in a file.
    keys: the keys of a file that belong to this kind, beside those that every destination has.
    batch_max: how many changes can be delivered together; 1: each alone. Else a file may have the key `batch`.
    batch_wait_ms: how long the first change of a batch waits for others, if the file does not say.
    """

    name: str
    batch_max: int
    batch_wait_ms: int

    @property
    def keys(self) -> tuple[str, ...]: ...  # a class attribute will do, of whatever length

    def read(self, fields: Fields, values: DestinationValues, changes: Sequence[ChangeKind] | None) -> Target | None:
        """The target that the kind's keys of a file describe; `changes` are those that the file names, if it does.

        Each mistake becomes a problem of the file, with its place (`fields.wrong`). None where there is no target.
        """

    def connect(self, *, private: bool) -> AbstractAsyncContextManager[Connection]:
        """The way to the service, opened when it is entered. `private`: addresses that are not public are allowed."""


class StateStore(Protocol):
    """State of one destination in one partition of the changes, by user."""

    partition: int

    @property
    def rows(self) -> Mapping[str, bytes]:
        """All of it."""

    async def put(self, rows: Mapping[str, bytes | None]) -> None:
        """Stores states, None: there is none any more. They are there after a crash once this has returned."""


@runtime_checkable
class StatefulConnection(Protocol):
    """A connection that keeps a state of each user. Its destinations have one delivery under way in a process."""

    def opened(self, destination: Destination, store: StateStore) -> None:
        """A partition was assigned to this process, and its state was read."""

    def closed(self, destination: Destination, store: StateStore) -> None:
        """The partition is not this process's any more."""

    def confirmed(self, destination: Destination, at_s: float) -> None:
        """Somebody has confirmed what is held back (`Fate.HELD`), at an instant in seconds since the epoch."""

    def counted(self, destination: Destination, members: int | None) -> None:
        """A census has counted so many users in the segment of a destination; None: it has not counted them."""

    def waiting(self, destination: Destination) -> int:
        """Users of this process who wait until the segment has enough members."""

    def more_in_s(self, destination: Destination, store: StateStore) -> float | None:
        """Seconds until something is to be sent that no item asks for; None: there is nothing."""

    async def deliver_with(
        self, destination: Destination, items: Sequence[object], store: StateStore
    ) -> Sequence[Outcome]:
        """As `Connection.deliver`, with the state of the partition that the items are of. Without items, it sends what
        `more_in_s` tells of."""


@runtime_checkable
class StatefulKind(Protocol):
    """A kind whose connection is a `StatefulConnection`. It gets all changes of its segments, whatever their cause and
    group.

    keys_without: keys of all destinations that make no sense for it.
    """

    keys_without: tuple[str, ...]


KindT = TypeVar("KindT", bound=type[DestinationKind])
_KINDS: Final[dict[str, DestinationKind]] = {}


def register(kind: KindT) -> KindT:
    """Makes a kind known by its name. AssertionError if another has that name."""
    assert kind.name not in _KINDS, f"two kinds of destinations are called {kind.name}"
    _KINDS[kind.name] = kind()
    return kind


def known_kinds() -> dict[str, DestinationKind]:
    """All kinds by name, in the order in which messages list them."""
    _load()
    return {name: _KINDS[name] for name in sorted(_KINDS)}


@cache
def _load() -> None:
    # By its name: the files of this package import this one.
    kinds = importlib.import_module("app.destinations.kinds")
    for module in pkgutil.iter_modules(kinds.__path__, f"{kinds.__name__}."):
        importlib.import_module(module.name)
