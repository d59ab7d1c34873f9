"""Sources of records: a simulated shop without end, or files with one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from app.segments.evaluation.time_rules import TimeRules
from app.simulation.pace import Pace
from app.simulation.record import Homes, Record
from app.simulation.recording import Recording, lines_of
from app.simulation.shop import Shop, ShopSettings
from app.simulation.wire import Kind


class EventSource(Protocol):
    """Records in the order in which they are to be written, and the pace at which."""

    def records(self) -> Iterator[Record]:
        """All of them, once."""

    def pace(self, now_s: float) -> Pace | None:
        """Returns the due time of each record, if playing begins at `now_s` of the monotonic clock; None: no pause."""

    def summary(self) -> str:
        """Describes what was sent so far."""


class ShopSource:
    """A simulated shop whose time passes `speed` times as fast as the machine's."""

    def __init__(self, settings: ShopSettings, *, partitions: int, speed: float) -> None:
        self._settings = settings
        self._homes = Homes(partitions)
        self._speed = speed
        self._users: set[bytes] = set()
        self._kinds: Counter[Kind] = Counter()

    def records(self) -> Iterator[Record]:
        for delivery in Shop(self._settings):
            self._kinds[delivery.kind] += 1
            if delivery.kind == "event" and delivery.key is not None:
                self._users.add(delivery.key)
            yield self._homes.record(delivery)

    def pace(self, now_s: float) -> Pace | None:
        return Pace(self._settings.start_ms, now_s, self._speed)

    def summary(self) -> str:
        kinds = self._kinds
        return f"{len(self._users):,} users, {kinds['duplicate']:,} duplicates, {kinds['broken']:,} broken messages"


class FileSource:
    """Files of messages, played `speed` times as fast as they happened, or at full speed (None).

    With `end_marks`, each partition gets one. The files have at least one line (`check_files`).
    """

    def __init__(
        self, files: Sequence[Path], *, partitions: int, rules: TimeRules, speed: float | None, end_marks: bool
    ) -> None:
        self._recording = Recording(lines_of(files), partitions=partitions, rules=rules)
        self._speed = speed
        self._end_marks = end_marks
        self._records = self._recording.records()
        self._first: list[Record] = []
        for record in self._records:
            self._first.append(record)
            if record.key is not None:
                break
        assert self._first, files

    @property
    def start_ms(self) -> int:
        """The first message's instant."""
        return self._first[-1].timestamp_ms

    @property
    def last_ms(self) -> int:
        """The last event's instant among those given so far, -1 for none: what the end marks bring clocks to."""
        return self._recording.last_ms

    def records(self) -> Iterator[Record]:
        yield from chain(self._first, self._records)
        if self._end_marks:
            yield from self._recording.end_marks()

    def pace(self, now_s: float) -> Pace | None:
        return None if self._speed is None else Pace(self.start_ms, now_s, self._speed)

    def summary(self) -> str:
        recording = self._recording
        unread = f", {recording.unreadable:,} of them no messages" if recording.unreadable else ""
        return f"{recording.count:,} lines{unread}"
