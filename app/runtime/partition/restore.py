"""Restore: reads the state of a partition back from its changelog and journal.

Theory of operation. The changelog is a compacted topic: the last value of a user is their profile, in an envelope that
says how far it has come (input offset, clock, number of the commit). The input position is a record in the same topic,
written in the same transaction. One pass reads both to the end as seen on the way; then the journal is read from the
position on.

Without transactions a crash may leave profiles ahead of the position. Then `Restored.resend` has their changes, which
are sent again as they were, never computed again, and records that such a profile has seen are skipped for it.

What must hold: of several values of one user the one that has come furthest counts, not the last in the log, since a
fenced worker may have written late; and nothing here trusts the offset of the consumer group.
"""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass

from app.runtime.partition.environment import Environment, Log
from app.runtime.records.envelope import (
    POSITION_KEY,
    Reached,
    StoredPosition,
    decode_position,
    decode_profile,
    is_further,
    plain_prefix,
)
from app.runtime.records.journal import JournalEntry, Replay, decode_entry
from app.segments.partition.partition import Partition

NOWHERE = Reached(-1, -1)
RECORDS_A_SLICE = 20_000
PROFILES_A_SLICE = 5_000


@dataclass(slots=True)
class Restored:
    """A partition as it was committed last.

    position: None if nothing was ever committed.
    resend: changes, encoded, of profiles beyond the position: nobody knows whether they were sent. In order by user.
    resend_links: link records of the same profiles, each with its key.
    replay: what the journal says for the records from the position on.
    seen: no record before this input offset is new: some profile, or the position, has come so far.
    number: the highest number of a commit that left something behind.
    changelog_end, journal_end: offsets behind what was read.
    """

    core: Partition
    position: StoredPosition | None
    resend: list[bytes]
    resend_links: list[tuple[str, bytes]]
    replay: Replay
    seen: int
    number: int
    changelog_end: int
    journal_end: int
    records: int
    seconds: float


async def restore(
    changelog: Log,
    journal: Log,
    new_core: Callable[[], Partition],
    environment: Environment,
    on_share: Callable[[float], None] = lambda share: None,
    new_values: Callable[[], MutableMapping[bytes, bytes]] = dict,
) -> Restored:
    """Reads both to their end as seen on the way, and builds a core from them.

    Of several values of one user the one that has come furthest counts, not the latest in the log. `on_share` is told
    how much of the changelog is read, from 0 to 1. `new_values` makes what holds the values until all are read.
    """
    began_s = environment.now_s()
    values = new_values()
    changelog_end, records = await _read_values(changelog, values, environment, on_share)
    stored = values.pop(POSITION_KEY, None)
    position = None if stored is None else decode_position(stored)
    reached = NOWHERE if position is None else position.reached
    core = new_core()
    if position is not None:
        core.restore_position(position.position)
    resend: list[bytes] = []
    links: list[tuple[str, bytes]] = []
    seen, number = reached.offset, max(reached.number, 0)
    offset, prefix = (
        -1,
        b"",
    )  # previous value: most values of a commit have the same beginning and contain only a profile
    for count, (user, value) in enumerate(_drain(values), start=1):
        profile: bytes | None
        if prefix and value.startswith(prefix):
            profile = value[len(prefix) :]
        else:
            stored_profile = decode_profile(value)
            profile, come = stored_profile.profile, stored_profile.reached
            seen, number = max(seen, come.offset), max(number, come.number)
            if come > reached:
                resend += stored_profile.changes
                links += stored_profile.links
            offset, prefix = come.offset, plain_prefix(come)
        core.restore(user.decode(), profile, offset=offset)
        if not count % PROFILES_A_SLICE:
            await environment.pause(0)
    entries, journal_end = await _read_entries(journal, 0 if position is None else position.journal_offset)
    replay = Replay(entries, offset=max(reached.offset, 0), clock_ms=reached.clock_ms)
    seconds = environment.now_s() - began_s
    return Restored(core, position, resend, links, replay, seen, number, changelog_end, journal_end, records, seconds)


async def nothing_written_since(log: Log, offset: int) -> bool:
    """True if a log has no record at or beyond an offset: nobody has written to it since then."""
    log.seek(offset)
    while True:
        fetched = await log.read(records_max=1, wait_ms=1)
        if fetched.records:
            await log.stop()
            return False
        if fetched.drained:
            return True


async def _read_values(
    changelog: Log, values: MutableMapping[bytes, bytes], environment: Environment, on_share: Callable[[float], None]
) -> tuple[int, int]:
    first = await changelog.earliest()
    changelog.seek(first)
    count = 0
    while True:
        fetched = await changelog.read(records_max=RECORDS_A_SLICE, wait_ms=1)
        for record in fetched.records:
            key, value = record.key, record.value
            if value is None:
                values.pop(key, None)
            elif (known := values.get(key)) is None or is_further(value, known):
                values[key] = value
        count += len(fetched.records)
        if fetched.drained:
            on_share(1.0)
            return fetched.next_offset, count
        on_share((fetched.next_offset - first) / (fetched.end_offset - first))
        await environment.pause(0)


def _drain(values: MutableMapping[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """All of them; in memory each is gone when it was handed out."""
    if not isinstance(values, dict):
        yield from values.items()
        return
    while values:
        yield values.popitem()


async def _read_entries(journal: Log, offset: int) -> tuple[list[JournalEntry], int]:
    journal.seek(max(offset, await journal.earliest()))
    entries: list[JournalEntry] = []
    while True:
        fetched = await journal.read(records_max=RECORDS_A_SLICE, wait_ms=1)
        entries += (decode_entry(record.value) for record in fetched.records)
        if fetched.drained:
            return entries, fetched.next_offset
