"""Figures of the moment from Kafka: how many events come, how far the workers are, what could not be used.

They are read when somebody asks, at most every few seconds; while nobody does, nothing is read.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from app.errors import UserError
from app.events.instants import iso
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.records.envelope import POSITION_KEY, Reached, decode_position
from app.segments.partition.position import read_position
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.verification.topic_contents import NOWHERE, Cluster

FRESH_S: Final = 2.0
TIMEOUT_S: Final = 8.0
FIRST_TAIL: Final = 200
TAIL_MAX: Final = 20_000
LETTERS_SHOWN: Final = 20
LETTERS_READ: Final = 500
RETRY_AFTER_S: Final = 3


class PartitionState(msgspec.Struct, frozen=True):
    """One partition. `behind`: events that no worker has taken in yet. `clock`: of the worker; null: none was there.

    `version`: of the catalog with which the worker has come there.
    """

    partition: int
    end: int
    behind: int
    clock: str | None
    version: str | None


class Letters(msgspec.Struct, frozen=True):
    """Records that could not be used, or came too late: how many are kept, and the reasons of the latest."""

    count: int
    reasons: dict[str, int]
    latest: "list[Letter]"


class Letter(msgspec.Struct, frozen=True):
    """One of them. `user`: the key of the record; null where there is none, or it is hidden."""

    at: str
    reason: str
    detail: str
    user: str | None


class Pulse(msgspec.Struct, frozen=True):
    """All figures. `events_per_s`: null at the first look."""

    at: str
    events: int
    events_per_s: float | None
    behind: int
    partitions: list[PartitionState]
    dead: Letters
    late: Letters


@dataclass(slots=True)
class _Look:
    at_s: float = -1e9
    events: int = 0
    rate: float | None = None
    pulse: Pulse | None = None
    positions: dict[int, tuple[Reached, str | None]] = field(default_factory=dict)


class Pulses:
    """Looks, one at a time; who asks meanwhile gets the same answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looking = asyncio.Lock()
        self._last = _Look()

    async def now(self) -> Pulse:
        """The figures, at most a few seconds old. Problem 503 where Kafka does not answer or no worker ever ran."""
        async with self._looking:
            last = self._last
            if last.pulse is not None and time.monotonic() - last.at_s < FRESH_S:
                return last.pulse
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    return await self._look(last)
            except UserError as error:
                raise Problem(503, "kafka", f"{error}".partition("\n")[0], retry_after_s=RETRY_AFTER_S) from None
            except (KafkaError, OSError, TimeoutError, OffsetLostError):
                raise Problem(503, "kafka", "Kafka does not answer", retry_after_s=RETRY_AFTER_S) from None

    async def _look(self, last: _Look) -> Pulse:
        async with Cluster(self._settings) as cluster:
            topics, now_s = cluster.topics, time.monotonic()
            states = []
            for number in range(cluster.partitions):
                end = await cluster.end_offset(topics.clickstream, number)
                reached, version = await self._reached(cluster, number, last)
                states.append(
                    PartitionState(
                        partition=number,
                        end=end,
                        behind=max(0, end - reached.offset),
                        clock=None if reached is NOWHERE else iso(reached.clock_ms),
                        version=version,
                    )
                )
            events = sum(each.end for each in states)
            rate = last.rate if last.pulse is None else max(0.0, (events - last.events) / (now_s - last.at_s))
            pulse = Pulse(
                at=iso(time.time_ns() // 1_000_000),
                events=events,
                events_per_s=rate,
                behind=sum(each.behind for each in states),
                partitions=states,
                dead=await _letters(cluster, topics.dead_letters),
                late=await _letters(cluster, topics.late),
            )
        last.at_s, last.events, last.rate, last.pulse = now_s, events, rate, pulse
        return pulse

    async def _reached(self, cluster: Cluster, partition: int, last: _Look) -> tuple[Reached, str | None]:
        """The newest position near the end of a partition's changelog, or the one known before."""
        topic = cluster.topics.profiles
        earliest = await cluster.earliest(topic, partition)
        end = await cluster.end_offset(topic, partition)
        tail = FIRST_TAIL
        known = last.positions.get(partition, (NOWHERE, None))
        while True:
            begin = max(earliest, end - tail)
            async for records in cluster.read(topic, partition, begin=begin, until=end):
                for record in records:
                    if record.key == POSITION_KEY and record.value is not None:
                        stored = decode_position(record.value)
                        if stored.reached >= known[0]:
                            known = (stored.reached, read_position(stored.position).version)
            if known[0] is not NOWHERE or begin == earliest or tail >= TAIL_MAX:
                last.positions[partition] = known
                return known
            tail *= 10


async def _letters(cluster: Cluster, topic: str) -> Letters:
    count = 0
    records: list[Any] = []
    try:
        for partition in range(cluster.partitions):
            earliest = await cluster.earliest(topic, partition)
            end = await cluster.end_offset(topic, partition)
            count += end - earliest
            async for some in cluster.read(topic, partition, begin=max(earliest, end - LETTERS_READ), until=end):
                records += some
    except UserError:  # retention took the beginning meanwhile: the next look sees the rest
        pass
    found = [_letter(record) for record in sorted(records, key=lambda record: -record.timestamp)]
    return Letters(count, dict(Counter(each.reason for each in found).most_common()), found[:LETTERS_SHOWN])


def _letter(record: Any) -> Letter:
    said = {name: value.decode(errors="replace") for name, value in record.headers or () if value is not None}
    return Letter(
        at=iso(max(0, record.timestamp)),
        reason=said.get("shoal-reason", "late"),
        detail=said.get("shoal-detail", ""),
        user=None if record.key is None else record.key.decode(errors="replace"),
    )
