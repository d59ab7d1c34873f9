"""A model of another library, as what all of them have in common: trees or weights, and the library's own forecast.

A number that is at most a threshold goes left, whatever the library calls it; what a missing number does is said at
each node. Readers translate into this, or refuse what has no equal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from struct import Struct, unpack
from typing import Any, Final, Literal

from app.errors import UserError
from app.learning.points import Numbers

DIGITS: Final = 9
"""Of what a leaf adds: a float of 32 bits has no more."""
LARGEST: Final = 3.4e38
"""No number of a row is beyond it, so a threshold need not be."""

_SHORT: Final = Struct("<f")
_BITS: Final = Struct("<i")


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A tree as lists over its nodes, the root first. feature: -1 at a leaf. missing_left: where NaN goes."""

    feature: Sequence[int]
    threshold: Sequence[float]
    left: Sequence[int]
    right: Sequence[int]
    value: Sequence[float]
    missing_left: Sequence[bool]


@dataclass(frozen=True, slots=True)
class SourceLinear:
    """Weights of scaled numbers: weight * (number - mean) / deviation."""

    weights: Sequence[float]
    intercept: float
    mean: Sequence[float]
    deviation: Sequence[float]


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A model. names: of its features, or None if it only knows their number; score: rows x features -> probabilities.

    form: the format and library in words. wide: it compares floats of 64 bits. score raises
    ValueError for what the library does not take.
    """

    form: str
    names: tuple[str, ...] | None
    features: int
    kind: Literal["linear", "forest", "boosted"]
    score: Callable[[Numbers], Any]
    base: float = 0.0
    trees: Sequence[SourceTree] = ()
    linear: SourceLinear | None = None
    notes: tuple[str, ...] = ()
    wide: bool = False


class NoEqualError(UserError):
    """A model that Shoal's own file cannot say."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)


def only_two_classes(classes: int) -> None:
    """NoEqualError for a model with another number of classes."""
    if classes != 2:
        raise NoEqualError(
            f"the model has {classes} classes, and only models with two are converted",
            "train one model for each class against the rest",
        )


def second_of(classes: Sequence[Any]) -> tuple[str, ...]:
    """A note which of two classes is forecast, unless that goes without saying.

    >>> second_of([False, True]), second_of(["buys", "leaves"])
    ((), ("It forecasts the second of its classes 'buys', 'leaves'.",))
    """
    return () if list(classes) == [0, 1] else (f"It forecasts the second of its classes {str(list(classes))[1:-1]}.",)


def short_float(each: float) -> float:
    """The nearest float of 32 bits."""
    found: float = _SHORT.unpack(_SHORT.pack(each))[0]
    return found


def neighbour(each: float, direction: int) -> float:
    """The float of 32 bits next to one, above (1) or below (-1)."""
    if each == 0:
        return direction * 2.0**-149
    bits = _BITS.unpack(_SHORT.pack(each))[0] + (direction if each > 0 else -direction)
    found: float = unpack("<f", _BITS.pack(bits))[0]
    return found


def at_most(threshold: float) -> float:
    """A threshold with few digits that sends the same floats of 32 bits to the left.

    >>> at_most(0.30000001192092896), at_most(2.5000000000000004), at_most(-1.0), at_most(inf)
    (0.30000003, 2.5, -1.0, 3.4e+38)
    """
    threshold = min(max(threshold, -LARGEST), LARGEST)
    low = short_float(threshold)
    low = neighbour(low, -1) if low > threshold else low
    return _shortest(low, neighbour(low, 1))


def below(threshold: float) -> float:
    """A threshold for `<=` that sends the same floats of 32 bits to the left as `<` does.

    >>> below(3.0), below(0.5), below(0.0) < 0
    (2.9999998, 0.49999999, True)
    """
    threshold = min(max(threshold, -LARGEST), LARGEST)
    low = short_float(threshold)
    low = neighbour(low, -1) if low >= threshold else low
    return _shortest(low, neighbour(low, 1))


def at_most_of(threshold: float, numbers: Any) -> tuple[float, bool]:
    """`at_most` of a threshold that is compared as a float of 64 bits, and True if it was moved up for some numbers.

    numbers: of the rows, in order. One that is the threshold, or just below it, may be above it as a float of 32 bits:
    then the threshold moves up, unless that takes another number along.
    """
    found = at_most(threshold)
    place = int(numbers.searchsorted(threshold, side="right"))
    above = neighbour(short_float(found), 1)
    crosses = place > 0 and short_float(numbers[place - 1]) > found and above < LARGEST
    if crosses and (place == len(numbers) or short_float(numbers[place]) > above):
        return above, True
    return found, False


def _shortest(low: float, high: float) -> float:
    """A number with few digits that is at least `low` and below `high`."""
    middle = low + (high - low) / 2
    for near in (low, middle):
        for digits in range(1, DIGITS):
            if low <= (found := float(f"{near:.{digits}g}")) < high:
                return found
    for digits in range(DIGITS, 18):
        if low <= (found := float(f"{middle:.{digits}g}")) < high:
            return found
    return min(low, nextafter(high, -inf))


def rounded(value: float) -> float:
    """The value of a leaf, with as many digits as a float of 32 bits has."""
    return float(f"{value:.{DIGITS}g}")
