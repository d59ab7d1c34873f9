"""A large shop for the console: 2,000 definitions, a million users with profiles and memberships, recent events."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from redis import Redis

from app.events.instants import iso
from app.main import load_program
from app.offline.backtest import FileRecord
from app.runtime.application import own_topics
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import NO_HEADERS, Row
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.records.envelope import POSITION_KEY, Reached, StoredPosition, encode_position, plain_prefix
from app.runtime.redis_keys import RedisKeys
from app.segments.compiler.program import Program
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from app.settings import Settings

DEFINITIONS: Final = 2_000
KINDS: Final = 40
DAYS: Final = 7
USERS: Final = 1_000_000
EVENTS: Final = 200_000
SAMPLES: Final = 500
EVENTS_A_SAMPLE: Final = 6
START_MS: Final = 1_767_571_200_000  # 2026-01-05
ROWS_A_WRITE: Final = 20_000


def write_definitions(folder: Path) -> None:
    """2,000 segments that share 40 kinds of events in windows of one to seven days, so that a profile stays small."""
    folder.mkdir()
    for number in range(DEFINITIONS):
        lines = [
            f"segment: {segment_name(number)}",
            f"title: The {number}th group of people",
            f"owner: team-{number % 25}",
            f"tags: [t-{number % 12}]",
            f"when: count('Event {number % KINDS}' within {number % DAYS + 1}d) >= {2 + number // KINDS}",
        ]
        (folder / f"{segment_name(number)}.yaml").write_text("\n".join(lines) + "\n")


def segment_name(number: int) -> str:
    """The name of a segment."""
    return f"s-{number:04d}"


def user_name(number: int) -> str:
    """The name of a user."""
    return f"user-{number:07d}"


async def fill(settings: Settings) -> None:
    """Makes the topics, and writes what workers, the collector and `shoal memberships` would have written."""
    began_s = time.perf_counter()
    program = load_program(settings.segments, TimeRules())
    say(f"definitions compiled in {time.perf_counter() - began_s:.1f} s")
    client = await connect(settings)
    try:
        await ensure_topics(settings, client, topic_specs(settings, sorted(own_topics(settings, program))))
    finally:
        await client.close()
    core, profiles = _profiles(program)
    await _write_topics(settings, core, profiles)
    say(f"topics written after {time.perf_counter() - began_s:.0f} s")
    await asyncio.to_thread(_write_memberships, settings)
    say(f"memberships written after {time.perf_counter() - began_s:.0f} s")


def _event(user: str, number: int, at_ms: int, kind: int) -> bytes:
    message = {"type": "track", "event": f"Event {kind}", "userId": user, "messageId": f"m{number}"}
    return json.dumps(message | {"timestamp": iso(at_ms), "properties": {"price": number % 200}}).encode()


def _profiles(program: Program) -> tuple[Partition, dict[str, bytes]]:
    """A core that has seen some users, and their encoded profiles with that of the catalog."""
    core, rng = Partition(program, TimeRules()), Random(1)
    users = [f"sample-{each % SAMPLES}" for each in range(SAMPLES * EVENTS_A_SAMPLE)]
    records = []
    for number, user in enumerate(users):
        at_ms = START_MS + number
        records.append(FileRecord(number, at_ms, user.encode(), _event(user, number, at_ms, rng.randrange(KINDS))))
    return core, {user: each for user, each in core.process(records).profiles.items() if each is not None}


async def _write_topics(settings: Settings, core: Partition, profiles: dict[str, bytes]) -> None:
    """The profiles and the position of each partition, and its events."""
    topics, reached = settings.topics, Reached(core.next_offset, core.clock_ms, 1)
    prefix = plain_prefix(reached)
    every = [prefix + each for user, each in profiles.items() if user != CATALOG_KEY]
    position = encode_position(StoredPosition(reached, -1, -1, 0, core.position()))
    catalog = CATALOG_KEY.encode(), prefix + profiles[CATALOG_KEY], NO_HEADERS
    writers = [LogWriter(settings, partition=number) for number in range(settings.partitions)]
    for writer in writers:
        await writer.open()
        await writer.write([(topics.profiles, [catalog])])
    users = (user_name(number).encode() for number in range(USERS))
    stored = ((user, every[number % len(every)], NO_HEADERS) for number, user in enumerate(users))
    await _write_rows(writers, topics.profiles, stored)
    await _write_rows(writers, topics.clickstream, _events())
    for writer in writers:
        await writer.write([(topics.profiles, [(POSITION_KEY, position, NO_HEADERS)])])
        await writer.close()


def _events() -> Iterator[Row]:
    rng = Random(1)
    for number in range(EVENTS):
        user = user_name(rng.randrange(USERS))
        yield user.encode(), _event(user, number, START_MS + number * 100, number % KINDS), NO_HEADERS


async def _write_rows(writers: list[LogWriter], topic: str, rows: Iterator[Row]) -> None:
    """Each row by its key to its partition."""
    while block := list(islice(rows, ROWS_A_WRITE)):
        homes: list[list[Row]] = [[] for _ in writers]
        for row in block:
            homes[partition_of(row[0] or b"", len(writers))].append(row)
        for writer, home in zip(writers, homes, strict=True):
            await writer.write([(topic, home)])


def _write_memberships(settings: Settings) -> None:
    """Each user in two segments; every other one is in one of the first ten."""
    keys = RedisKeys(settings.redis_prefix)
    entry = json.dumps({"since": iso(START_MS), "attach": {}, "times": 1, "version": "1"})
    members: dict[int, dict[str, int]] = {}
    with Redis.from_url(settings.redis_url) as redis:
        waiting: list[bytes] = []
        for number in range(USERS):
            user, drawn = user_name(number), number * 2_654_435_761 % 4_294_967_296
            command = ["HSET", keys.user(user)]
            for each in {drawn % (10 if drawn % 2 else DEFINITIONS), (drawn >> 8) % DEFINITIONS}:
                members.setdefault(each, {})[user] = START_MS + number
                command += [segment_name(each), entry]
            waiting.append(_packed(command))
            if len(waiting) == ROWS_A_WRITE:
                _send(redis, waiting)
                waiting = []
        _send(redis, waiting)
        for each, users in members.items():
            redis.zadd(keys.segment(segment_name(each)), users)
        state = {"generation": "1", "partitions": str(settings.partitions)}
        redis.hset(keys.projection, mapping=state | {f"ready:{each}": "1" for each in range(settings.partitions)})


def _packed(words: list[str]) -> bytes:
    """A command as Redis reads it; the words are ASCII. The client takes ten times as long for it."""
    lines = [f"*{len(words)}", *(line for each in words for line in (f"${len(each)}", each)), ""]
    return "\r\n".join(lines).encode()


def _send(redis: Redis, commands: list[bytes]) -> None:
    """Sends packed commands, and reads their answers."""
    connection: Any = redis.connection_pool.get_connection()
    try:
        connection.send_packed_command([b"".join(commands)])
        for _ in commands:
            connection.read_response()
    finally:
        redis.connection_pool.release(connection)


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
