"""timers: carts that are left alone for some seconds, and how long after these are over the change is read.

A clock stays behind by the allowed disorder, so nothing can be said before that is over too: it is not counted.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from app.events.instants import iso_text
from app.settings import Settings
from app.simulation.record import Homes, Record
from app.simulation.writer import ensure_topic
from tests.benchmarks.drain import verify
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.meter import Meter, latency_columns, read_change
from tests.benchmarks.open_loop import TICK_S
from tests.benchmarks.report import Result
from tests.benchmarks.worker import MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

RATE: Final = 1_000
SECONDS: Final = 30
WARM_UP_S: Final = 2.0
IDLE_S: Final = 5.0
#: Time to build the records, which contain the instants at which they will be sent.
BUILD_S: Final = 5.0
ON_ITS_WAY_S: Final = 3.0
DEFINITION: Final = f"segment: left-alone\nwhen: cart.items > 0 and cart.idle >= {IDLE_S:.0f}s\n"
ADDED: Final = {
    "type": "track",
    "event": "Product Added",
    "properties": {"product_id": "A1", "price": 20, "quantity": 1},
}
DELIVERIES: Final = ("exactly-once", "at-least-once")


def run(workload: Workload) -> Result:
    """Each way of delivery in turn, on the same Kafka; timers due while events come, and those behind the last."""
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    seconds = min(SECONDS, max(1, workload.events // RATE))
    rows, invalid = [], []
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in found:
            for delivery in DELIVERIES if broker.transactions else ():
                measured, wrong = _measure(broker, delivery, seconds, Path(temporary))
                rows += measured
                invalid += [f"{broker.name}, {delivery}: {wrong}"] if wrong else []
    source = f"{RATE:,} users a second put something into their carts, for {seconds} s"
    return Result.on_kafka("timers", source, workload.seed, RATE * seconds, calibration_us, rows, invalid)


def _measure(broker: Broker, delivery: str, seconds: int, folder: Path) -> tuple[list[dict[str, Any]], str]:
    segments = folder / "left-alone"
    segments.mkdir(exist_ok=True)
    (segments / "left-alone.yaml").write_text(DEFINITION)
    settings = replace(settings_for(f"timers-{delivery}", broker), segments=segments)
    asyncio.run(ensure_topic(settings, exactly=True))
    behind_s = settings.disorder_ms / 1000
    due_s = {user: at_s + IDLE_S + behind_s for user, at_s in _users(seconds)}
    meter = Meter(settings, settings.topics.changes, _user_of, due_s, warm_up_s=min(WARM_UP_S, seconds / 4))
    with MeasuredWorker(settings, folder, given={"delivery": delivery, "idle_clock": "on"}) as worker:
        worker.until_ready()
        asyncio.run(_run(meter, settings, seconds, on_its_way_s=IDLE_S + behind_s + ON_ITS_WAY_S))
        result = asyncio.run(verify(settings))
        worker.end()
    end_s = meter.seconds
    in_traffic = [latency_s for at_s, latency_s in meter.seen if at_s < end_s]
    behind = [latency_s for at_s, latency_s in meter.seen if at_s >= end_s]
    rows = [
        {
            "run": f"{broker.name}, {delivery}, {name}",
            **latency_columns(found),
            "generator_late_p99_ms": 1000 * meter.lag_p99_s,
            "generator_cpu_share": meter.cpu_share,
            "equal": "yes" if result.equal else "no",
        }
        for name, found in (("while events come", in_traffic), ("nothing comes", behind))
    ]
    return rows, meter.too_late or ("" if result.equal else "a change is missing or wrong")


async def _run(meter: Meter, settings: Settings, seconds: int, *, on_its_way_s: float) -> None:
    began_s, began_ms = time.perf_counter() + BUILD_S, (time.time() + BUILD_S) * 1000
    await meter.run(_ticks(settings, seconds, began_ms), began_s=began_s, on_its_way_s=on_its_way_s)


def _users(seconds: int) -> Iterator[tuple[str, float]]:
    """Each user once, with the tick that is theirs, in seconds after the beginning."""
    a_tick = round(RATE * TICK_S)
    for number in range(RATE * seconds):
        yield f"t-{number}", number // a_tick * TICK_S


def _ticks(settings: Settings, seconds: int, began_ms: float) -> Iterator[list[Record]]:
    """Returns the events that are due at each tick: one of each of its users, at that very instant."""
    homes = Homes(settings.partitions)
    due: list[Record] = []
    before_s = 0.0
    for user, at_s in _users(seconds):
        if at_s != before_s:
            yield due
            due, before_s = [], at_s
        at_ms = round(began_ms + at_s * 1000)
        who = {"messageId": f"m-{user}", "userId": user, "timestamp": iso_text(at_ms)}
        key, value = user.encode(), msgspec.json.encode(ADDED | who)
        due.append(Record(homes[key], key, value, at_ms))
    yield due


def _user_of(value: bytes) -> str | None:
    change = read_change(value)
    return change.user if change.cause.kind == "time" else None
