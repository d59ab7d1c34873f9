"""An hour of steady traffic: the memory of a worker stays where it is, and every change is the right one."""

import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.events.instants import iso
from app.segments.language.durations import parse_duration
from app.simulation.record import Homes, Record
from tests.faults.deployment import DAY_MS, PARTITIONS, START_MS, Deployment, passes, tell
from tests.faults.verdict import compare_changes, problems_of

SOAK_MS: Final = parse_duration(os.environ.get("FAULTS_SOAK", "1h"))
EVENTS_A_S: Final = 500
USERS: Final = 2_000
#: The longest windows of the shipped segments are full after a fifth of the time.
WARM_UP_DAYS: Final = 40
EVENTS: Final = ("Product Viewed", "Product Viewed", "Product Added", "Order Completed", "Products Searched")
GROWTH_MAX: Final = 0.05
GROWTH_MIB_MAX: Final = 16


def visitors(events: int, *, seed: int) -> Iterator[Record]:
    """The same users again and again, each time a little later."""
    chance, homes = random.Random(seed), Homes(PARTITIONS)
    step_ms = 5 * WARM_UP_DAYS * DAY_MS / events
    for number in range(events):
        user = f"u-{chance.randrange(USERS)}"
        at_ms = START_MS + int(number * step_ms)
        message = {
            "type": "track",
            "event": chance.choice(EVENTS),
            "userId": user,
            "messageId": f"m{number}",
            "timestamp": iso(at_ms),
            "properties": {"product_id": f"p-{chance.randrange(50)}", "price": 20, "query": "tea"},
        }
        yield Record(homes[user.encode()], user.encode(), json.dumps(message).encode(), at_ms)


def resident_mib(pid: int) -> float:
    """Memory that a process holds now (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.faults
@pytest.mark.timeout(600 + SOAK_MS // 1000)
async def test_memory_stays_flat_under_steady_traffic(on_kafka: Deployment, seed: int) -> None:
    deployment = on_kafka
    seconds = SOAK_MS // 1000
    records = visitors(seconds * EVENTS_A_S, seed=seed)
    deployment.start("first", given={"batch_records_max": "5000", "pace": "20ms", "idle_clock": "off"})
    await deployment.until_member("first")
    held: list[float] = []
    began_s = time.monotonic()
    for second in range(seconds):
        await deployment.send([next(records) for _ in range(EVENTS_A_S)])
        held.append(resident_mib(deployment.workers["first"].pid))
        await passes(max(0.0, began_s + second + 1 - time.monotonic()))
    deployment.tally.faults["minute of steady traffic"] = seconds // 60
    await deployment.until_done(deployment.sent)
    fifth = len(held) // 5
    before, after = statistics.median(held[fifth : 2 * fifth]), statistics.median(held[-fifth:])
    tell(f"{deployment.sent:,} events; {before:.0f} MiB in the second fifth of the time, {after:.0f} in the last")
    assert after < before * (1 + GROWTH_MAX) + GROWTH_MIB_MAX
    assert problems_of(await compare_changes(deployment, timeout_s=120), repeats=False) == []
