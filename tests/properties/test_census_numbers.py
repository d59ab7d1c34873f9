"""The numbers of a census are near the exact ones, and the same bytes whatever partitions, batches and crashes.

TRUTH_POPULATIONS: how many random populations are counted (12); TRUTH_SEED: the seed of the first one.
"""

import json
import math
import os
import random
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Final

import pytest

from app.events.control_record import read_control
from app.offline.backtest import FileRecord
from app.population.census import CensusStep, Ledger
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.population_events import Begun, Counted, counted_of, encode_population, read_population
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import UserCount
from app.segments.evaluation.population_histogram import add_all, bucket_of, top_threshold
from app.segments.evaluation.population_numbers import census_record
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition

FIRST: Final = int(os.environ.get("TRUTH_SEED", "0"))
POPULATIONS: Final = int(os.environ.get("TRUTH_POPULATIONS", "12"))
USERS_MAX: Final = 50_000
USERS_OF_EVENTS_MAX: Final = 1_500
CENSUS: Final = 7
SHARES: Final = (1, 50, 1_000, 3_333, 5_000, 6_700, 9_999)
"""In hundredths of a percent."""
TEXT: Final = "sum(x of 'A')"
RULES: Final = TimeRules(disorder_ms=0)
ALLOWED: Final = Fraction(2, 100)

FILES: Final = {
    "some.yaml": "segment: some\nwhen: exists('A')\n",
    "few.yaml": "segment: few\nwhen: segment_size('some') < 7 and exists('A')\n",
} | {f"top{share}.yaml": f"segment: top{share}\nwhen: {TEXT} >= top({share / 100:g}%)\n" for share in SHARES}
PROGRAM: Final = compile_catalog(load_catalog(FILES), RULES)
NAMES: Final = {share: f"top({share / 100:g}%) of {TEXT}" for share in SHARES}

Kind = Callable[[random.Random], float]
KINDS: Final[dict[str, Kind]] = {
    "few whole numbers, so many ties": lambda chance: chance.randint(1, 9),
    "whole numbers": lambda chance: chance.randint(1, 10**9),
    "one value": lambda chance: 19.99,
    "log-normal": lambda chance: round(chance.lognormvariate(3, 2), 6),
    "long tail": lambda chance: round(chance.paretovariate(0.5), 2),
    "evenly spread fractions": lambda chance: round(chance.uniform(0, 1), 6),
    "refunds": lambda chance: round(chance.gauss(0, 100), 2),
    "below zero": lambda chance: -chance.random(),
    "nearly nobody above zero": lambda chance: chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 3.5)),
    "tiny and huge": lambda chance: chance.choice((0.000001, 0.5, 1, 10**6, 10**11)),
}


def kind_of(seed: int) -> str:
    """The kind of a random population, in words."""
    return list(KINDS)[seed % len(KINDS)]


def values_of(seed: int, users_max: int) -> list[float]:
    """A random population of 1 to `users_max` users: as many small ones as large ones."""
    chance = random.Random(seed)
    count = round(math.exp(chance.uniform(0, math.log(users_max))))
    return [KINDS[kind_of(seed)](chance) for _ in range(count)]


