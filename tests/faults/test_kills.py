"""Workers killed at random and at named points: every change is there once, in order, and so is every profile."""

import os
import random

import pytest

from tests.faults.deployment import Deployment, tell, visits
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles

KILLS_SHORT = 5
KILLS_LONG = int(os.environ.get("FAULTS_KILLS", "300"))
KILLS_A_ROUND = 30
ROUNDS = range(-(-KILLS_LONG // KILLS_A_ROUND))
EVENTS_A_KILL = 600
EVENTS_A_POINT = 1_500
NAMED_POINTS = ("fenced:2", "restored:2", "begun:3", "written:3", "written:40", "ended:3", "ended:41")


async def survive(deployment: Deployment, *, kills: int, seed: int) -> None:
    """One to two workers and back while visitors come; whoever lives is killed. The second comes and goes."""
    chance = random.Random(seed)
    tell(f"seed {seed}: {kills} kills on {deployment.broker.name}; FAULTS_SEED={seed} repeats the choices")
    records = visits(kills * EVENTS_A_KILL, seed=seed)
    static = deployment.broker.transactions
    deployment.start("first", static=static)
    killed = 0
    while killed < kills:
        await deployment.send(records[killed * EVENTS_A_KILL : (killed + 1) * EVENTS_A_KILL])
        moment = await deployment.random_moment(chance)
        doing = chance.choice(("kill the first", "kill the first", "kill both", "come or go", "kill the second"))
        second = "second" in deployment.running()
        tell(f"kill {killed}: {moment}, {doing}, {deployment.done} of {deployment.sent} records are done")
        if doing == "come or go" and not second:
            deployment.start("second")
            await deployment.random_moment(chance)
        elif doing == "come or go":
            deployment.end("second")
        elif doing == "kill the second" and second:
            deployment.kill("second")
            killed += 1
            continue
        if doing == "kill both" and second:
            deployment.kill("second")
            killed += 1
        deployment.kill("first")
        killed += 1
        deployment.start("first", static=static)
    await deployment.send(records[killed * EVENTS_A_KILL :])
    result = await compare_changes(deployment)
    tell(f"{killed} kills, {result.expected} changes, {result.repeated} repeated")
    assert problems_of(result, repeats=not deployment.broker.transactions) == []
    for name in deployment.running():
        deployment.end(name)
    assert await wrong_profiles(deployment) == []


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_few_kills_lose_and_repeat_nothing(on_kafka: Deployment, seed: int) -> None:
    await survive(on_kafka, kills=KILLS_SHORT, seed=seed)


@pytest.mark.faults
@pytest.mark.timeout(600)
async def test_without_transactions_nothing_is_lost_and_only_equal_changes_repeat(
    on_embedded: Deployment, seed: int
) -> None:
    await survive(on_embedded, kills=4 * KILLS_SHORT, seed=seed)


@pytest.mark.faults
@pytest.mark.timeout(120 + 30 * KILLS_A_ROUND)
@pytest.mark.parametrize("turn", ROUNDS)
async def test_many_kills_lose_and_repeat_nothing(on_kafka: Deployment, seed: int, turn: int) -> None:
    kills = min(KILLS_A_ROUND, KILLS_LONG - turn * KILLS_A_ROUND)
    await survive(on_kafka, kills=kills, seed=seed + turn)


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_with_profiles_on_disk_a_few_kills_lose_and_repeat_nothing(
    on_kafka_with_disk: Deployment, seed: int
) -> None:
    await survive(on_kafka_with_disk, kills=2 * KILLS_SHORT, seed=seed)


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_death_at_every_named_point_of_a_transaction_is_survived(on_kafka: Deployment, seed: int) -> None:
    tell(f"seed {seed}")
    records = visits(EVENTS_A_POINT * len(NAMED_POINTS), seed=seed)
    for number, point in enumerate(NAMED_POINTS):
        tell(f"dies at {point}, {on_kafka.done} of {on_kafka.sent} records are done")
        await on_kafka.send(records[number * EVENTS_A_POINT : (number + 1) * EVENTS_A_POINT])
        on_kafka.start("first", static=True, doom=point)
        await on_kafka.until_dead("first")
    on_kafka.start("first", static=True)
    assert problems_of(await compare_changes(on_kafka), repeats=False) == []
    on_kafka.end("first")
    assert await wrong_profiles(on_kafka) == []
