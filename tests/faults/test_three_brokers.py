"""Three brokers, three copies: one dies or freezes, the workers go on, and nothing is lost or said twice."""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.faults.deployment import Deployment, passes, tell, visits
from tests.faults.kafka_cluster import KafkaCluster, kafka_cluster_at
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.support.broker import Broker

FAILURES = int(os.environ.get("FAULTS_OF_THREE", "6"))
EVENTS_A_FAILURE = 1_500


@pytest.fixture
def three(tmp_path: Path) -> Iterator[KafkaCluster]:
    with kafka_cluster_at(tmp_path / "kafka", required=IN_CI) as cluster:
        yield cluster


@pytest.mark.faults
@pytest.mark.timeout(240 + 60 * FAILURES)
async def test_one_broker_of_three_is_away(three: KafkaCluster, unique: str, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    tell(f"seed {seed}: {FAILURES} faults; FAULTS_SEED={seed} repeats the choices")
    broker = Broker("kafka", three.bootstrap_servers, transactions=True)
    given = {"commit_timeout": "10s", "request_timeout": "5s"}
    records = visits((FAILURES + 1) * EVENTS_A_FAILURE, seed=seed)
    async with Deployment(broker, unique, tmp_path, given=given, replicas=3) as deployment:
        deployment.start("first")
        deployment.start("second")
        for number in range(FAILURES):
            await deployment.send(records[number * EVENTS_A_FAILURE : (number + 1) * EVENTS_A_FAILURE])
            await deployment.until_done(number * EVENTS_A_FAILURE + chance.randrange(EVENTS_A_FAILURE // 2))
            node = three.one(chance)
            if chance.random() < 0.7:
                await asyncio.to_thread(node.kill)
                deployment.tally.count("one broker of three killed")
                told = "killed"
                await passes(chance.choice((0.5, 5.0)))
                await deployment.until_done(deployment.sent, within_s=90)
                await asyncio.to_thread(node.start)
            else:
                node.pause()
                deployment.tally.count("one broker of three frozen")
                told = "frozen"
                await passes(chance.uniform(1.0, 8.0))
                node.resume()
            tell(f"{number}: a broker was {told}; {deployment.done} of {deployment.sent} records are done")
        await deployment.send(records[FAILURES * EVENTS_A_FAILURE :])
        assert problems_of(await compare_changes(deployment, timeout_s=120), repeats=False) == []
        for name in deployment.running():
            deployment.end(name)
        assert await wrong_profiles(deployment) == []
