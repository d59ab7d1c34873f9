"""Values in the order in which they go when there are too many: latest event oldest, then smallest text.

A profile keeps them as a plain dict. Where the limit is near they are put in order once, and stay so for as long as the
profile is in hand: to let one go, and to count those of a window, then takes the same time however many there are.
"""

from typing import Any

from tables.counted import VALUE_DROPPED, Counted
from tables.cut_texts import LENGTH_SURE_MAX, known_as
from tables.values import key_order

VALUES_MAX = 100


class Recent(dict[str, int]):
    """Key -> latest t, ordered by (t, text)."""

    __slots__ = ()

    def touch(self, key: str, t: int) -> None:
        """An event of a value at `t`; an older one than its latest changes nothing."""
        known = self.get(key)
        if known is None or known < t:
            place(self, key, t, t)

    def leave_out(self, start: int, counted: Counted) -> None:
        """Drops values at or before `start`, and then those beyond the limit, which are counted."""
        while self and self[first := next(iter(self))] <= start:
            del self[first]
        while len(self) > VALUES_MAX:
            del self[next(iter(self))]
            counted[VALUE_DROPPED] += 1


def in_order(latest: dict[str, int]) -> Recent:
    """The same values as a `Recent`."""
    if isinstance(latest, Recent):
        return latest
    return Recent(sorted(latest.items(), key=lambda item: (item[1], key_order(item[0]))))


def learn(latest: dict[str, int], key: str, t: int, start: int, counted: Counted) -> dict[str, int]:
    """An event of a value at `t`; beyond 100 values those at or before `start` go, then the oldest, counted."""
    if len(key) > LENGTH_SURE_MAX:
        key = known_as(key, latest)
    if not isinstance(latest, Recent):
        if len(latest) < VALUES_MAX or key in latest:
            if latest.get(key, -1) < t:
                latest[key] = t
            return latest
        latest = in_order(latest)
    latest.touch(key, t)
    if len(latest) > VALUES_MAX:
        latest.leave_out(start, counted)
    return latest


def united(
    latest: dict[str, int] | None, other: dict[str, int] | None, start: int, counted: Counted
) -> dict[str, int] | None:
    """The values after `start` of two users who are one, None for none; of more than 100 the oldest go, counted."""
    both = {key: t for key, t in (latest or {}).items() if t > start}
    for key, t in (other or {}).items():
        if t > start and both.get(key, start) < t:
            both[key] = t
    if len(both) > VALUES_MAX:
        both = in_order(both)
        both.leave_out(start, counted)
    return both or None


def place(ordered: dict[str, Any], key: str, t: int, value: Any) -> None:
    """Puts a value where it belongs by (t, text); nearly always that is the end.

    `ordered`: its values are instants, or lists whose last item is one.
    """
    ordered.pop(key, None)
    behind = []
    while ordered:
        last = ordered.popitem()
        at = last[1][-1] if last[1].__class__ is list else last[1]
        if at < t or (at == t and key_order(last[0]) < key_order(key)):
            ordered[last[0]] = last[1]
            break
        behind.append(last)
    ordered[key] = value
    ordered.update(reversed(behind))
