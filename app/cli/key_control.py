"""The work of `shoal users split` and `merge`: reads the log, and writes two control records in one transaction."""

import asyncio
import time
from typing import Final

from aiokafka.structs import TopicPartition
from msgspec.structs import replace

from app.catalogs.publishing import published_catalog
from app.errors import UserError
from app.events.control_record import Control, Deed, write_control
from app.events.link_record import LINK_BYTES_MAX, link_id
from app.main import load_program
from app.offline.control_writer import ControlWriter, UnknownKeyError
from app.offline.key_split import KeySplit, Split
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.runtime.records.envelope import decode_profile
from app.runtime.records.journal import JournalEntry, decode_entry
from app.runtime.records.newest_profiles import newest_values
from app.segments.compiler.program import Program, compile_catalog
from app.segments.partition.position import CATALOG_KEY, read_catalog_entry
from tables import profile as profiles
from tables.identity import SPLIT
from tables.profile import INSIDE, Profile

ATTEMPTS_MAX: Final = 20
PAUSE_S: Final = 0.1
READ_RECORDS: Final = 20_000


class KeyControl(ControlWriter):
    """One command, for as long as the `async with` block lasts. UserError where something is refused."""

    def _reader(self, topic: str, partition: int, *, open_too: bool = False) -> LogReader:
        assert self._client is not None, "not entered"
        return LogReader(
            self._client,
            topic=topic,
            partition=partition,
            committed_only=not open_too,
            bytes_max=self._settings.fetch_bytes_max,
        )

    async def _journal(self, partition: int) -> list[JournalEntry]:
        reader = self._reader(self._settings.topics.journal, partition)
        entries: list[JournalEntry] = []
        try:
            reader.seek(await reader.earliest())
            while True:
                fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                entries += [decode_entry(record.value) for record in fetched.records if record.value is not None]
                if fetched.drained:
                    return entries
        finally:
            await reader.stop()

    # ---- merge

    async def merge(self, key: str, user: str) -> None:
        """Moves a key to a user, whatever it is."""
        profile, other = (await self._stored(user))[0], (await self._stored(key))[0]
        for name, found in ((user, profile), (key, other)):
            if found is None:
                raise UnknownKeyError(name, self._settings)
            if found.identity is not None and found.identity.is_suppressed:
                raise UserError(
                    f"{name} is suppressed: all their events are dropped", hint=f"shoal users unsuppress {name}"
                )
        assert profile is not None
        assert other is not None
        if profile.moved_to is not None:
            raise UserError(f"{user} has moved to {profile.moved_to}", hint=f"merge {key} into {profile.moved_to}")
        if other.moved_to == user and other.identity is not None and other.identity.is_forced:
            raise UserError(f"{key} has been moved to {user} already")
        await self._writer.open()
        told = self._control("merge", key, user, _number(profile, key, other, user, self._rules.skew_max_ms))
        await self._write(told, told, None)

    # ---- split

    async def split(self, user: str, key: str, *, write: bool) -> Split:
        """Undoes a link; without `write` it says what would change."""
        profile, catalog = await self._stored(user)
        other = (await self._stored(key))[0]
        if profile is None or catalog is None:
            raise UnknownKeyError(user, self._settings)
        _check_linked(profile, user, key)
        program = await self._program(read_catalog_entry(catalog).version)
        if write:
            await self._writer.open()  # before anything is read: it ends what an earlier command has left open
        number = partition_of(user.encode(), self._partitions)
        journal = await self._journal(number)
        undo = KeySplit(program, self._rules, key=key, user=user, catalog=catalog, journal=journal)
        reader = self._reader(self._topic, number)
        try:
            earliest = await reader.earliest()
            reader.seek(earliest)
            end = await _read_on(reader, undo)
            self._check_whole(earliest, undo, profile, user, number)
            own, _ = undo.profiles()
            if undo.is_split:
                raise UserError(f"{key} was split from {user} already")
            if undo.moved_to is not None:
                raise _moved(user, undo.moved_to)
            found = _difference(program, profile, own, user, key, undo.returned, written=write)
            if write:
                told = self._control("replace", key, user, _number(profile, key, other, user, self._rules.skew_max_ms))
                told = replace(told, version=program.version)
                await self._replace(told, undo, reader, end)
        finally:
            await reader.stop()
        return found

    async def _replace(self, told: Control, undo: KeySplit, reader: LogReader, end: int) -> None:
        """Writes the records of a split, when no record of the user came between those read and them."""
        for _ in range(ATTEMPTS_MAX):
            own, back = undo.profiles()
            if await self._write(_with(told, back), _with(told, own), end):
                return
            await asyncio.sleep(PAUSE_S)  # an event can be read when the transactions before it have ended
            end = await _read_on(reader, undo)
        raise UserError(
            f"{told.to} had events at each of {ATTEMPTS_MAX} attempts: nothing was written",
            hint="run the command again when the user is less active",
        )

    def _check_whole(self, earliest: int, undo: KeySplit, profile: Profile, user: str, number: int) -> None:
        """Refuses a user of whom earlier records may be missing."""
        margin_ms = self._rules.lateness_ms + self._rules.skew_max_ms
        first_ms = undo.first_ms
        if earliest == 0 or (first_ms is not None and profile.first_seen_ms > first_ms + margin_ms):
            return
        raise UserError(
            f"events of {user} may be missing: {self._topic} partition {number} begins at offset {earliest}",
            hint="a split computes the user again from all of their events (retention.ms = -1)",
        )

    # ---- both

    def _control(self, deed: Deed, key: str, user: str, n: int) -> Control:
        app = self._rules.app
        claim_id = link_id(app, key, user, n)
        at_ms = int(time.time() * 1000)
        return Control(deed=deed, app=app, id=claim_id, source=key, to=user, n=n, at_ms=at_ms)

    async def _stored(self, key: str) -> tuple[Profile | None, bytes | None]:
        """The profile of a key, and the catalog's entry of its partition."""
        assert self._client is not None
        name = CATALOG_KEY.encode()
        values = await newest_values(self._client, self._settings, [key], also=[name]) or {}
        held, entry = values.get(key.encode()), values.get(name)
        encoded = None if held is None else decode_profile(held).profile
        profile = None if encoded is None else profiles.decode(encoded)
        return profile, None if entry is None else decode_profile(entry).profile

    async def _program(self, version: str) -> Program:
        """The program of the workers."""
        settings = self._settings
        if settings.catalog == "topic":
            found = await published_catalog(settings)
            program = None if found is None else compile_catalog(found.catalog, self._rules)
        else:
            program = load_program(settings.segments, self._rules)
        if program is None or program.version != version:
            raise UserError(
                f"the workers run the definitions of version {version}, "
                f"here are those of {'none' if program is None else program.version}",
                hint="--segments DIR gives the folder of the workers; --set catalog=topic takes the published ones",
            )
        return program

    async def _write(self, for_key: Control, for_user: Control, end: int | None) -> bool:
        """Writes a record to the key and one to the user, in one transaction. False, and nothing is written, if records
        of the user stand from offset `end` on."""
        writer, producer = self._writer, self._writer.producer
        rows = [self._row(for_key.source, for_key), self._row(for_user.to, for_user)]
        await producer.begin_transaction()
        for row in rows:
            writer.ends.clear()
            await writer.write_to([row])
        own_offset = writer.ends[self._topic] - 1
        if end is not None and await self._has_come(for_user.to, end, own_offset):
            await producer.abort_transaction()
            return False
        await producer.commit_transaction()
        return True

    def _row(self, key: str, control: Control) -> tuple[TopicPartition, list[Row]]:
        value = write_control(control)
        if len(value) > LINK_BYTES_MAX:
            raise UserError(f"what is remembered of {key} is too large to be written: {len(value):,} bytes")
        name = key.encode()
        tp = TopicPartition(self._topic, partition_of(name, self._partitions))
        return tp, [(name, value, [])]

    async def _has_come(self, user: str, first: int, end: int) -> bool:
        """True if a record of the user stands from offset `first` to before `end`, committed or not."""
        name = user.encode()
        reader = self._reader(self._topic, partition_of(name, self._partitions), open_too=True)
        reader.seek(first)
        try:
            while True:
                fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                if any(record.key == name and record.offset < end for record in fetched.records):
                    return True
                if fetched.next_offset >= end:
                    return False
        finally:
            await reader.stop()


