"""The contents that Redis has to have for a partition, computed from its topics: memberships, and moved keys."""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.memberships.from_profiles import read_redirects, read_standings
from app.memberships.redis_updates import Change, Entry, read_change
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.records.identity_events import MOVES, REFUSALS, read_identity
from app.runtime.redis_keys import field_of

READ_RECORDS: Final = 10_000
READ_WAIT_MS: Final = 100
SILENT_READS_MAX: Final = 20
"""What Redis has was there to be read: a topic that does not bring it within so many reads is another one."""

Essence = dict[str, tuple[str, int, Any, tuple[str | None, Any] | None]]
"""Field of a membership -> since, times, attached values, groups: what must agree."""


class TopicModel:
    """The consequences of one partition of a topic, as far as it has been read."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self.offset = 0

    async def begin(self, profiles: LogReader) -> None:
        """From the beginning of the topic if it has one, else from the profiles."""
        earliest = await self._reader.earliest()
        self.offset = earliest
        self._reader.seek(earliest)
        if earliest == 0:
            return
        self.offset = (await self._reader.read(records_max=1, wait_ms=1)).end_offset
        await self._reader.stop()
        self._reader.seek(self.offset)
        await self._load(profiles)

    async def move_to(self, offset: int) -> None:
        """Reads up to an offset; goes no way back. OffsetLostError if the topic does not come that far."""
        silent = 0
        while self.offset < offset:
            fetched = await self._reader.read(records_max=min(READ_RECORDS, offset - self.offset), wait_ms=READ_WAIT_MS)
            silent = 0 if fetched.next_offset > self.offset else silent + 1
            if silent > SILENT_READS_MAX:
                raise OffsetLostError(self._reader.topic, self._reader.partition, offset)
            for record in fetched.records:
                if record.offset < offset and record.value is not None:
                    self._take(record.value)
            self.offset = max(fetched.next_offset, self.offset)

    async def _load(self, profiles: LogReader) -> None:
        raise NotImplementedError

    def _take(self, value: bytes) -> None:
        raise NotImplementedError


class MembershipModel(TopicModel):
    """The memberships of one partition."""

    def __init__(self, reader: LogReader) -> None:
        super().__init__(reader)
        self._sequences: dict[str, int] = {}
        self._segments: dict[str, Essence] = {}

    async def _load(self, profiles: LogReader) -> None:
        for each in await read_standings(profiles):
            self._sequences[each.user] = each.sequence
            self._segments[each.user] = {name: essence(entry) for name, entry in each.entries}

    def _take(self, value: bytes) -> None:
        try:
            change = read_change(value)
            attach = json.loads(bytes(change.attach))
        except (msgspec.DecodeError, ValueError):
            return
        if change.sequence <= self._sequences.get(change.user, -1):
            return
        self._sequences[change.user] = change.sequence
        segments = self._segments.setdefault(change.user, {})
        field = field_of(change.segment, change.value)
        if change.change == "exited":
            segments.pop(field, None)
            return
        before = segments.get(field)
        since = before[0] if before is not None and change.change == "updated" else change.at
        segments[field] = (since, change.times, attach, _groups(change))

    @property
    def users(self) -> Sequence[str]:
        """Everyone who is in something."""
        return [user for user, segments in self._segments.items() if segments]

    def of(self, user: str) -> Essence:
        """Returns the memberships of a user."""
        return dict(self._segments.get(user, {}))


class RedirectModel(TopicModel):
    """The keys of one partition that have moved, each with its user."""

    def __init__(self, reader: LogReader) -> None:
        super().__init__(reader)
        self.users: dict[str, str] = {}

    async def _load(self, profiles: LogReader) -> None:
        self.users.update(await read_redirects(profiles))

    def _take(self, value: bytes) -> None:
        try:
            event = read_identity(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if event.result in MOVES:
            self.users[event.source] = event.to
        elif not event.result.startswith(REFUSALS) and self.users.get(event.source) == event.to:
            del self.users[event.source]


def essence(entry: Entry) -> tuple[str, int, Any, tuple[str | None, Any] | None]:
    """Returns what must agree of a membership."""
    return entry.since, entry.times, entry.attach, _groups(entry)


def _groups(told: Change | Entry) -> tuple[str | None, Any] | None:
    """Returns the group and the experiments; None for a user who is in no group."""
    return (told.group or None, told.experiments) if told.experiments else None