def exact(values: Sequence[float], share: int) -> Fraction | None:
    """The value of the last user of the highest share of those above zero."""
    above = sorted((value for value in values if value > 0), reverse=True)
    return Fraction(str(above[-(-len(above) * share // 10_000) - 1])) if above else None


def events_of(values: Sequence[float], chance: random.Random) -> list[tuple[bytes, bytes]]:
    """The events of these users in any order, with their keys: of some users two events with the value in all."""
    said = []
    for number, value in enumerate(values):
        is_split = value == int(value) and chance.random() < 0.3
        parts = (int(value) // 2, value - int(value) // 2) if is_split else (value,)
        said += [(f"u{number}", f"m{number}-{part}", x) for part, x in enumerate(parts)]
    chance.shuffle(said)
    return [event(user, message, x) for user, message, x in said]


def event(user: str, message: str, x: float) -> tuple[bytes, bytes]:
    said = {"type": "track", "event": "A", "userId": user, "messageId": message, "properties": {"x": x}}
    return user.encode(), json.dumps({**said, "timestamp": "2026-01-05T00:00:00.000Z"}).encode()


def counted(events: Sequence[tuple[bytes, bytes]], partitions: int, chance: random.Random) -> list[Counted]:
    """The counts of the partitions, in any order of partitions; events behind the record of the census do not count."""
    logs: list[list[FileRecord]] = [[] for _ in range(partitions)]

    def put(number: int, key: bytes | None, value: bytes) -> None:
        logs[number].append(FileRecord(len(logs[number]), -1, key, value))

    for key, value in events:
        put(partition_of(key, partitions), key, value)
    for number in range(partitions):
        put(number, None, census_record(RULES.app, CENSUS))
    for number in range(30):
        key, value = event(f"u{number}", f"later{number}", 10**7)
        put(partition_of(key, partitions), key, value)
    found = [
        counted_of(count, partition=number) for number in range(partitions) for count in played(logs[number], chance)
    ]
    chance.shuffle(found)
    return found


def played(log: Sequence[FileRecord], chance: random.Random) -> list[UserCount]:
    """The counts of one log, in batches of any size. Now and then a worker dies before a batch is written, or after."""
    core, written, position, found = Partition(PROGRAM, RULES), dict[str, bytes](), b"", list[UserCount]()
    at = 0
    while at < len(log):
        batch = core.process(log[at : at + chance.choice((1, 7, 100, 1_000, 5_000))])
        is_lost = chance.random() < 0.1
        if not is_lost:
            at, position = batch.next_offset, core.position()
            written |= {user: each for user, each in batch.profiles.items() if each is not None}
            found += batch.counts
        if is_lost or chance.random() < 0.1:
            core = Partition(PROGRAM, RULES)
            for user, profile in written.items():
                core.restore(user, profile, offset=at)
            if position:
                core.restore_position(position)
    return found


def published(counts: Iterable[Counted], partitions: int) -> CensusStep:
    """The result, and the record with the numbers, of these counts."""
    ledger = Ledger(RULES.app)
    ledger.take(Begun(app=RULES.app, census=CENSUS, at_ms=CENSUS, partitions=partitions))
    for count in counts:
        ledger.take(read_population(encode_population(count)))
    assert not ledger.missing
    return ledger.publish()


def is_near(number: float | None, wanted: Fraction | None) -> bool:
    """True if it is at most 2 % less than the exact one, and not more; or if both are missing."""
    if number is None or wanted is None:
        return number is None and wanted is None
    return wanted * (1 - ALLOWED) <= Fraction(str(number)) <= wanted


@pytest.mark.parametrize("seed", range(FIRST, FIRST + POPULATIONS))
def test_thresholds_are_at_most_2_percent_below_the_exact_ones_however_users_are_spread(seed: int) -> None:
    values, chance = values_of(seed, USERS_MAX), random.Random(seed)
    parts: list[dict[int, int]] = [{} for _ in range(chance.randint(1, 24))]
    for value in values:
        bucket = bucket_of(value)
        if bucket is not None:
            own = chance.choice(parts)
            own[bucket] = own.get(bucket, 0) + 1
    total = add_all(parts)
    for share in SHARES:
        found, wanted = top_threshold(total, share), exact(values, share)
        assert is_near(found, wanted), f"seed {seed}, {kind_of(seed)}, {len(values)} users: {found} for {wanted}"


@pytest.mark.parametrize("seed", range(FIRST, FIRST + POPULATIONS))
def test_numbers_are_the_same_bytes_whatever_partitions_batches_and_crashes(seed: int) -> None:
    values, chance = values_of(seed, USERS_OF_EVENTS_MAX), random.Random(seed)
    one = published(counted(events_of(values, chance), 1, chance), 1)
    said = f"seed {seed}, {kind_of(seed)}, {len(values)} users"
    numbers = read_control(one.control).numbers
    for share, name in NAMES.items():
        assert is_near(numbers[name], exact(values, share)), f"{said}: {numbers[name]} for {exact(values, share)}"
    assert numbers["segment_size('some')"] == len(values), said
    for _ in range(3):
        partitions = chance.randint(1, 7)
        other = published(counted(events_of(values, chance), partitions, chance), partitions)
        assert other.control == one.control, f"{said}, {partitions} partitions"
        assert encode_population(other.event) == encode_population(one.event), f"{said}, {partitions} partitions"
