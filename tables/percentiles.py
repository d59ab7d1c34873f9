"""The median and other percentiles of numbers. The contract: `tables.windows`."""

from decimal import Decimal
from typing import Any, Final

from tables.counted import Counted
from tables.pairs import Numbers
from tables.values import from_micros

RANK_MAX: Final = 100


class Percentile(Numbers):
    """`median`, `percentile`: the number at the nearest rank. State: that of `Numbers`, also of all time.

    Of n numbers in order it is the one at the place n * rank / 100, rounded up; so it is always one of them.
    """

    __slots__ = ("_parts", "_whole")

    def __init__(self, rank: int | float, within_ms: int | None, counted: Counted) -> None:
        super().__init__("percentile", within_ms, counted)
        parts, whole = Decimal(repr(rank)).as_integer_ratio()
        self._parts, self._whole = parts, whole * RANK_MAX

    def add(self, state: list[Any] | None, t: int, item: list[int], now: int) -> list[Any] | None:
        for number in item:
            state = self.insert(state, t, number, now)
        return state

    def value(self, state: list[Any] | None, now: int) -> int | float | None:
        numbers = sorted(self.visible(state, now))
        if not numbers:
            return None
        place = -(-len(numbers) * self._parts // self._whole)
        return from_micros(numbers[place - 1])
