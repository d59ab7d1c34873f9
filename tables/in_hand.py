"""States that have become large and are used often, in a form in which one more event takes the same time however many
there are.

A profile keeps plain lists and maps. To count or to order them anew costs little where there are few, or where a user
sends one event in a batch; so an index is built where a state has at least `LARGE` entries, at its `OFTEN`th use since
the profile was decoded. It goes when the profile is encoded: a form in hand never reaches the changelog.
"""

from heapq import heapify, heappop, heappush
from typing import Any, Generic, Protocol, TypeVar

LARGE = 32
OFTEN = 8
STALE_MAX = 1_000


class InHand:
    """A state that is encoded as `plain()`. No abstract class: `isinstance` of one is slow."""

    __slots__ = ()

    def plain(self) -> Any:
        """The state as a profile keeps it."""
        raise NotImplementedError


def plain(value: Any) -> Any:
    """The encoder's hook for what it does not know. TypeError for anything else."""
    if isinstance(value, InHand):
        return value.plain()
    raise TypeError(f"a profile does not keep a {type(value).__name__}")


class Counts:
    """The number of values with each count, and the highest of the counts."""

    __slots__ = ("_values", "most")

    def __init__(self) -> None:
        self._values: dict[int, int] = {}
        self.most = 0

    def move(self, before: int, after: int) -> None:
        """The count of one value changes; 0: the value is not there."""
        values = self._values
        if after:
            values[after] = values.get(after, 0) + 1
            if after > self.most:
                self.most = after
        if before:
            left = values[before] - 1
            if left:
                values[before] = left
            else:
                del values[before]
                if before == self.most:
                    self.most = after if after == before - 1 else max(values, default=0)


class Ordered(Protocol):
    """Anything that can be sorted."""

    def __lt__(self, other: Any, /) -> bool: ...


Rank = TypeVar("Rank", bound=Ordered)


class Least(Generic[Rank]):
    """The key with the least rank, where ranks change often.

    Old ranks stay in the heap until they come up; a caller tells which are still so.
    """

    __slots__ = ("_heap",)

    def __init__(self, ranks: list[tuple[Rank, str]]) -> None:
        heapify(ranks)
        self._heap = ranks

    def add(self, rank: Rank, key: str) -> None:
        """A key's rank."""
        heappush(self._heap, (rank, key))

    @property
    def is_stale(self) -> bool:
        """True if so many ranks have gathered that it is to be built anew."""
        return len(self._heap) > STALE_MAX

    def first(self) -> tuple[Rank, str] | None:
        """The least rank, perhaps an old one, and its key."""
        return self._heap[0] if self._heap else None

    def drop(self) -> None:
        """Takes away the first."""
        heappop(self._heap)
