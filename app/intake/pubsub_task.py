"""Intake of a subscription of Pub/Sub: messages are acknowledged when what they came to is committed.

A subscription has no position: what is not acknowledged comes again. So the ids of the messages are kept with what they
brought, and a message whose id is kept is only acknowledged.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from functools import partial

import msgspec

from app.intake.positions import Positions
from app.intake.pubsub_client import Message, PubSubClient, ThrottledError
from app.intake.stream_task import StreamRecord, StreamTask
from app.intake.streams import Stream
from app.runtime.kafka.record_batch import Row
from app.settings import Settings

PLACE = "message"
"""Stands for the partition in the place of a message: a subscription has none."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[str]).decode


class KeptIds:
    """Ids of the messages that were written last, in batches, each under a number of its own."""

    def __init__(self, positions: Positions) -> None:
        self._batches = deque((int(name), _decode(value)) for name, value in sorted(positions.values.items()))
        self._ids = {each for _, ids in self._batches for each in ids}

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._ids

    def after(self, ids: list[str], ids_max: int) -> tuple[int, list[int]]:
        """The number of a next batch, and those of the oldest, which are too many with it."""
        total, dropped = len(self._ids) + len(ids), []
        for number, some in self._batches:
            if total <= ids_max:
                break
            total -= len(some)
            dropped.append(number)
        return (self._batches[-1][0] if self._batches else 0) + 1, dropped

    def add(self, number: int, ids: list[str], dropped: Sequence[int]) -> None:
        """A batch is committed, and the oldest are dropped."""
        for _ in dropped:
            self._ids.difference_update(self._batches.popleft()[1])
        self._batches.append((number, ids))
        self._ids.update(ids)


class PubSubTask(StreamTask):
    """Reads one subscription, as a whole: a second reader could write what the first one has in doubt."""

    _kept: KeptIds

    @staticmethod
    def control_partitions(settings: Settings) -> int:
        """One."""
        return 1

    @staticmethod
    async def check(settings: Settings, stream: Stream) -> None:
        """See `StreamTask`."""
        with closing(PubSubClient(settings, stream)) as client:
            await client.open()

    async def serve(self, positions: Positions) -> None:
        """See `StreamTask`."""
        self._kept = KeptIds(positions)
        with closing(PubSubClient(self._settings, self._stream)) as client:
            await client.open()
            self.got_on()
            while True:
                try:
                    messages = await client.pull()
                    if messages:
                        await self.hand_over(partial(self._take, messages), offset=self.next_batch())
                        await client.acknowledge(messages)
                except ThrottledError:
                    self._metrics.intake_failed(self._stream.source, "throttled")
                    await asyncio.sleep(self._settings.pubsub_wait_ms / 1000)
                    continue
                self.got_on()
                oldest_ms = min((each.published_ms for each in messages), default=None)
                behind_s = 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000)
                self._metrics.behind(f"intake {self._stream.source}", PLACE, behind_s)
                await asyncio.sleep(self._settings.pace_ms / 1000)

    async def _take(self, messages: Sequence[Message]) -> None:
        """Runs in the agent: transforms and writes what has not been written yet."""
        fresh = {each.id: each for each in messages if each.id not in self._kept}
        self._metrics.intake(self._stream.source, "repeated", len(messages) - len(fresh))
        if not fresh:
            return
        ids = list(fresh)
        number, dropped = self._kept.after(ids, self._settings.pubsub_ids_max)
        rows: list[Row] = [self.position_row(f"{each:016}", None) for each in dropped]
        rows.append(self.position_row(f"{number:016}", _encode(ids)))
        await self.write(
            self.transformed([_record(each) for each in fresh.values()], partition=None), rows, records=len(fresh)
        )
        self._kept.add(number, ids, dropped)


def _record(message: Message) -> StreamRecord:
    return StreamRecord(
        partition=PLACE,
        offset=message.id,
        timestamp=message.published_ms,
        key=message.ordering_key.encode() or None,
        value=message.data,
    )
