"""Versions: numbers with dots between them, compared number by number."""

import re
from typing import Any

_VERSION = re.compile(r"[vV]?([0-9]{1,15}(?:\.[0-9]{1,15}){0,9})(?:[-+ ].*)?", re.DOTALL)


def numbers_of_version(value: Any) -> tuple[int, ...] | None:
    """The numbers of a version without zeros at the end; None for what is none.

    A `v` before it, and what follows a hyphen, a plus or a blank, do not count. A number is a version as it is written.

    >>> numbers_of_version("2.10.3"), numbers_of_version("v2.0-beta"), numbers_of_version(17), numbers_of_version("2.x")
    ((2, 10, 3), (2,), (17,), None)
    """
    if value.__class__ is int or value.__class__ is float:
        value = str(value)
    if value.__class__ is not str:
        return None
    found = _VERSION.fullmatch(value)
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
