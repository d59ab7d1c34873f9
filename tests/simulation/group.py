"""A simulated consumer group: members, heartbeats, generations; eager rebalances, as Faust has them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.simulation.fibers import Step, Times

LOOK_MS = 500.0


class Answer(Enum):
    """To a heartbeat."""

    OK = "ok"
    REBALANCING = "a rebalance is on"
    STALE = "the generation has passed"
    UNKNOWN = "no such member"


@dataclass(slots=True)
class Assignment:
    """Partitions assigned to a member."""

    member: str
    generation: int
    partitions: list[int]


@dataclass(slots=True)
class Member:
    """`joining`: waits for the next generation."""

    heard_ms: float
    joining: Step | None = None


class SimulatedGroup:
    """The coordinator of one group."""

    def __init__(
        self, times: Times, chance: Random, tell: Callable[[str], None], *, partitions: int, session_ms: float
    ) -> None:
        self._times = times
        self._chance = chance
        self._tell = tell
        self._partitions = partitions
        self._session_ms = session_ms
        self._members: dict[str, Member] = {}
        self._since_ms: float | None = None
        self.generation = 0
        times.after(LOOK_MS, self._look)

    def join(self, member: str) -> Step:
        """To be awaited: the member's assignment in the next generation."""
        self._rebalance()
        known = self._members.setdefault(member, Member(self._times.now_ms))
        known.heard_ms = self._times.now_ms
        known.joining = Step(self._times)
        step = known.joining
        self._try_to_end()
        return step

    def leave(self, member: str) -> None:
        """A member goes in order."""
        if self._members.pop(member, None) is not None:
            self._rebalance()
            self._try_to_end()

    def heartbeat(self, member: str, generation: int) -> Answer:
        """True if a member's assignment still holds."""
        known = self._members.get(member)
        if known is None:
            return Answer.UNKNOWN
        known.heard_ms = self._times.now_ms
        if self._since_ms is not None:
            return Answer.REBALANCING
        return Answer.OK if generation == self.generation else Answer.STALE

    def _rebalance(self) -> None:
        if self._since_ms is None:
            self._since_ms = self._times.now_ms

    def _look(self) -> None:
        now_ms = self._times.now_ms
        silent = [
            name
            for name, known in self._members.items()
            if known.joining is None and now_ms - known.heard_ms > self._session_ms
        ]
        for name in silent:
            self._tell(f"group: nothing is heard of {name}")
            self.leave(name)
        if self._since_ms is not None and now_ms - self._since_ms > self._session_ms:
            for name in [name for name, known in self._members.items() if known.joining is None]:
                self._tell(f"group: {name} does not join in time")
                del self._members[name]
            self._try_to_end()
        self._times.after(LOOK_MS, self._look)

    def _try_to_end(self) -> None:
        if self._since_ms is None or any(known.joining is None for known in self._members.values()):
            return
        self._since_ms = None
        self.generation += 1
        names = sorted(self._members)
        self._chance.shuffle(names)
        shares: dict[str, list[int]] = {name: [] for name in names}
        for partition in range(self._partitions if names else 0):
            shares[names[partition % len(names)]].append(partition)
        self._tell(f"group: generation {self.generation}, {shares}")
        for name, share in shares.items():
            known = self._members[name]
            joining, known.joining = known.joining, None
            known.heard_ms = self._times.now_ms
            assert joining is not None
            joining.set(Assignment(name, self.generation, share))
