"""Changes as they should be against changes as they are, user by user. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["missing", "extra", "different", "out of order", "gap", "unreadable"]
KINDS: Final[tuple[Kind, ...]] = ("missing", "extra", "different", "out of order", "gap", "unreadable")
SHOWN_MAX: Final = 10
NO_SEQUENCE: Final = -1
"""Of a difference that is not about a change."""


class Head(msgspec.Struct, frozen=True):
    """Fields that place a change: user, segment, sequence."""

    id: str
    user: str
    sequence: int


_decode_head = msgspec.json.Decoder(Head).decode


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be; `expected` and `found` are whole changes, None where there is none.

    `user`: whose change it is; of a census, its name.
    """

    kind: Kind
    user: str
    sequence: int
    said: str
    expected: bytes | None = None
    found: bytes | None = None

    @property
    def place(self) -> str:
        """The user with the number of the change, or the name of what is not about a change."""
        return self.user if self.sequence == NO_SEQUENCE else f"{self.user} #{self.sequence}"


@dataclass(slots=True)
class Expected:
    """The changes of one user in order. The first `certain` of them must be there; the others may still be coming."""

    changes: list[tuple[Head, bytes]] = field(default_factory=list)
    certain: int = 0


@dataclass(slots=True)
class Comparison:
    """Result of a comparison. `shown` holds the first differences, `counts` all of them."""

    users: int = 0
    expected: int = 0
    found: int = 0
    repeated: int = 0
    counts: Counter[Kind] = field(default_factory=Counter)
    shown: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.counts

    def add(self, difference: Difference) -> None:
        self.counts[difference.kind] += 1
        if len(self.shown) < SHOWN_MAX:
            self.shown.append(difference)


class Changes:
    """Collects both sides, then compares.

    `numbers`: for a comparison that begins with a snapshot, the number of each user's latest change in it. `once`: no
    change may be repeated after it.
    """

    def __init__(self, numbers: Mapping[str, int] | None = None, *, once: bool = False) -> None:
        self._numbers = numbers or {}
        self._once = once
        self._doubtful: set[str] = set()
        self._expected: dict[str, Expected] = {}
        self._found: dict[str, list[tuple[Head, bytes]]] = {}
        self._seen: dict[str, bytes] = {}
        self._comparison = Comparison()

    def expect(self, encoded: Iterable[bytes], *, certain: bool) -> None:
        """Changes that should be there, in order; first those that are certain, then those that are not."""
        for change in encoded:
            head = _decode_head(change)
            expected = self._expected.setdefault(head.user, Expected())
            expected.changes.append((head, change))
            expected.certain += certain

    def find(self, key: bytes | None, value: bytes | None, *, doubtful: bool = False) -> None:
        """A record of the topic, in the topic's order. An id that was seen is a repetition, and dropped.

        `doubtful`: it was written while the snapshot was taken, and may belong to it.
        """
        try:
            head = _decode_head(value or b"")
        except msgspec.DecodeError as error:
            self._comparison.add(Difference("unreadable", repr(key), NO_SEQUENCE, str(error), found=value))
            return
        assert value is not None
        if key != head.user.encode():
            said = f"the key is {key!r}"
            self._comparison.add(Difference("different", head.user, head.sequence, said, found=value))
        known = self._numbers.get(head.user)
        if known is not None and head.sequence <= known and (doubtful or not self._once):
            return
        if known is None and doubtful:
            self._doubtful.add(head.id)
        first = self._seen.get(head.id)
        if first is None:
            self._seen[head.id] = value
            self._found.setdefault(head.user, []).append((head, value))
            return
        self._comparison.repeated += 1
        if first != value:
            said = "repeated with another content: " + tell_apart(first, value)
            self._comparison.add(Difference("different", head.user, head.sequence, said, first, value))

    def compare(self) -> Comparison:
        """The result; to be called once."""
        result = self._comparison
        users = sorted(self._expected.keys() | self._found.keys())
        result.users = len(users)
        for user in users:
            expected = self._expected.get(user, Expected())
            found = self._without_earlier(self._found.get(user, []), expected)
            result.expected += expected.certain
            result.found += len(found)
            _compare_user(user, expected, found, result)
        return result

    def _without_earlier(self, found: list[tuple[Head, bytes]], expected: Expected) -> list[tuple[Head, bytes]]:
        """Without doubtful changes that nothing demands: of users who were forgotten before the snapshot."""
        if not self._doubtful:
            return found
        wanted = {head.id for head, _ in expected.changes}
        return [each for each in found if each[0].id in wanted or each[0].id not in self._doubtful]


def _compare_user(user: str, expected: Expected, found: Sequence[tuple[Head, bytes]], result: Comparison) -> None:
    if [change for _, change in found] == [change for _, change in expected.changes[: len(found)]]:
        for head, change in expected.changes[len(found) : expected.certain]:
            result.add(Difference("missing", user, head.sequence, describe(change), expected=change))
        return
    by_sequence = {head.sequence: (head, change) for head, change in found}
    wanted = {head.sequence: change for head, change in expected.changes}
    for head, change in expected.changes[: expected.certain]:
        if head.sequence not in by_sequence:
            result.add(Difference("missing", user, head.sequence, describe(change), expected=change))
    # A user who was forgotten and comes back continues with a far higher number: no gap, if this is expected.
    neighbours = {(earlier.sequence, later.sequence) for (earlier, _), (later, _) in pairwise(expected.changes)}
    previous: int | None = None
    for head, change in found:
        should = wanted.get(head.sequence)
        if should is None:
            result.add(Difference("extra", user, head.sequence, describe(change), found=change))
        elif should != change:
            result.add(Difference("different", user, head.sequence, tell_apart(should, change), should, change))
        if previous is not None and head.sequence <= previous:
            said = f"comes after {previous}: {describe(change)}"
            result.add(Difference("out of order", user, head.sequence, said, found=change))
        elif previous is not None and head.sequence != previous + 1 and (previous, head.sequence) not in neighbours:
            said = f"follows {previous}: {describe(change)}"
            result.add(Difference("gap", user, head.sequence, said, found=change))
        previous = head.sequence


def describe(change: bytes) -> str:
    """A change in a few words."""
    decoded: dict[str, Any] = msgspec.json.decode(change)
    return f"{decoded.get('change')} {decoded.get('segment')} at {decoded.get('at')}"


def tell_apart(expected: bytes, found: bytes) -> str:
    """The fields in which two changes differ, with both values.

    >>> tell_apart(b'{"a": 1, "b": 2}', b'{"a": 1, "b": 3, "c": 4}')
    'b: expected 2, found 3; c: expected nothing, found 4'
    """
    should: dict[str, Any] = msgspec.json.decode(expected)
    is_: dict[str, Any] = msgspec.json.decode(found)
    told = [
        f"{name}: expected {_show(should, name)}, found {_show(is_, name)}"
        for name in dict.fromkeys((*should, *is_))
        if should.get(name, ...) != is_.get(name, ...)
    ]
    return "; ".join(told) or "the same values, written differently"


def _show(change: dict[str, Any], name: str) -> str:
    return msgspec.json.encode(change[name]).decode() if name in change else "nothing"
