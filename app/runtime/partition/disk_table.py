"""Profiles on disk instead of in memory: a mapping in RocksDB, for partitions that are larger than memory.

It is no second truth: a table begins empty, is filled from the changelog, and its files go with it. So nothing is
synced, and a crash costs no more than reading the changelog back.

RocksDB writes a new value beside the older ones, and merges its files when there are many. So what an erasure has
replaced would stay in a file for as long as the partition is here: the files with the key are merged at once.
"""

import itertools
import os
import shutil
import weakref
from collections.abc import ItemsView, Iterable, Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from app.errors import UserError, install_command
from app.segments.evaluation.batch import Batch
from app.segments.partition.partition import Partition

Key = TypeVar("Key", str, bytes)

WRITE_BUFFER_BYTES = 8 << 20
CACHE_BYTES = 64 << 20
"""Of blocks that were read, for all tables of a process together."""


class DiskTable(MutableMapping[Key, bytes], Generic[Key]):
    """Keys of one kind, texts or bytes. Made by `DiskTables`."""

    def __init__(self, path: Path, cache: Any) -> None:
        from rocksdict import BlockBasedOptions, Options, Rdict, WriteOptions

        blocks = BlockBasedOptions()
        blocks.set_block_cache(cache)
        options = Options()
        options.create_if_missing(True)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_block_based_table_factory(blocks)
        try:
            self._database: Any = Rdict(str(path), options)
        except Exception as error:  # noqa: BLE001  # RocksDB's errors have no class of their own
            raise UserError(
                f"cannot keep profiles in {path}: {error}", hint="SHOAL_PROFILE_DIRECTORY: a folder to write to"
            ) from None
        writing: Any = WriteOptions()
        writing.disable_wal = True
        self._database.set_write_options(writing)
        self._count = 0
        self._end: weakref.finalize[[Any, Path], Any] = weakref.finalize(self, _remove, self._database, path)

    def close(self) -> None:
        """The table and its files are gone; also when nobody holds it any more."""
        self._end()

    def __getitem__(self, key: Key) -> bytes:
        value = self._database.get(key)
        if value is None:
            raise KeyError(key)
        return bytes(value)

    def __setitem__(self, key: Key, value: bytes) -> None:
        self._count += key not in self._database
        self._database[key] = value

    def __delitem__(self, key: Key) -> None:
        if key not in self._database:
            raise KeyError(key)
        del self._database[key]
        self._count -= 1

    def __contains__(self, key: object) -> bool:
        return key in self._database

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Key]:
        """In no order that anyone may rely on; what is written meanwhile is not seen."""
        return iter(self._database.keys())

    def forget_older(self, keys: Iterable[Key]) -> None:
        """Removes earlier values of these keys from the files. May run in another thread; nothing after `close`."""
        from rocksdict import BottommostLevelCompaction, CompactOptions

        options = CompactOptions()
        options.set_bottommost_level_compaction(BottommostLevelCompaction.force())
        with suppress(Exception):  # closed meanwhile: the files are gone
            self._database.flush()
            for key in keys:
                self._database.compact_range(key, key, options)

    def items(self) -> ItemsView[Key, bytes]:
        """As of a dict, in one pass over the files."""
        return _Items(self)


class _Items(ItemsView[Any, bytes]):
    _mapping: DiskTable[Any]

    def __iter__(self) -> Iterator[tuple[Any, bytes]]:
        return iter(self._mapping._database.items())


class DiskTables:
    """Makes the tables of one worker, each in a folder of its own under `folder`.

    What workers have left there that live no more is removed at the start. Raises UserError.
    """

    _made: ClassVar[set[str]] = set()

    def __init__(self, folder: Path) -> None:
        try:
            from rocksdict import Cache
        except ImportError:
            raise UserError(
                "profile_store is disk, but rocksdict is not installed", hint=install_command("rocksdb")
            ) from None
        self._cache = Cache(CACHE_BYTES)
        name = f"{os.getpid()}-{len(self._made)}"
        self._made.add(name)
        self._folder = folder / name
        self._numbers = itertools.count()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.iterdir():
                pid = left.name.partition("-")[0]
                # The number of this process may be that of a dead one: in a container it is the same each time.
                gone = pid.isdigit() and (int(pid) == os.getpid() or not _lives(int(pid)))
                if gone and left.name not in self._made:
                    shutil.rmtree(left, ignore_errors=True)
            self._folder.mkdir()
        except OSError as error:
            raise UserError(
                f"cannot keep profiles in {folder}: {error.strerror}",
                hint="SHOAL_PROFILE_DIRECTORY: a folder to write to",
            ) from None
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def of_users(self) -> DiskTable[str]:
        """A new one: profiles by user."""
        return DiskTable(self._folder / str(next(self._numbers)), self._cache)

    def of_keys(self) -> DiskTable[bytes]:
        """A new one: values of the changelog by their key."""
        return DiskTable(self._folder / str(next(self._numbers)), self._cache)


def forget_erased(core: Partition, batch: Batch) -> None:
    """Removes from the disk what keys were before the erasures of a batch."""
    keys = [step.key for step in batch.erasures if step.key is not None and step.result == "erased"]
    if keys and isinstance(core.encoded, DiskTable):
        core.encoded.forget_older(keys)


def _remove(database: Any, path: Path) -> None:
    with suppress(Exception):  # its folder may be missing, with that of all tables: its content is not needed
        database.close()
    shutil.rmtree(path, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
