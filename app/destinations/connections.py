"""Connections of a process to the services of its destinations: one for each kind that is used."""

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from app.destinations.destination import Destination
from app.destinations.kind import Connection, StatefulConnection, StateStore, known_kinds
from app.destinations.outcome import Outcome


class Connections:
    """Delivers by the kind of a destination. An asynchronous context manager."""

    def __init__(self, destinations: Iterable[Destination], *, private: bool) -> None:
        self._kinds = sorted({each.kind for each in destinations})
        self._private = private
        self._open: dict[str, Connection] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with self._stack:
            for name in self._kinds:
                connecting = known_kinds()[name].connect(private=self._private)
                self._open[name] = await self._stack.enter_async_context(connecting)
            self._stack = self._stack.pop_all()  # all are open: they are closed at the end, and not here
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def opened(self, destination: Destination, store: StateStore) -> None:
        """Gives the state of a partition to the connection of a destination that keeps one."""
        self._stateful(destination).opened(destination, store)

    def closed(self, destination: Destination, store: StateStore) -> None:
        """Takes it away again."""
        self._stateful(destination).closed(destination, store)

    def confirmed(self, destination: Destination, at_s: float) -> None:
        """Tells the connection of a destination that somebody has confirmed what it holds back."""
        self._stateful(destination).confirmed(destination, at_s)

    def counted(self, destination: Destination, members: int | None) -> None:
        """Tells the connection of a destination how many members a census has counted; None: it has not."""
        self._stateful(destination).counted(destination, members)

    def waiting(self, destination: Destination) -> int:
        """Users who wait until the segment of a destination has enough members."""
        return self._stateful(destination).waiting(destination)

    def more_in_s(self, store: StateStore, destination: Destination) -> float | None:
        """Seconds until a destination that keeps a state has to send what no change asks for; None: nothing."""
        return self._stateful(destination).more_in_s(destination, store)

    async def deliver_with(
        self, store: StateStore, destination: Destination, items: Sequence[object]
    ) -> Sequence[Outcome]:
        """As `deliver`, of a destination that keeps a state."""
        outcomes = await self._stateful(destination).deliver_with(destination, items, store)
        assert len(outcomes) == len(items), f"{destination.kind}: {len(outcomes)} outcomes of {len(items)} items"
        return outcomes

    def _stateful(self, destination: Destination) -> StatefulConnection:
        connection = self._open[destination.kind]
        assert isinstance(connection, StatefulConnection), destination.kind
        return connection

    async def deliver(self, destination: Destination, items: Sequence[object]) -> Sequence[Outcome]:
        """One try: the outcome of each item, in their order."""
        outcomes = await self._open[destination.kind].deliver(destination, items)
        assert len(outcomes) == len(items), f"{destination.kind}: {len(outcomes)} outcomes of {len(items)} items"
        return outcomes
