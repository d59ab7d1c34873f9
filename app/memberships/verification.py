"""Compares the memberships in Redis with those that the topic of changes, or the profiles, demand.

Both move while one looks. So what is demanded is brought to where Redis stands, Redis is read, what is demanded is
brought to where Redis stands by then; users who agree with either are right, the others are looked at again.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.errors import UserError
from app.memberships.from_profiles import read_standings
from app.memberships.membership_view import View
from app.memberships.redis_updates import Entry, decode_entry, read_change
from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.log_readers import LogReaders
from app.runtime.kafka.partitioner import partition_of
from app.settings import Settings

ROUNDS_MAX: Final = 20
USERS_A_CALL: Final = 1_000
READ_RECORDS: Final = 10_000
READ_WAIT_MS: Final = 100
SILENT_READS_MAX: Final = 20
"""What Redis has was there to be read: a topic that does not bring it within so many reads is another one."""
SHOWN_MAX: Final = 20

Standing = dict[str, tuple[str, int, Any]]
"""Segment -> since, times, attached values: what must agree."""


@dataclass(slots=True)
class Report:
    """Result of a comparison. `wrong`: user -> what Redis has and what is expected."""

    users: int = 0
    memberships: int = 0
    wrong: dict[str, tuple[Standing, Standing]] = field(default_factory=dict)
    unlisted: list[tuple[str, str]] = field(default_factory=list)
    """(segment, user) that stand in only one of the hash and the sorted set."""

    @property
    def right(self) -> bool:
        """True if nothing was wrong."""
        return not self.wrong and not self.unlisted


class Model:
    """Expected memberships of one partition, as far as it has been read."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._sequences: dict[str, int] = {}
        self._segments: dict[str, Standing] = {}
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
        for each in await read_standings(profiles):
            self._sequences[each.user] = each.sequence
            self._segments[each.user] = {name: _essence(entry) for name, entry in each.entries}

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
        if change.change == "exited":
            segments.pop(change.segment, None)
            return
        before = segments.get(change.segment)
        since = before[0] if before is not None and change.change == "updated" else change.at
        segments[change.segment] = (since, change.times, attach)

    @property
    def users(self) -> list[str]:
        """Everyone who is in something."""
        return [user for user, segments in self._segments.items() if segments]

    def of(self, user: str) -> Standing:
        """Returns the memberships of a user."""
        return dict(self._segments.get(user, {}))


async def verify(settings: Settings, view: View) -> Report:
    """Compares everything.

    UserError where Redis holds no projection, or that of another topic, or a partition has not been begun.
    """
    state = await view.state()
    report = Report()
    async with AsyncExitStack() as stack:
        client = await connect(settings)
        stack.push_async_callback(client.close)
        readers = LogReaders(client, settings, committed_only=await has_transactions(client))
        await stack.enter_async_context(readers)
        models: list[Model] = []
        for partition in range(settings.partitions):
            position = state.get(f"position:{partition}", "")
            if not position.isdigit():
                raise UserError(
                    f"partition {partition} is not in this Redis yet"
                    if "generation" in state
                    else "this Redis holds no memberships",
                    hint="start shoal memberships run, and wait until it is ready",
                )
            model = Model(readers.open(settings.topics.changes, partition))
            await model.begin(readers.open(settings.topics.profiles, partition))
            models.append(model)
        try:
            await _compare(settings, view, models, report)
        except OffsetLostError as error:
            raise UserError(
                f"{error}: this Redis was filled from another topic",
                hint="shoal memberships rebuild rebuilds it, while shoal memberships run is running",
            ) from None
    return report


async def _compare(settings: Settings, view: View, models: Sequence[Model], report: Report) -> None:
    suspects: set[str] | None = None
    wrong: dict[str, tuple[Standing, Standing]] = {}
    for _ in range(ROUNDS_MAX):
        await _catch_up(view, models)
        users = await _all_users(view, models) if suspects is None else suspects
        before = {user: _model(models, user, settings).of(user) for user in users}
        found = await _read_users(view, users)
        await _catch_up(view, models)
        wrong = {}
        for user in users:
            after = _model(models, user, settings).of(user)
            if found[user] != before[user] and found[user] != after:
                wrong[user] = (found[user], after)
        if suspects is None:
            report.users = len(users)
            report.memberships = sum(map(len, found.values()))
            report.unlisted = await _unlisted(view, found)
        suspects = set(wrong)
        if not suspects:
            break
    report.wrong = wrong


async def _catch_up(view: View, models: Sequence[Model]) -> None:
    state = await view.state()
    for partition, model in enumerate(models):
        position = state.get(f"position:{partition}", "")
        if position.isdigit():
            await model.move_to(int(position))


def _model(models: Sequence[Model], user: str, settings: Settings) -> Model:
    return models[partition_of(user.encode(), settings.partitions)]


async def _all_users(view: View, models: Sequence[Model]) -> set[str]:
    users = {user for model in models for user in model.users}
    prefix = view.keys.user("")
    async for key in view.redis.scan_iter(match=view.keys.patterns[0], count=2_000):
        users.add(key.decode().removeprefix(prefix))
    return users


async def _read_users(view: View, users: Iterable[str]) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    names = sorted(users)
    for start in range(0, len(names), USERS_A_CALL):
        some = names[start : start + USERS_A_CALL]
        async with view.redis.pipeline(transaction=False) as pipeline:
            for user in some:
                pipeline.hgetall(view.keys.user(user))
            answers = await pipeline.execute()
        for user, entries in zip(some, answers, strict=True):
            found[user] = {name.decode(): _essence(decode_entry(value)) for name, value in entries.items()}
    return found


async def _unlisted(view: View, found: dict[str, Standing]) -> list[tuple[str, str]]:
    """Memberships that the sorted set of their segment lacks; of users who have changed meanwhile nothing is said."""
    pairs = [(segment, user) for user, segments in found.items() for segment in segments]
    missing: list[tuple[str, str]] = []
    for start in range(0, len(pairs), USERS_A_CALL):
        some = pairs[start : start + USERS_A_CALL]
        async with view.redis.pipeline(transaction=False) as pipeline:
            for segment, user in some:
                pipeline.zscore(view.keys.segment(segment), user)
                pipeline.hexists(view.keys.user(user), segment)
            answers = await pipeline.execute()
        for pair, score, there in zip(some, answers[::2], answers[1::2], strict=True):
            if score is None and there:
                missing.append(pair)
    return missing


def _essence(entry: Entry) -> tuple[str, int, Any]:
    return entry.since, entry.times, entry.attach
