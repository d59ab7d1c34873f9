"""Records of a census, in the topic of the population: that it has begun, what partitions have counted, the result.

They name no user. One JSON object a record; the topic has one partition, so all are in one order.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from app.segments.evaluation.batch import UserCount

PARTITION: Final = 0
"""The only one."""


class Begun(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="begun"):
    """A census has begun: its control records are in all partitions. at_ms: milliseconds since the epoch."""

    app: str
    census: int
    at_ms: int
    partitions: int


class Measured(msgspec.Struct, kw_only=True, frozen=True):
    """An expression that was counted. shares: the numbers that are made of it, each with its share in hundredths of a
    percent; below 0, with its number of users. users: by buckets."""

    shares: dict[str, int]
    users: dict[int, int]


class Counted(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="counted"):
    """The users of a partition at its census record. clock_ms: its clock. version: of its catalog. members: users in
    each of its segments."""

    app: str
    census: int
    partition: int
    clock_ms: int
    version: str
    measures: dict[str, Measured]
    members: dict[str, int]


class Result(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="result"):
    """The numbers of all users, as published. users: by its text, how many users have a value of each expression.
    members: users in each segment."""

    app: str
    census: int
    at_ms: int
    numbers: dict[str, int | float | None]
    users: dict[str, int]
    members: dict[str, int]


PopulationEvent: TypeAlias = Begun | Counted | Result
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PopulationEvent).decode


def encode_population(event: PopulationEvent) -> bytes:
    """The value of a record: the same bytes for the same event.

    >>> encode_population(Begun(app="shop", census=7, at_ms=7, partitions=2))
    b'{"kind":"begun","app":"shop","census":7,"at_ms":7,"partitions":2}'
    """
    return _encode(event)


def read_population(value: bytes | None) -> PopulationEvent | None:
    """The event of a record; None for what is none."""
    try:
        return None if value is None else _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def counted_of(count: UserCount, *, partition: int) -> Counted:
    """The event of a count."""
    measures: Mapping[str, Measured] = {
        text: Measured(shares=dict(shares), users=dict(users)) for text, (shares, users) in count.measures.items()
    }
    return Counted(
        app=count.app,
        census=count.census,
        partition=partition,
        clock_ms=count.clock_ms,
        version=count.version,
        measures=dict(measures),
        members=dict(count.members),
    )
