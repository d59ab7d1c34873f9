"""Files of real events, one JSON message a line, as records of the input topic.

Pure but for `lines_of`, which reads. What is written for a file is a function of its lines and the number of
partitions, so that a check can compute the same records again.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from app.errors import UserError
from app.events.instants import iso_text
from app.events.message import WATERMARK, MessageDecoder, MessageError, times_of, user_of
from app.segments.evaluation.time_rules import TimeRules
from app.simulation.record import Homes, Record

END_MARK_KEY: Final = WATERMARK.encode()
_UNDATED_MS: Final = 0


def lines_of(files: Sequence[Path]) -> Iterator[bytes]:
    """The lines of the files, one file after the other; empty lines are left out.

    Raises UserError for a file that is missing, is a folder, cannot be read or is cut off.
    """
    for file in files:
        for _, line in numbered_lines(file):
            yield line


def numbered_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, from 1 on; as `lines_of`."""
    if file.is_dir():
        raise UserError(f"{file} is a folder", hint="give the files in it: one JSON message a line, .jsonl or .gz")
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                message = line.strip()
                if message:
                    yield number, message
    except FileNotFoundError:
        raise UserError(f"there is no file {file}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {file}: {error}") from error


def check_files(files: Sequence[Path]) -> None:
    """UserError unless each file can be read and has at least one line."""
    for file in files:
        if next(lines_of([file]), None) is None:
            raise UserError(f"there is no message in {file}")


class Recording:
    """Lines as records, by `records()`, once. `last_ms`, `count` and `unreadable` say what has been given so far.

    `last_ms` is the highest instant that any message moves a clock to (before disorder), -1 for none.
    """

    def __init__(self, lines: Iterable[bytes], *, partitions: int, rules: TimeRules) -> None:
        assert partitions > 0, partitions
        self._lines = lines
        self._partitions = partitions
        self._rules = rules
        self._decode = MessageDecoder().decode
        self.last_ms = -1
        self.count = 0
        self.unreadable = 0

    def records(self) -> Iterator[Record]:
        """One record a line, in order, with its event time as timestamp, or with its receipt where that was earlier.

        A line that is no message keeps its place, without a key.
        """
        homes = Homes(self._partitions)
        skew_max_ms = self._rules.skew_max_ms
        for line in self._lines:
            self.count += 1
            try:
                message = self._decode(line)
                event_ms, received_ms = times_of(message, -1)
                key = user_of(message, self._rules.user_ids)[0].encode()
            except (MessageError, UnicodeEncodeError):
                self.unreadable += 1
                yield Record(0, None, line, max(self.last_ms, _UNDATED_MS))
                continue
            if event_ms <= received_ms + skew_max_ms:
                self.last_ms = max(self.last_ms, min(event_ms, received_ms))
            yield Record(homes[key], key, line, min(event_ms, received_ms))

    def end_marks(self) -> list[Record]:
        """A mark for each partition that brings its clock to exactly `last_ms`; none if no line was a message."""
        if self.last_ms < 0:
            return []
        end_ms = self.last_ms + self._rules.disorder_ms
        mark = msgspec.json.encode({"type": WATERMARK, "timestamp": iso_text(end_ms)})
        return [Record(partition, END_MARK_KEY, mark, end_ms) for partition in range(self._partitions)]
