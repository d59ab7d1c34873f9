"""The state of a user for each value of a property, where a segment is a membership by value (`each`).

State: key of the value -> [latest event time, aggregates, membership or None, due]: of one value what a profile has of
a segment without values. It lies in `Profile.aggregates` under `state_id`, above all ids of aggregates; the user's own
entry in `Profile.members` says if they are in by any value, and `Profile.due` has the earliest instant of all values.
"""

import json
from collections.abc import Collection
from typing import Any, Final

from tables.counted import Counted
from tables.profile import INSIDE, Profile
from tables.values import Scalar, key_of, key_order, number_in

VALUES_MAX = 100
"""Known values of a user and definition."""

LATEST, AGGREGATES, MEMBER, DUE = range(4)
Entry = list[Any]
State = dict[str, Entry]

_STATES: Final = 1 << 32


def state_id(segment: int) -> int:
    """The id under which a profile has the values of a segment; `is_state` tells it from those of aggregates."""
    return _STATES + segment


def is_state(own: int) -> bool:
    """True if what a profile remembers under this id are the values of a segment."""
    return own >= _STATES


def new_entry(t: int) -> Entry:
    """A value that becomes known with an event at `t`."""
    return [t, {}, None, {}]


def is_inside(entry: Entry) -> bool:
    """True if the user is in by this value."""
    member = entry[MEMBER]
    return member is not None and bool(member[INSIDE])


def count_inside(state: State | None) -> int:
    """The number of values by which the user is in; `state`: None if no value is known."""
    return sum(map(is_inside, state.values())) if state else 0


def keys_inside(profile: Profile, segment: int) -> list[str]:
    """The keys of the values by which a user is in a segment, in order of text; empty for one without values."""
    state = profile.aggregates.get(state_id(segment)) or {}
    return sorted((key for key, entry in state.items() if is_inside(entry)), key=key_order)


def value_text(value: Scalar) -> str:
    """A value as people write it: a text as it is, anything else as in JSON.

    >>> value_text("A1"), value_text(5), value_text(True)
    ('A1', '5', 'true')
    """
    return value if isinstance(value, str) else json.dumps(value)


def written(value: Scalar) -> str:
    """A value so that `written_keys` takes it for nothing else.

    >>> written("A1"), written(5), written("5"), written("")
    ('A1', '5', '"5"', '""')
    """
    text = value_text(value)
    is_plain = text != "" and written_keys(text)[:1] == [key_of(value, Counted())]
    return text if is_plain else json.dumps(value, ensure_ascii=False)


def written_keys(text: str) -> list[str]:
    """The keys of the values that a written one may mean: the number or boolean, then the text. In quotes: the text.

    >>> written_keys("A1"), written_keys("5"), written_keys('"5"')
    (['A1'], ['\\x005', '5'], ['5'])
    """
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            text = json.loads(text)
        except ValueError:
            pass
        else:
            return [str(key_of(text, Counted()))]
    values: list[Any] = [number_in(text), {"true": True, "false": False}.get(text), text]
    return [key for value in values if value is not None and (key := key_of(value, Counted())) is not None]


def first_to_leave(state: State, new: Collection[str], shown: Collection[str]) -> str:
    """The value that makes room for those that are new: out before in, the oldest latest event first, then the smallest
    text. New ones come after the others, and those that are `shown` by something else than events come last."""
    return min(
        state, key=lambda key: (key in shown, key in new, is_inside(state[key]), state[key][LATEST], key_order(key))
    )
