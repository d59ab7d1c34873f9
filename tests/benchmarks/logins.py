"""logins: a worker that merges visitors into users, against one without logins: topic that is full, and steady rate."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from app.simulation.recording import Recording
from app.simulation.writer import ensure_topic
from tests.benchmarks.drain import Task, measure, verify
from tests.benchmarks.events import ROOT, Workload, calibrate
from tests.benchmarks.latency import ON_ITS_WAY_S, RATE, SECONDS, WARM_UP_SHARE, ticks
from tests.benchmarks.meter import Meter, latency_columns
from tests.benchmarks.open_loop import TICK_S
from tests.benchmarks.report import Result
from tests.benchmarks.worker import PARTITIONS, MeasuredWorker, brokers, settings_for
from tests.support.broker import Broker

#: One event in so many is a login.
EVERY: Final = 10
#: Of one user: `devices_max`.
LOGINS_MAX: Final = 20
#: Without and with logins in turn, so that a busy moment of the machine meets both.
ROUNDS: Final = ("first round", "second round")
MERGED: Final = ("given", "empty")
DELIVERY: Final = "exactly-once"
_VISITOR: Final = re.compile(rb'"anonymousId":"([^"]+)"')
_USER: Final = re.compile(rb'"userId":"[^"]*",')
_AT: Final = re.compile(rb'"timestamp":"([^"]+)"')
#: Far below the lateness: a login in a late event claims nothing.
BEHIND_MAX: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Logins:
    """The events of a shop; at every tenth its visitor logs in, and comes back with another anonymous id.

    Not `fresh`: the visitor stays logged in, with the same anonymous id on each event, and later logins say it again.
    Without `users`, the same events of the same anonymous ids, and nobody says who they are.
    """

    workload: Workload
    users: bool = True
    fresh: bool = True

    @property
    def events(self) -> int:
        """The number of messages."""
        return self.workload.events

    @property
    def seed(self) -> int:
        """Of a simulated shop."""
        return self.workload.seed

    @property
    def source(self) -> str:
        """In words."""
        return f"{self.workload.source}, every tenth event a login" if self.users else self.workload.source

    @property
    def logins(self) -> int:
        """The number of anonymous ids that a login claims."""
        if not self.users:
            return 0
        found = (_VISITOR.search(line) for line in self.lines() if b'"userId":"' in line)
        return len({visitor[1] for visitor in found if visitor})

    def lines(self) -> Iterator[bytes]:
        """The messages, in the order of sending."""
        return with_logins(self.workload.lines(), users=self.users, fresh=self.fresh)


def with_logins(lines: Iterator[bytes], *, users: bool = True, fresh: bool = True) -> Iterator[bytes]:
    """The messages of visitors; every tenth has a user, too, and the visitor's next one a new anonymous id.

    So each login claims an id that no login has claimed before: all of them merge, since none is in a late event. Who
    logs in very often is another user now and then, since a user can get only so many ids. Not `fresh`: the visitor's
    next ones have the user and the same anonymous id.
    """
    before: Counter[bytes] = Counter()
    newest = b""
    for number, source in enumerate(lines):
        line = _USER.sub(b"", source)
        found = _VISITOR.search(line)
        if found is None:
            yield line
            continue
        at = _AT.search(line)
        newest = max(newest, at[1] if at else b"")
        visitor = found[1]
        logins = before[visitor] if fresh else 0
        fields = b'"anonymousId":"%b~%d"' % (visitor, logins)
        is_login = number % EVERY == EVERY - 1 and at and _instant(at[1]) >= _instant(newest) - BEHIND_MAX
        before[visitor] += bool(is_login)
        if users and (is_login or (not fresh and before[visitor])):
            fields += b',"userId":"u-%b~%d"' % (visitor, logins // LOGINS_MAX)
        yield _VISITOR.sub(fields, line, count=1)


def _instant(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())


class _Told(msgspec.Struct):
    """Fields of a record of identity that are needed here."""

    result: str
    from_: str = msgspec.field(name="from")


_read_told: Final = msgspec.json.Decoder(_Told).decode


def run(workload: Workload) -> Result:
    """On Kafka with transactions; every change is compared with a recomputation."""
    rows: list[dict[str, Any]] = []
    invalid: list[str] = []
    calibration_us = calibrate(list(Workload(workload.seed, min(workload.events, 20_000)).lines()))
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        folder = Path(temporary)
        segments = copytree(ROOT / "deploy" / "segments", folder / "segments")
        (segments / "identity.yaml").write_text("")
        for broker in found:
            if not broker.transactions:
                continue
            for measured, wrong in (_drained(workload, broker, segments, folder), _at_a_rate(broker, segments, folder)):
                rows += measured
                invalid += wrong
    return Result.on_kafka(
        "logins", Logins(workload).source, workload.seed, workload.events, calibration_us, rows, invalid
    )


def _drained(
    workload: Workload, broker: Broker, segments: Path, folder: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    pairs = {
        "a tenth are first logins": Logins(workload),
        "a tenth are logins of visitors who stay": Logins(workload, fresh=False),
    }
    rows, invalid = [], []
    for (said, with_users), round_name in product(pairs.items(), ROUNDS):
        plain_cpu_s = 0.0
        without = replace(with_users, users=False)
        for name, load in (("drain without logins", without), (f"drain, {said}", with_users)):
            task = Task(load, segments, broker, DELIVERY, f"{name}, {round_name}")
            figures, result = measure(task, folder, claims=load.logins)
            cpu_s = figures["cpu_s_a_million"]
            plain_cpu_s = plain_cpu_s or cpu_s
            rows.append(
                {
                    "run": task.name,
                    "events_a_s": figures["events_a_s"],
                    "cpu_s_a_million": cpu_s,
                    "times_without": cpu_s / plain_cpu_s,
                    **latency_columns(()),
                    "changes": "",
                    "equal": figures["equal"],
                }
            )
            if not result.equal or result.repeated:
                invalid.append(f"{task.name}: {dict(result.counts)}, {result.repeated} repeated")
    return rows, invalid


def _at_a_rate(broker: Broker, segments: Path, folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    settings = replace(settings_for("logins-at-a-rate", broker), segments=segments)
    asyncio.run(ensure_topic(settings, exactly=True))
    lines = list(with_logins(Workload(1, RATE * SECONDS).lines()))
    records = list(Recording(lines, partitions=PARTITIONS, rules=settings.time_rules).records())
    due_s: dict[str, float] = {}
    for tick, due in enumerate(ticks(records, RATE)):
        for record in due:
            value = record.value or b""
            if b'"userId":"u-' in value and (visitor := _VISITOR.search(value)):
                due_s[visitor[1].decode()] = tick * TICK_S
    warm_up_s = WARM_UP_SHARE * len(lines) / RATE
    meter = Meter(settings, settings.topics.identity, _merged, due_s, warm_up_s=warm_up_s)
    with MeasuredWorker(settings, folder, given={"delivery": DELIVERY, "idle_clock": "on"}) as worker:
        worker.until_ready()
        asyncio.run(meter.run(ticks(records, RATE), began_s=None, on_its_way_s=ON_ITS_WAY_S))
        result = asyncio.run(verify(settings))
        worker.end()
    counted = sum(due >= warm_up_s for due in due_s.values())
    name = f"claim to merge at {RATE:,}/s"
    row = {
        "run": name,
        "events_a_s": meter.records / meter.seconds,
        "cpu_s_a_million": "",
        "times_without": "",
        **latency_columns(latency_s for _, latency_s in meter.seen),
        "equal": "yes" if result.equal else "no",
    }
    wrong = [meter.too_late] if meter.too_late else []
    wrong += [] if result.equal else ["a change is missing or wrong"]
    wrong += [] if len(meter.seen) == counted else [f"{len(meter.seen)} of {counted} logins have merged"]
    return [row], [f"{name}: {each}" for each in wrong]


def _merged(value: bytes) -> str | None:
    told = _read_told(value)
    return told.from_ if told.result in MERGED else None
