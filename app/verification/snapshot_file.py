"""The file of a snapshot: profiles and position of every partition at a committed place, and what compares with them.

Layout: a mark, then blocks, then the SHA-256 of all before it. A block is its length (4 bytes, big-endian) and
MessagePack. The first block is the head. Then come, for each partition, its place, blocks of profiles (pairs of key and
value, as the changelog has them), and an empty block. The last block has the ends of the topics.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from app.errors import UserError
from app.runtime.records.envelope import StoredPosition, decode_position, decode_profile, reached_of
from app.runtime.records.journal import JournalEntry, decode_entry
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from app.verification.private_file import private_file
from app.verification.recomputation import Start
from tables import profile as profiles

FORMAT: Final = 1
MARK: Final = b"shoal snapshot\n"
PROFILES_A_BLOCK: Final = 1_000
_LENGTH: Final = struct.Struct(">I")
_HASH_BYTES: Final = 32
_READ_BYTES: Final = 1 << 20


class Head(msgspec.Struct, frozen=True, array_like=True):
    """Origin of a snapshot. topics: clickstream, profiles, changes and journal of the deployment."""

    format: int
    app_id: str
    taken_ms: int
    partitions: int
    topics: tuple[str, ...]


class Span(NamedTuple):
    """Ends of a topic's partition before and after a snapshot was taken: every record before `first` belongs to the
    snapshot, none from `last` on does."""

    first: int
    last: int


@dataclass(slots=True)
class Ahead:
    """Encoded changes and link records that belong behind a snapshot's place. Only a broker without transactions has
    any."""

    changes: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)


class Ends(msgspec.Struct, frozen=True, array_like=True):
    """By partition, the ends of the clickstream and of the changes while the snapshot was taken."""

    clickstream: tuple[Span, ...]
    changes: tuple[Span, ...]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Committed place of one partition.

    offset: the next input record. position: the record of the changelog, None if nothing was ever committed.
    version: of the catalog, None before the first user. entries: of the journal, those that may still be ahead, up to
    `journal_end`.
    """

    partition: int
    offset: int
    position: bytes | None
    version: str | None
    entries: tuple[bytes, ...]
    journal_end: int

    @property
    def stored(self) -> StoredPosition | None:
        return None if self.position is None else decode_position(self.position)

    @property
    def journal(self) -> list[JournalEntry]:
        return [decode_entry(entry) for entry in self.entries]


Profiles = list[tuple[bytes, bytes]]
_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(Head).decode
_decode_place = msgspec.msgpack.Decoder(Place).decode
_decode_ends = msgspec.msgpack.Decoder(Ends).decode
_decode_profiles = msgspec.msgpack.Decoder(Profiles).decode
_decode_format = msgspec.msgpack.Decoder(list[Any]).decode


class SnapshotWriter:
    """Writes the blocks of a snapshot."""

    def __init__(self, file: Any, head: Head) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._write(MARK)
        self._block(_encode(head))

    def add(self, place: Place, profiles: Iterable[tuple[bytes, bytes]]) -> None:
        """Adds a partition; partitions come in order."""
        self._block(_encode(place))
        part: Profiles = []
        for each in profiles:
            part.append(each)
            if len(part) == PROFILES_A_BLOCK:
                self._block(_encode(part))
                part.clear()
        if part:
            self._block(_encode(part))
        self._block(b"")

    def finish(self, ends: Ends) -> None:
        """Adds the ends of the topics, and the checksum. Without it the file is damaged."""
        self._block(_encode(ends))
        self._file.write(self._hash.digest())

    def _block(self, content: bytes) -> None:
        self._write(_LENGTH.pack(len(content)))
        self._write(content)

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)


@contextmanager
def writing(path: Path, head: Head) -> Iterator[SnapshotWriter]:
    """Makes a file for a snapshot, which is there as a whole or not at all.

    Only its owner may read it, as it holds personal data. Raises OSError.
    """
    with private_file(path) as file:
        yield SnapshotWriter(file, head)


