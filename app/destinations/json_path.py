"""Places in JSON: names of keys, and numbers of items."""

from collections.abc import Mapping, Sequence
from typing import Any


def value_at(value: Any, path: Sequence[str]) -> Any:
    """Returns the value at a path of a JSON value; None where there is nothing.

    >>> value_at({"errors": [{"code": 7}]}, ["errors", "0", "code"])
    7
    """
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