async def _read_on(reader: LogReader, undo: KeySplit) -> int:
    """Reads what there is. Returns the offset to go on from."""
    while True:
        fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
        await asyncio.to_thread(undo.take, fetched.records)
        if fetched.drained:
            return fetched.next_offset


def _check_linked(profile: Profile, user: str, key: str) -> None:
    if profile.moved_to is not None:
        raise _moved(user, profile.moved_to)
    claim = None if profile.identity is None else profile.identity.claims.get(key)
    if claim is not None and claim.state == SPLIT:
        raise UserError(f"{key} was split from {user} already")
    if claim is None or claim.is_refused:
        raise UserError(f"{key} is not linked to {user}", hint=f"shoal users show {user} lists the keys of {user}")


def _moved(user: str, to: str) -> UserError:
    return UserError(f"{user} has moved to {to}", hint=f"first undo that: shoal users split {to} {user}")


def _number(profile: Profile, key: str, other: Profile | None, user: str, skew_max_ms: int) -> int:
    """A number of a claim that is higher than those before, which are times of events, and those on their way."""
    claim = None if profile.identity is None else profile.identity.claims.get(key)
    answered = 0 if other is None or other.identity is None else other.identity.answered.get(user, 0)
    return max(int(time.time() * 1000) + skew_max_ms, 0 if claim is None else claim.n, answered) + 1


def _with(told: Control, profile: Profile | None) -> Control:
    return replace(told, profile=b"" if profile is None else profiles.encode(profile, 0, 0))


def _difference(
    program: Program, profile: Profile, own: Profile | None, user: str, key: str, returned: int, *, written: bool
) -> Split:
    before, after = _inside(profile, program), set() if own is None else _inside(own, program)
    leaves, enters = tuple(sorted(before - after)), tuple(sorted(after - before))
    return Split(user=user, key=key, leaves=leaves, enters=enters, returned=returned, written=written)


def _inside(profile: Profile, program: Program) -> set[str]:
    """The segments that a profile is in."""
    names = {segment.id: segment.name for segment in program.segments}
    return {names[own] for own, member in profile.members.items() if member[INSIDE] and own in names}