class Snapshot:
    """A snapshot that was read and found undamaged. Profiles are read when they are asked for."""

    def __init__(self, path: Path) -> None:
        """UserError if there is no such file, if it is no snapshot, is damaged, or has a format that is not known."""
        self.path = path
        self.places: list[Place] = []
        self._begins: list[int] = []
        try:
            with path.open("rb") as file:
                self._check(file)
                file.seek(len(MARK))
                self.head = self._read_head(file)
                self._read_places(file)
        except OSError as error:
            raise UserError(f"cannot read the snapshot {path}: {error.strerror}") from None
        except (msgspec.MsgspecError, struct.error) as error:
            raise self._damaged(str(error)) from None

    def profiles(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values of a partition, as its changelog had them."""
        with self.path.open("rb") as file:
            file.seek(self._begins[partition])
            while block := _read_block(file):
                yield from _decode_profiles(block)

    def start(self, partition: int, core: Partition) -> Start:
        """Brings a new core to the place of its partition."""
        place = self.places[partition]
        stored = place.stored
        if stored is not None:
            core.restore_position(stored.position)
        for key, value in self.profiles(partition):
            profile = decode_profile(value)
            core.restore(key.decode(), profile.profile, offset=profile.reached.offset)
        return Start(core, place.offset, -1 if stored is None else stored.reached.clock_ms)

    def ahead(self, partition: int) -> Ahead:
        """Changes and link records of users whose profiles are ahead of the place of their partition."""
        found = Ahead()
        for _, value in self.profiles(partition):
            if self._is_ahead(partition, value):
                profile = decode_profile(value)
                found.changes += profile.changes
                found.links += (link for _, link in profile.links)
        return found

    def numbers(self) -> dict[str, int]:
        """The number of each user's latest change at the place of their partition."""
        numbers: dict[str, int] = {}
        for partition in range(self.head.partitions):
            for key, value in self.profiles(partition):
                profile = decode_profile(value)
                if profile.profile is None or (user := key.decode()) == CATALOG_KEY:
                    continue
                sequence = profiles.decode(profile.profile).sequence
                if sequence:  # else their events wait, and no change was numbered yet
                    later = len(profile.changes) if self._is_ahead(partition, value) else 0
                    numbers[user] = sequence - 1 - later
        return numbers

    def _is_ahead(self, partition: int, value: bytes) -> bool:
        stored = self.places[partition].stored
        return stored is None or reached_of(value) > stored.reached

    def _check(self, file: BinaryIO) -> None:
        """Compares the checksum."""
        if file.read(len(MARK)) != MARK:
            raise UserError(f"{self.path} is no snapshot", hint="shoal snapshot FILE writes one")
        left = file.seek(0, os.SEEK_END) - _HASH_BYTES
        file.seek(0)
        found = hashlib.sha256()
        while left > 0 and (data := file.read(min(left, _READ_BYTES))):
            found.update(data)
            left -= len(data)
        if found.digest() != file.read():
            raise self._damaged("its checksum is wrong")

    def _read_head(self, file: BinaryIO) -> Head:
        block = _read_block(file)
        written: list[Any] = _decode_format(block)
        if not written or written[0] != FORMAT:
            raise UserError(
                f"the snapshot {self.path} has format {written[0] if written else 'nothing'}, "
                f"this version knows {FORMAT}",
                hint="use the version of Shoal that wrote it, or take a new one: shoal snapshot FILE",
            )
        return _decode_head(block)

    def _read_places(self, file: BinaryIO) -> None:
        for _ in range(self.head.partitions):
            self.places.append(_decode_place(_read_block(file)))
            self._begins.append(file.tell())
            while length := _read_length(file):
                file.seek(length, os.SEEK_CUR)
        self.ends = _decode_ends(_read_block(file))

    def _damaged(self, why: str) -> UserError:
        return UserError(f"the snapshot {self.path} is damaged: {why}", hint="take another copy, or a new snapshot")


def _read_length(file: BinaryIO) -> int:
    return int(_LENGTH.unpack(file.read(_LENGTH.size))[0])


def _read_block(file: BinaryIO) -> bytes:
    return file.read(_read_length(file))
