"""Intervals of shares."""

from math import sqrt
from typing import Final

Z_95: Final = 1.959963984540054


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The Wilson interval of a share, 95 %: from 0 to 1 where there is nothing.

    >>> [round(bound, 4) for bound in wilson(3, 20)]
    [0.0524, 0.3604]
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if not whole:
        return 0.0, 1.0
    share, square = part / whole, Z_95 * Z_95
    middle = share + square / (2 * whole)
    reach = Z_95 * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    size = 1 + square / whole
    low = 0.0 if part == 0 else (middle - reach) / size
    high = 1.0 if part == whole else (middle + reach) / size
    return float(f"{low:.6g}"), float(f"{high:.6g}")
