"""The stable ids under which a profile remembers traits and values of the context."""

from typing import Final

from app.segments.compiler.aggregates import stable_id

_FIRSTS: Final = 1 << 32
"""Above all ids of `stable_id`."""


def leaf_id(path: tuple[str, ...]) -> int:
    """The id of the latest value of a trait or of the context."""
    return stable_id("leaf " + "\x00".join(path))


def first_id(path: tuple[str, ...]) -> int:
    """The id of the first value of the context at a path; `is_first` tells it from all others."""
    return _FIRSTS + stable_id("first " + "\x00".join(path))


def is_first(leaf: int) -> bool:
    """True if what a profile remembers under this id is a first value, not the latest."""
    return leaf >= _FIRSTS
