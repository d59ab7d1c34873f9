"""Source of choices for random tests: a seed, or Hypothesis."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices:
    """Choices of every kind, all made of one: a whole number from 0 to below `count`."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    @classmethod
    def seeded(cls, seed: int) -> "Choices":
        """Evenly, the same for the same seed."""
        return cls(random.Random(seed).randrange)

    @classmethod
    def drawn(cls, draw: "Draw") -> "Choices":
        """As Hypothesis likes."""
        return cls(lambda count: int(draw(st.integers(0, count - 1))))

    def one_of(self, *options: T) -> T:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(100) >= 100 - percent

    def whole(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def some(self, make: Callable[[], T], least: int, most: int) -> list[T]:
        return [make() for _ in range(self.whole(least, most))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]


class Draw(Protocol):
    """Type of the draw function of a composite strategy of Hypothesis."""

    def __call__(self, strategy: st.SearchStrategy[Any]) -> Any: ...
