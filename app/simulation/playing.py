"""Plays records into a topic: as fast as they go, or each at its time."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from app.simulation.pace import Pace
from app.simulation.record import Record
from app.simulation.writer import TopicWriter

#: Messages of the same few milliseconds share a batch.
_TICK_S: Final = 0.02
#: Behind its schedule or without one, records are sent after this number at the latest.
_FLUSH_RECORDS: Final = 512


@dataclass(slots=True)
class Played:
    """Progress of playing; `shop_ms` is the latest record's timestamp, -1 before the first.

    `behind_s` says how far the writer lags its schedule.
    """

    records: int = 0
    value_bytes: int = 0
    shop_ms: int = -1
    behind_s: float = 0.0


async def play(
    records: Iterable[Record],
    writer: TopicWriter,
    *,
    played: Played,
    pace: Pace | None = None,
    end_s: float | None = None,
    sent: Callable[[Record], None] | None = None,
) -> None:
    """Writes the records, each when its `pace` says (None: at once), until they end or the monotonic clock is `end_s`.

    `played` is kept current for whoever shows it; `sent` hears of each record as it is handed over.
    """
    horizon_ms = -1
    for record in records:
        if pace is None:
            over = played.records % _FLUSH_RECORDS == 0 and _is_over(end_s)
        elif record.timestamp_ms > horizon_ms:
            await writer.flush()
            over = not await _wait(pace.due_s(record.timestamp_ms), end_s)
            horizon_ms = max(record.timestamp_ms, pace.shop_ms(time.monotonic()))
            played.behind_s = 0.0
        else:
            over = False
            if played.records % _FLUSH_RECORDS == 0:
                await writer.flush()
                over = _is_over(end_s)
                played.behind_s = max(0.0, time.monotonic() - pace.due_s(record.timestamp_ms))
        if over:
            break
        await writer.add(record)
        if sent is not None:
            sent(record)
        played.records += 1
        played.value_bytes += len(record.value or b"")
        played.shop_ms = max(played.shop_ms, record.timestamp_ms)
    await writer.settle()


def _is_over(end_s: float | None) -> bool:
    return end_s is not None and time.monotonic() >= end_s


async def _wait(due_s: float, end_s: float | None) -> bool:
    """Waits for `due_s`, at least a tick; False if the end comes first."""
    until_s = due_s if end_s is None else min(due_s, end_s)
    await asyncio.sleep(max(_TICK_S, until_s - time.monotonic()))
    return end_s is None or due_s < end_s
