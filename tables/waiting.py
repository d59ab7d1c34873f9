"""The events of one user that wait for their turn, where a catalog puts events in order.

State: [bytes, [[t, offset, timestamp, value], ...]], in order of (t, arrival); None: none waits. `offset`, `timestamp`
and `value` are those of the record, so that any catalog can read the event when its turn has come.
"""

from typing import Any

Waiting = list[Any]
BYTES, EVENTS = range(2)
T, OFFSET, TIMESTAMP, VALUE = range(4)
EVENTS_MAX = 1_000
BYTES_MAX = 256 * 1024
"""Of the values: a profile is one record of the changelog."""
NO_OFFSET = -1


def hold(state: Waiting | None, event: list[Any]) -> Waiting:
    """The state with one event more, behind those of the same instant."""
    t, value = event[T], event[VALUE]
    if state is None:
        return [len(value), [event]]
    events = state[EVENTS]
    at = len(events)
    while at and events[at - 1][T] > t:
        at -= 1
    events.insert(at, event)
    state[BYTES] += len(value)
    return state


def merge(state: Waiting | None, other: Waiting | None) -> Waiting | None:
    """The events of two users who are one; at one instant those of `other` are last.

    The offsets of `other` are those of another partition, where the same number is another record.
    """
    if other is None:
        return state
    for t, _, timestamp, value in other[EVENTS]:
        state = hold(state, [t, NO_OFFSET, timestamp, value])
    return state


def first_ms(state: Waiting) -> int:
    """The instant of the event whose turn comes first."""
    first: int = state[EVENTS][0][T]
    return first


def last_ms(state: Waiting) -> int:
    """The instant of the event whose turn comes last."""
    last: int = state[EVENTS][-1][T]
    return last


def count(state: Waiting) -> int:
    """The number of events."""
    return len(state[EVENTS])


def is_over_limit(state: Waiting) -> bool:
    """True if more waits than may wait."""
    return len(state[EVENTS]) > EVENTS_MAX or state[BYTES] > BYTES_MAX


def take_first(state: Waiting) -> tuple[list[Any], Waiting | None]:
    """The event whose turn comes first, and what is left."""
    event: list[Any] = state[EVENTS].pop(0)
    state[BYTES] -= len(event[VALUE])
    return event, state if state[EVENTS] else None
