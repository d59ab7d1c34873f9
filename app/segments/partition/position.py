"""Records of a partition beside profiles: its position and its catalog."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from app.segments.evaluation.settlement import SegmentCode
from tables.formats import DamagedError, UnknownFormatError, format_of

CATALOG_KEY = "\x00catalog"
"""The key, among those of profiles, under which the catalog's entry is kept; no user has such a name."""


class Position(msgspec.Struct, array_like=True, frozen=True):
    """Position of a partition: written with its profiles, read at restore."""

    format: int
    next_offset: int
    clock_ms: int
    version: str


class Filling(msgspec.Struct, array_like=True, frozen=True):
    """A backfill that has begun and is not over.

    marker: stands in place of an aggregate in the profiles that are filled, so that they are warm before the others.
    aggregates: those that are filled, each with the instant since which its history is known. parts: `cart`, `visit`.
    """

    id: str
    marker: int
    aggregates: dict[int, int]
    segments: tuple[int, ...]
    parts: tuple[str, ...]


class Published(msgspec.Struct, array_like=True, frozen=True):
    """Numbers of all users as last published, and the number of the census that they are of."""

    census: int
    numbers: dict[str, int | float]


class CatalogEntry(msgspec.Struct, array_like=True):
    """The catalog that a partition runs.

    epoch: counts the catalogs of this partition; a profile carries the one under which it was last evaluated.
    since_ms: the partition's clock when the catalog took effect.
    segments: id -> [name, version, own topic], so that a later catalog can tell who leaves what is gone.
    fed_ms: aggregate, or values of a segment by value -> the instant since which it has been fed.
    layout: what the bits of `Profile.watched` mean.
    filling: the backfill that is under way, if there is one.
    population: the numbers of all users that segments compare with; None before the first.
    """

    format: int
    epoch: int
    version: str
    since_ms: int
    segments: dict[int, tuple[str, str, bool]]
    fed_ms: dict[int, int]
    layout: int
    filling: Filling | None = None
    population: Published | None = None


FORMAT = 1
"""Of both."""

KeptT = TypeVar("KeptT", Position, CatalogEntry)

_encode = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(Position).decode
_decode_entry = msgspec.msgpack.Decoder(CatalogEntry).decode


def read_position(encoded: bytes) -> Position:
    """The position that `Partition.position()` wrote. Raises UnknownFormatError, DamagedError."""
    return _read(_decode_position, encoded, "a position")


def _read(decode: Callable[[bytes], KeptT], encoded: bytes, what: str) -> KeptT:
    try:
        kept = decode(encoded)
    except msgspec.MsgspecError as error:
        if (found := format_of(encoded, what)) != FORMAT:
            raise UnknownFormatError(what, found, known=FORMAT) from error
        raise DamagedError(what, error) from error
    if kept.format != FORMAT:
        raise UnknownFormatError(what, kept.format, known=FORMAT)
    return kept


def write_position(position: Position) -> bytes:
    """Encodes a position for `read_position`."""
    return _encode(position)


def read_catalog_entry(encoded: bytes) -> CatalogEntry:
    """The entry that was kept under CATALOG_KEY. Raises UnknownFormatError, DamagedError."""
    return _read(_decode_entry, encoded, "a catalog's entry")


def write_catalog_entry(entry: CatalogEntry) -> bytes:
    """Encodes a catalog entry for `read_catalog_entry`."""
    return _encode(entry)


def warm_ms(segments: Iterable[SegmentCode], fed_ms: dict[int, int]) -> dict[int, int]:
    """Segment -> the instant from which all its windows have been seen in full; only those that wait for it."""
    return {
        segment.id: max(fed_ms.get(aggregate, 0) + within_ms for aggregate, within_ms in segment.waits_for)
        for segment in segments
        if segment.waits_for
    }
