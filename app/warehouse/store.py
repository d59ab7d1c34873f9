"""Places for files: a folder, or a bucket of S3, Google Cloud Storage or Azure. A file appears whole or not at all.

A file is replaced only if it is still the one that was read. So two processes that both believe that they own a
partition cannot undo each other's work: the second one fails, and reads again.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from app.errors import UserError, install_command

LOCKS: Final = 64
SCHEMES: Final = ("s3", "gs", "az", "abfss")


class ConflictError(Exception):
    """Another process has written the file since it was read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Content of a file. `version`: compared when it is replaced."""

    data: bytes
    version: str


class Store(Protocol):
    """Paths are relative, with `/`. Every method blocks."""

    def read(self, path: str) -> Stored | None:
        """The file; None if there is none."""

    def write(self, path: str, data: bytes, *, replaces: str | None) -> str:
        """Writes a file in place of the version `replaces`, None for a new file; its version. Raises ConflictError."""

    def overwrite(self, path: str, data: bytes) -> None:
        """Writes a file, whatever is there."""

    def last(self, folder: str, prefix: str) -> str | None:
        """The last file of a folder, in order of names, whose name begins with `prefix`; its path."""

    def files(self, folder: str) -> dict[str, str]:
        """The version of each Parquet file of a folder and of the folders in it, by path."""


def open_store(place: str) -> Store:
    """The store of a folder, or of `s3://bucket/path`, `gs://...` or `az://...`. Raises UserError."""
    scheme, found, _ = place.partition("://")
    if not place:
        raise UserError("there is no place to write to", hint="SHOAL_WAREHOUSE or --to: a folder, or s3://bucket/path")
    if not found:
        return FolderStore(Path(place))
    if scheme == "file":
        return FolderStore(Path(place.removeprefix("file://")))
    if scheme not in SCHEMES:
        raise UserError(
            f"cannot write to {scheme}://", hint=f"a folder, or {', '.join(f'{one}://' for one in SCHEMES)}"
        )
    return BucketStore(place)


class FolderStore:
    """Files of a folder of this machine, or of a file system with locks."""

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            (root / "_shoal" / "locks").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {root}: {error.strerror}", hint="SHOAL_WAREHOUSE or --to") from None

    def read(self, path: str) -> Stored | None:
        """See `Store`."""
        try:
            with (self._root / path).open("rb") as file:
                return Stored(file.read(), _version(os.fstat(file.fileno())))
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes, *, replaces: str | None) -> str:
        """See `Store`."""
        with self._locked(path):
            target = self._root / path
            there = _version(target.stat()) if target.exists() else None
            if there != replaces:
                raise ConflictError(f"{path} was written by another process")
            return self._put(target, data)

    def overwrite(self, path: str, data: bytes) -> None:
        """See `Store`."""
        with self._locked(path):
            self._put(self._root / path, data)

    def last(self, folder: str, prefix: str) -> str | None:
        """See `Store`."""
        found = self._root / folder
        if not found.is_dir():
            return None
        names = [each.name for each in found.iterdir() if each.name.startswith(prefix)]
        return f"{folder}/{max(names)}" if names else None

    def files(self, folder: str) -> dict[str, str]:
        """See `Store`."""
        found: dict[str, str] = {}
        for path in (self._root / folder).rglob("*.parquet"):
            with suppress(FileNotFoundError):  # a folder of a day that was deleted just now
                found[path.relative_to(self._root).as_posix()] = _version(path.stat())
        return found

    def _put(self, target: Path, data: bytes) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")  # no reader takes it, and the next try replaces it
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            version = _version(os.fstat(file.fileno()))
        part.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return version

    @contextmanager
    def _locked(self, path: str) -> Iterator[None]:
        lock = self._root / "_shoal" / "locks" / str(zlib.crc32(path.encode()) % LOCKS)
        with lock.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _version(stat: os.stat_result) -> str:
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


class BucketStore:
    """Files of a bucket. Credentials and region come from the variables and services of the cloud."""

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore.store import from_url
        except ModuleNotFoundError:
            raise UserError(f"writing to {url} needs obstore", hint=install_command("warehouse")) from None
        self._obstore: Any = obstore
        self._url = url
        try:
            self._bucket: Any = from_url(url)
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise UserError(f"cannot write to {url}: {_first_line(error)}", hint="SHOAL_WAREHOUSE or --to") from None

    def read(self, path: str) -> Stored | None:
        """See `Store`."""
        with self._errors_in_words():
            try:
                found = self._obstore.get(self._bucket, path)
                return Stored(bytes(found.bytes()), found.meta["e_tag"])
            except FileNotFoundError:
                return None

    def write(self, path: str, data: bytes, *, replaces: str | None) -> str:
        """See `Store`."""
        errors = self._obstore.exceptions
        mode = "create" if replaces is None else {"e_tag": replaces}
        with self._errors_in_words():
            try:
                written = self._obstore.put(self._bucket, path, data, mode=mode, use_multipart=False)
            except (errors.AlreadyExistsError, errors.PreconditionError):
                raise ConflictError(f"{path} was written by another process") from None
        version: str = written["e_tag"]
        return version

    def overwrite(self, path: str, data: bytes) -> None:
        """See `Store`."""
        with self._errors_in_words():
            self._obstore.put(self._bucket, path, data, use_multipart=False)

    def last(self, folder: str, prefix: str) -> str | None:
        """See `Store`."""
        with self._errors_in_words():
            paths = [each["path"] for some in self._obstore.list(self._bucket, folder) for each in some]
        return max((path for path in paths if path.rpartition("/")[2].startswith(prefix)), default=None)

    def files(self, folder: str) -> dict[str, str]:
        """See `Store`."""
        with self._errors_in_words():
            found = [each for some in self._obstore.list(self._bucket, folder) for each in some]
        return {each["path"]: each["e_tag"] for each in found if each["path"].endswith(".parquet")}

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        """Raises UserError for what the bucket refuses: it passes, or its message says what to set right."""
        try:
            yield
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise UserError(
                f"{self._url} cannot be used: {_first_line(error)}",
                hint="the bucket has to exist, and the credentials have to allow reading, listing and writing",
            ) from None


def _first_line(error: Exception) -> str:
    """Text of an error without what follows, and without characters that a terminal obeys."""
    first = (str(error).splitlines() or [type(error).__name__])[0][:300]
    return "".join(letter if letter.isprintable() else "?" for letter in first)
