"""beside: the worker and the collector alone, and while the console plays three backtests of drafts.

The backtests are processes as the console starts them, of which it runs two at once and refuses a third. Each plays the
latest events of the topic that the worker reads, and is started again when it is done. The collector takes events
over HTTP, a batch at a time, into a topic of its own: their instants are others. The generator of the events is one of
those who share the machine: how late it was is a figure, too, and part of the latencies.
"""

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from app.catalogs.definitions_folder import read_definitions
from app.segments.definitions.catalog import load_catalog
from app.settings import Settings
from app.simulation.writer import ensure_topic
from app.web.jobs.job_process import TextTask
from app.web.jobs.work import Work
from tests.benchmarks.drain import verify
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.latency import ON_ITS_WAY_S, RATE, meter_of, ticks
from tests.benchmarks.meter import latency_columns, percentile
from tests.benchmarks.open_loop import pause
from tests.benchmarks.report import Result
from tests.benchmarks.worker import MeasuredWorker, brokers, settings_for
from tests.service.load import event
from tests.service.process import service_process
from tests.service.running import BASIC
from tests.support.broker import Broker

BACKTESTS: Final = 3
REQUEST_S: Final = 0.1
BATCH: Final = 50
SEGMENT: Final = "cart-abandoned"


def run(workload: Workload) -> Result:
    """Both rows on real Kafka; none without it."""
    calibration_us = calibrate(list(Workload(workload.seed, 20_000).lines()))
    rows, invalid = [], []
    with TemporaryDirectory(prefix="shoal-bench-") as temporary, brokers(Path(temporary)) as found:
        for broker in (each for each in found if each.transactions):
            for backtests in (0, BACKTESTS):
                row, wrong = _measure(workload, broker, backtests, Path(temporary))
                rows.append(row)
                invalid += [f"{row['run']}: {wrong}"] if wrong else []
    return Result.on_kafka("beside", workload.source, workload.seed, workload.events, calibration_us, rows, invalid)


def _measure(workload: Workload, broker: Broker, backtests: int, folder: Path) -> tuple[dict[str, Any], str]:
    settings = settings_for(f"beside-{backtests}", broker)
    asyncio.run(ensure_topic(settings, exactly=True))
    records, meter = meter_of(workload, settings, RATE)
    own = f"{settings.app_id}-collector"
    others = {"SHOAL_APP_ID": own, "SHOAL_TOPIC_PREFIX": f"{own}.", "SHOAL_COLLECT_RATE": "0"}
    with (
        MeasuredWorker(settings, folder, given={"idle_clock": "on"}) as worker,
        service_process(settings, folder / f"{own}.log", **others) as collector,
    ):
        worker.until_ready()
        began_cpu_s = worker.cpu_s()

        async def measure() -> tuple[int, list[float]]:
            beside = [asyncio.create_task(_backtest(settings)) for _ in range(backtests)]
            collecting = asyncio.create_task(_collect(collector.url, meter.warm_up_s))
            await meter.run(ticks(records, RATE), began_s=None, on_its_way_s=ON_ITS_WAY_S)
            for task in (*beside, collecting):
                task.cancel()
            done = await asyncio.gather(*beside)
            return sum(done), await collecting

        played, answers_s = asyncio.run(measure())
        cpu_s = worker.cpu_s() - began_cpu_s
        result = asyncio.run(verify(settings))
        worker.end()
    what = f"beside {backtests} backtests" if backtests else "alone"
    row = {
        "run": f"{broker.name}, {RATE:,}/s, {what}",
        "backtests_done": played,
        **latency_columns(latency_s for _, latency_s in meter.seen),
        "collector_p50_ms": 1000 * percentile(answers_s, 0.5),
        "collector_p99_ms": 1000 * percentile(answers_s, 0.99),
        "generator_late_p99_ms": 1000 * meter.lag_p99_s,
        "worker_cpu_share": cpu_s / (meter.seconds + ON_ITS_WAY_S),
        "equal": "yes" if result.equal else "no",
    }
    return row, "" if result.equal else "a change is missing or wrong"


async def _backtest(settings: Settings) -> int:
    """Plays a draft again and again until it is cancelled. Returns how often it came to the end."""
    assert settings.segments is not None
    catalog = load_catalog(read_definitions(settings.segments))
    task = TextTask(kind="backtest", settings=settings, name=SEGMENT, live=catalog, draft=catalog)
    done = 0
    with suppress(asyncio.CancelledError):
        while True:
            work = Work(task, most_s=None)
            try:
                await asyncio.shield(work.running)
            finally:
                await work.cancel()
            assert work.state == "done", work.said.problem
            done += 1
    return done


async def _collect(url: str, warm_up_s: float) -> list[float]:
    """Sends a batch every `REQUEST_S` until it is cancelled. Returns the seconds from when each was due to its answer,
    but for the first `warm_up_s`."""
    answers_s: list[float] = []

    async def send(http: httpx.AsyncClient, number: int, due_s: float) -> None:
        events = [event(number * BATCH + each) for each in range(BATCH)]
        body = json.dumps({"batch": events}).encode()
        answer = await http.post("/v1/batch", content=body, headers=BASIC)
        assert answer.status_code == 200, answer.text
        if due_s >= began_s + warm_up_s:
            answers_s.append(time.perf_counter() - due_s)

    began_s = time.perf_counter()
    async with httpx.AsyncClient(base_url=url, timeout=60) as http, asyncio.TaskGroup() as sending:
        with suppress(asyncio.CancelledError):
            number = 0
            while True:
                due_s = began_s + number * REQUEST_S
                await pause(max(0.0, due_s - time.perf_counter()))
                sending.create_task(send(http, number, due_s))
                number += 1
    return answers_s
