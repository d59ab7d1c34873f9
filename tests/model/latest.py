"""Traits and context: the latest known value of a leaf by (t, arrival), and of the context the first."""

from typing import Any

from tests.model.history import Arrival, History
from tests.model.messages import is_scalar
from tests.model.plain import LONG_TEXT_BYTES_MAX, Value, remembered, remembered_list


def trait(path: tuple[str, ...], history: History) -> Value:
    """From `context.traits` of any event, and then the `traits` of an `identify`."""
    value: Value = None
    for arrival in in_time(history):
        value = after(value, arrival.message.context.get("traits"), path)
        if arrival.message.type == "identify":
            value = after(value, arrival.message.traits, path)
    return value


def context(path: tuple[str, ...], history: History) -> Value:
    value: Value = None
    for arrival in in_time(history):
        value = after(value, arrival.message.context, path)
    return value


def first(path: tuple[str, ...], history: History) -> Value:
    """The first value that an event has: null is none, and forgets nothing."""
    for arrival in sorted(history.arrivals, key=lambda arrival: arrival.t):  # at one instant, what came first
        value = after(None, arrival.message.context, path)
        if value is not None:
            return value
    return None


def in_time(history: History) -> list[Arrival]:
    return sorted(history.by_weight, key=lambda arrival: arrival.t)


def after(known: Value, said: Any, path: tuple[str, ...]) -> Value:
    """The value at `path` after `said`: null, there or above, forgets; an object or an empty list
    there says nothing."""
    if not isinstance(said, dict):
        return known
    for name in path[:-1]:
        if name not in said:
            return known
        said = said[name]
        if said is None:
            return None
        if not isinstance(said, dict):
            return known
    if path[-1] not in said:
        return known
    leaf = said[path[-1]]
    if isinstance(leaf, dict):
        return known
    if isinstance(leaf, list):
        return remembered_list(filter(is_scalar, leaf)) or known
    return remembered(leaf, LONG_TEXT_BYTES_MAX) if is_scalar(leaf) else None
