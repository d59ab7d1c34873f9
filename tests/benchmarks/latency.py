"""latency: events into a real Kafka at a steady rate, and how long after an event the change that it causes is read."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.errors import UserError
from app.settings import Settings
from app.simulation.record import Record
from app.simulation.recording import Recording
from app.simulation.writer import ensure_topic
from tests.benchmarks.drain import verify
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.figures import read_figures
from tests.benchmarks.meter import Meter, latency_columns, read_change
from tests.benchmarks.open_loop import TICK_S
from tests.benchmarks.report import Result
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

RATE: Final = 5_000
SHARES_OF_DRAIN: Final = (0.25, 0.5)
DRAINED: Final = "kafka, exactly-once"
SECONDS: Final = 35
WARM_UP_SHARE: Final = 1 / 7
EVENTS_MAX: Final = 1_000_000
#: If there are not enough events, they are sent again with other names, at most this many times.
COPIES_MAX: Final = 4
ON_ITS_WAY_S: Final = 2.0
_MESSAGE_ID: Final = re.compile(rb'"messageId":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Load:
    """One row: `rate` is in events a second."""

    delivery: str
    what: str
    rate: float


def drain_rate(folder: Path) -> float | None:
    """Events a second of the drain that was measured into a folder; None if there is no valid one."""
    try:
        _, figures = read_figures(folder / "drain.json")["drain"]
    except (UserError, KeyError):
        return None
    found = figures.by_name().get(DRAINED, {}).get("events_a_s")
    return None if figures.invalid or not isinstance(found, float) else found


def run(workload: Workload, *, drain_a_s: float | None = None) -> Result:
    """At a rate that is always the same, and at shares of the rate that drain came to, if that is known."""
    loads = [Load("exactly-once", f"{RATE:,}/s", RATE), Load("at-least-once", f"{RATE:,}/s", RATE)]
    if drain_a_s is not None:
        loads += [Load("exactly-once", f"{100 * share:.0f} % of drain", share * drain_a_s) for share in SHARES_OF_DRAIN]
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    rows, invalid = [], []
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in found:
            for load in loads if broker.transactions else ():
                row, wrong = _measure(workload, broker, load, Path(temporary))
                rows.append(row)
                invalid += [f"{row['run']}: {wrong}"] if wrong else []
    events = _events(workload, RATE)
    return Result.on_kafka("latency", workload.source, workload.seed, events, calibration_us, rows, invalid)


def _measure(workload: Workload, broker: Broker, load: Load, folder: Path) -> tuple[dict[str, Any], str]:
    settings = settings_for(f"latency-{load.delivery}-{load.rate:.0f}", broker)
    asyncio.run(ensure_topic(settings, exactly=True))
    records, meter = meter_of(workload, settings, load.rate)
    with MeasuredWorker(settings, folder, given={"delivery": load.delivery, "idle_clock": "on"}) as worker:
        worker.until_ready()
        began_cpu_s = worker.cpu_s()
        asyncio.run(meter.run(ticks(records, load.rate), began_s=None, on_its_way_s=ON_ITS_WAY_S))
        cpu_s = worker.cpu_s() - began_cpu_s
        result = asyncio.run(verify(settings))
        worker.end()
    row = {
        "run": f"{broker.name}, {load.delivery}, {load.what}",
        "events_a_s": meter.records / meter.seconds,
        **latency_columns(latency_s for _, latency_s in meter.seen),
        "generator_late_p99_ms": 1000 * meter.lag_p99_s,
        "generator_cpu_share": meter.cpu_share,
        "worker_cpu_share": cpu_s / (meter.seconds + ON_ITS_WAY_S),
        "equal": "yes" if result.equal else "no",
    }
    return row, meter.too_late or ("" if result.equal else "a change is missing or wrong")


def meter_of(workload: Workload, settings: Settings, rate: float) -> tuple[list[Record], Meter]:
    """The events of some time at a rate, and what measures the changes that they cause."""
    lines = list(workload.repeated(_events(workload, rate)))
    records = list(Recording(lines, partitions=PARTITIONS, rules=settings.time_rules).records())
    due_s: dict[str, float] = {}
    for tick, due in enumerate(ticks(records, rate)):
        for record in due:
            if found := _MESSAGE_ID.search(record.value or b""):
                due_s[found[1].decode()] = tick * TICK_S
    warm_up_s = WARM_UP_SHARE * len(lines) / rate
    return records, Meter(settings, settings.topics.changes, message_of, due_s, warm_up_s=warm_up_s)


def _events(workload: Workload, rate: float) -> int:
    return min(int(rate * SECONDS), EVENTS_MAX, COPIES_MAX * workload.events)


def ticks(records: Sequence[Record], rate: float) -> Iterator[list[Record]]:
    """The events that are due at each tick."""
    assert rate * TICK_S >= 1, rate
    waiting = iter(records)
    sent = 0
    for tick in count(1):
        due = list(islice(waiting, int(rate * TICK_S * tick) - sent))
        if not due:
            return
        sent += len(due)
        yield due


def message_of(value: bytes) -> str | None:
    """The message that a change was caused by; None for a timer and the like."""
    change = read_change(value)
    return change.cause.message_id if change.cause.kind == "event" else None
