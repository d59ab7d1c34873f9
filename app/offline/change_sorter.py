"""Changes as JSON lines ordered by user and sequence, however many: sorted runs on disk, merged at the end."""

import struct
from collections.abc import Iterator
from heapq import merge
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from app.segments.evaluation.change import Change

RUN_BYTES_MAX: Final = 128 * 1024 * 1024
"""Beyond so many bytes of changes in memory a run is written to disk."""

_LENGTHS: Final = struct.Struct("<II")
_Entry = tuple[bytes, int, int, bytes]


class ChangeSorter:
    """Takes changes (those of a user in order of sequence), gives them back ordered by user, then sequence."""

    def __init__(self, run_bytes_max: int = RUN_BYTES_MAX) -> None:
        self._run_bytes_max = run_bytes_max
        self._bytes = 0
        self._users: dict[str, list[bytes]] = {}
        self._runs: list[BinaryIO] = []

    def add(self, change: Change) -> None:
        """One more change."""
        line = change.encode()
        self._users.setdefault(change.user, []).append(line)
        self._bytes += len(line)
        if self._bytes >= self._run_bytes_max:
            self._write_run()

    def lines(self) -> Iterator[bytes]:
        """All of them, once, without line ends."""
        if not self._runs:
            for user in sorted(self._users):
                yield from self._users[user]
            return
        self._write_run()
        for *_, line in merge(*(_read_run(run, number) for number, run in enumerate(self._runs))):
            yield line

    def close(self) -> None:
        """Gives the disk back."""
        for run in self._runs:
            run.close()

    def _write_run(self) -> None:
        run = TemporaryFile(prefix="shoal-changes-")  # noqa: SIM115  # closed by close()
        self._runs.append(run)
        for user in sorted(self._users):
            key = _key(user)
            for line in self._users[user]:
                run.write(_LENGTHS.pack(len(key), len(line)) + key + line)
        self._users = {}
        self._bytes = 0


def _key(user: str) -> bytes:
    """Bytes that order as the texts do: by code point."""
    return user.encode(errors="surrogatepass")


def _read_run(run: BinaryIO, number: int) -> Iterator[_Entry]:
    run.seek(0)
    place = 0
    while head := run.read(_LENGTHS.size):
        key_bytes, line_bytes = _LENGTHS.unpack(head)
        yield run.read(key_bytes), number, place, run.read(line_bytes)
        place += 1
