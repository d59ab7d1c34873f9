"""Workers that die while keys of one person talk: every change, link record and profile is there once, in order."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from app.runtime.kafka.partitioner import partition_of
from app.simulation.record import Record
from tests.conftest import IN_CI
from tests.faults.deployment import Deployment, passes, tell
from tests.faults.kafka_cluster import kafka_cluster_at
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.support.broker import Broker
from tests.support.people import START_MS, PeopleSettings, events_of_people
from tests.support.written_links import link_steps

PARTITIONS = 24
EVENTS_A_POINT = 800
NAMED_POINTS = ("fenced:2", "begun:10", "written:10", "ended:10", "written:20")
TAKEOVER_S_MAX = 25.0  # sessions end after 6 s; transactions, by themselves, after 35 s
SEGMENTS = {
    "identity.yaml": "switches_max: 2\n",
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1d) >= 3\n",
    "carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 10m and cart.idle < 2h\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 1d)\nfor: 1m\ncooldown: 10m\n",
}


def deployment_of_people(broker: Broker, name: str, folder: Path, *, replicas: int = 1) -> Deployment:
    """A deployment of many partitions in which users have several keys."""
    segments = folder / "segments"
    segments.mkdir()
    for file, text in SEGMENTS.items():
        (segments / file).write_text(text)
    return Deployment(broker, name, folder, partitions=PARTITIONS, segments=segments, replicas=replicas)


@pytest.fixture
async def with_people(kafka_broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """One on a single broker."""
    async with deployment_of_people(kafka_broker, unique, tmp_path) as made:
        yield made


def records_of_people(events: int, *, seed: int) -> list[Record]:
    """Events of people with several keys, as input records."""
    settings = PeopleSettings(seed=seed, events=events, people=events // 40, shared_share=0.3, step_ms=200)
    found = []
    for number, event in enumerate(events_of_people(settings)):
        key = str(event.get("userId") or event["anonymousId"]).encode()
        home = partition_of(key, PARTITIONS)
        found.append(Record(home, key, json.dumps(event).encode(), START_MS + number * settings.step_ms))
    return found


@pytest.mark.faults
@pytest.mark.timeout(400)
async def test_death_at_every_named_point_loses_and_doubles_no_link(with_people: Deployment, seed: int) -> None:
    tell(f"seed {seed}")
    records = records_of_people(EVENTS_A_POINT * len(NAMED_POINTS), seed=seed)
    for name in ("second", "third"):
        with_people.start(name)
    for number, point in enumerate(NAMED_POINTS):
        tell(f"dies at {point}, {with_people.done} records are done, {with_people.sent} were sent")
        with_people.start("first", doom=point)
        if not point.startswith("fenced"):
            await with_people.until_member("first")
        await with_people.send(records[number * EVENTS_A_POINT : (number + 1) * EVENTS_A_POINT])
        await with_people.until_dead("first")
    with_people.start("first")
    result = await compare_changes(with_people)
    assert problems_of(result, repeats=False) == []
    written = await link_steps(with_people.settings)
    tell(f"{result.expected} changes, link records: {written}")
    assert min(written[step] for step in ("ask", "give", "forward", "release")) > 0
    for name in with_people.running():
        with_people.end(name)
    assert await wrong_profiles(with_people) == []


@pytest.fixture
def three_brokers(tmp_path: Path) -> Iterator[Broker]:
    """Three copies of everything."""
    with kafka_cluster_at(tmp_path / "cluster", required=IN_CI) as cluster:
        yield Broker("kafka", cluster.bootstrap_servers, transactions=True)


class Pauses:
    """The longest time in which each partition had records and its position stood still. Use with `async with`."""

    def __init__(self, deployment: Deployment, sent: Counter[int]) -> None:
        self._deployment = deployment
        self._sent = sent
        self.longest_s = [0.0] * PARTITIONS

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _look(self) -> None:
        moved_s = [time.monotonic()] * PARTITIONS
        offsets = [self._deployment.offset(number) for number in range(PARTITIONS)]
        while True:
            await passes(0.02)
            now_s = time.monotonic()
            for number, before in enumerate(offsets):
                offsets[number] = self._deployment.offset(number)
                if offsets[number] != before or offsets[number] >= self._sent[number]:
                    moved_s[number] = now_s
                self.longest_s[number] = max(self.longest_s[number], now_s - moved_s[number])


@pytest.mark.faults
@pytest.mark.timeout(400)
@pytest.mark.parametrize("brokers", ["kafka_broker", "three_brokers"])
@pytest.mark.parametrize("doom", ["written:10", "written:10:stop"], ids=["killed", "frozen"])
async def test_the_open_transaction_of_a_dead_worker_stops_no_partition_longer_than_a_takeover(
    request: pytest.FixtureRequest, brokers: str, doom: str, unique: str, tmp_path: Path, seed: int
) -> None:
    tell(f"seed {seed}")
    replicas = 3 if brokers == "three_brokers" else 1
    records = records_of_people(12_000, seed=seed)
    sent: Counter[int] = Counter()
    deployment = deployment_of_people(request.getfixturevalue(brokers), unique, tmp_path, replicas=replicas)
    async with deployment:
        deployment.start("second")
        deployment.start("third")
        await deployment.until_member("second")
        await deployment.until_member("third")
        await deployment.send(records[:1_000])
        sent.update(record.partition for record in records[:1_000])
        await deployment.until_done(1_000)
        deployment.start("first", doom=doom)
        async with Pauses(deployment, sent) as pauses:
            for begin in range(1_000, len(records), 50):
                some = records[begin : begin + 50]
                await deployment.send(some)
                sent.update(record.partition for record in some)
                await passes(0.04)
            await deployment.until_done(len(records))
        taken_over = deployment.assigned("first")
        others = [pause_s for number, pause_s in enumerate(pauses.longest_s) if number not in taken_over]
        took_s = max(pauses.longest_s[number] for number in taken_over)
        tell(
            f"longest pause of {len(taken_over)} partitions of the dead: {took_s:.1f} s, of others: {max(others):.1f} s"
        )
        assert max(*others, took_s) < TAKEOVER_S_MAX, "the broker's time-out of transactions has ended it"
