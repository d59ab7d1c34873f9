"""The latest changes in memory: what happened lately, by segment, and who went from where to where.

It reads the end of the topic once, then what is written. All of it is bounded; nothing is stored.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.kafka.log_readers import LogReaders, rest
from app.service.ending import end
from app.service.http.http_problem import Problem
from app.service.live.changes import ChangesHub
from app.settings import Settings

TAIL_RECORDS: Final = 2_000
KEPT_MAX: Final = 20_000
PER_SEGMENT_MAX: Final = 50
FLOWS_MAX: Final = 12
RATE_S: Final = 60
WAIT_S: Final = 1.0
RETRY_S: Final = 2.0

log = logging.getLogger(__name__)


class Movement(msgspec.Struct, frozen=True):
    """Users who left a segment and entered another one at the same instant. `source` or `to` null: none."""

    source: str | None = msgspec.field(name="from")
    to: str | None = None
    users: int = 0


class Activity(msgspec.Struct, frozen=True):
    """Entries and exits of a segment among the changes in memory."""

    entered: int
    exited: int


class Seen(msgspec.Struct, frozen=True):
    """Part of a change that is counted."""

    user: str
    segment: str
    change: str
    at: str


_decode_seen: Final = msgspec.json.Decoder(Seen).decode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class ChangeFeed:
    """Follows all changes through the hub of the process."""

    def __init__(self, settings: Settings, hub: ChangesHub) -> None:
        self._settings = settings
        self._hub = hub
        self._seen: deque[Seen] = deque(maxlen=KEPT_MAX)
        self._latest: dict[str, deque[bytes]] = {}
        self._arrivals: deque[float] = deque(maxlen=KEPT_MAX)
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to follow."""
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends that."""
        if self._following is not None:
            await end(self._following)

    @property
    def changes_per_s(self) -> float:
        """Changes a second in the last minute."""
        since_s = time.monotonic() - RATE_S
        while self._arrivals and self._arrivals[0] < since_s:
            self._arrivals.popleft()
        return len(self._arrivals) / RATE_S

    @property
    def since(self) -> str | None:
        """The instant of the oldest change in memory; None if there is none."""
        return min((each.at for each in self._seen), default=None)

    def latest(self, segment: str) -> list[dict[str, Any]]:
        """The latest changes of a segment, the newest first."""
        found = [_decode(value) for value in self._latest.get(segment, ())]
        return sorted(found, key=lambda change: change["at"], reverse=True)

    def activity(self) -> dict[str, Activity]:
        """Entries and exits in memory, by segment."""
        counts = Counter((each.segment, each.change) for each in self._seen)
        return {
            name: Activity(counts[name, "entered"], counts[name, "exited"]) for name in {name for name, _ in counts}
        }

    def movements(self) -> list[Movement]:
        """The most frequent ways between segments, of changes of one user at one instant."""
        steps: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
        for each in self._seen:
            left, entered = steps.setdefault((each.user, each.at), (set(), set()))
            if each.change == "exited":
                left.add(each.segment)
            elif each.change == "entered":
                entered.add(each.segment)
        ways = Counter(
            (source, to) for left, entered in steps.values() for source in left for to in entered if source != to
        )
        return [Movement(source=source, to=to, users=users) for (source, to), users in ways.most_common(FLOWS_MAX)]

    async def _follow(self) -> None:
        while True:
            try:
                for value in await self._tail():
                    self._take(value)
                await self._listen()
            except (KafkaError, OSError, TimeoutError, OffsetLostError, Problem) as error:
                log.info("the changes cannot be followed yet: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        listener = self._hub.listen(user=None, segments=frozenset())
        try:
            while listener.ended is None:
                for _, value in await listener.next(within_s=WAIT_S):
                    self._take(value)
                    self._arrivals.append(time.monotonic())
        finally:
            self._hub.forget(listener)

    async def _tail(self) -> Iterable[bytes]:
        """The end of the topic, oldest first, once the hub follows it."""
        self._seen.clear()
        self._latest.clear()
        partitions = self._hub.partitions_of(None)
        return await read_tails(
            self._settings, self._settings.topics.changes, partitions, TAIL_RECORDS, lambda record: record.value
        )

    def _take(self, value: bytes | None) -> None:
        try:
            seen = _decode_seen(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        self._seen.append(seen)
        self._latest.setdefault(seen.segment, deque(maxlen=PER_SEGMENT_MAX)).append(value or b"")


async def read_tails(
    settings: Settings, topic: str, partitions: Iterable[int], records_max: int, part: Callable[[Any], Any]
) -> list[Any]:
    """`part` of the newest records of each partition, in the order of their timestamps."""
    found: list[tuple[int, Any]] = []
    client = await connect(settings)
    try:
        async with LogReaders(client, settings, committed_only=await has_transactions(client)) as readers:
            for partition in partitions:
                reader = readers.open(topic, partition)
                earliest = await reader.earliest()
                reader.seek(earliest)
                last = (await reader.read(records_max=1, wait_ms=1)).end_offset
                await reader.stop()
                async for some in rest(reader, max(earliest, last - records_max), records_max=records_max):
                    found += [(record.timestamp, part(record)) for record in some.records]
    finally:
        await client.close()
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]
