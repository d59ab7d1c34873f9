"""Workers that come, go, freeze and wake up while partitions are being given out."""

import os
import random

import pytest

from tests.faults.deployment import PARTITIONS, Deployment, passes, tell, visits
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles

EVENTS = 3_000
EVENTS_A_REBALANCE = 400
REBALANCES_LONG = int(os.environ.get("FAULTS_REBALANCES", "60"))
FREEZES_LONG = int(os.environ.get("FAULTS_FREEZES", "6"))
SESSION_S = 6.0


@pytest.mark.faults
async def test_a_worker_told_to_end_during_a_rebalance_ends_in_order(on_embedded: Deployment) -> None:
    """The embedded broker takes its time between taking partitions and giving them: seconds to be hit."""
    deployment = on_embedded
    await deployment.send(visits(EVENTS, seed=7))
    deployment.start("first")
    await deployment.until_logged("first", "reads from offset")
    deployment.start("second")
    await deployment.until_logged("first", "released")
    deployment.end("first")
    deployment.tally.count("rebalance")
    assert problems_of(await compare_changes(deployment), repeats=True) == []
    deployment.end("second")


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_one_three_two_one_workers_under_load(on_kafka: Deployment, seed: int) -> None:
    deployment = on_kafka
    records = visits(4 * EVENTS, seed=seed)
    for number, (begin, leave) in enumerate(((["a"], []), (["b", "c"], []), ([], ["a"]), ([], ["b"]))):
        for name in begin:
            deployment.start(name)
        await deployment.send(records[number * EVENTS : (number + 1) * EVENTS])
        await deployment.until_done(number * EVENTS + EVENTS // 3)
        for name in leave:
            deployment.end(name)
        for _ in (*begin, *leave):
            deployment.tally.count("rebalance")
    assert problems_of(await compare_changes(deployment), repeats=False) == []
    deployment.end("c")
    assert await wrong_profiles(deployment) == []


@pytest.mark.faults
@pytest.mark.timeout(120 + 15 * REBALANCES_LONG)
async def test_a_storm_of_rebalances(on_kafka: Deployment, seed: int) -> None:
    """Two of three come and go at any moment, orderly or killed; mostly before the last rebalance is over."""
    deployment = on_kafka
    chance = random.Random(seed)
    tell(f"seed {seed}: {REBALANCES_LONG} rebalances; FAULTS_SEED={seed} repeats the choices")
    records = visits(REBALANCES_LONG * EVENTS_A_REBALANCE, seed=seed)
    deployment.start("stays", static=True)
    await deployment.until_logged("stays", "reads from offset")
    for number in range(REBALANCES_LONG):
        await deployment.send(records[number * EVENTS_A_REBALANCE : (number + 1) * EVENTS_A_REBALANCE])
        name = chance.choice(("b", "c"))
        if name not in deployment.running():
            deployment.start(name)
            if chance.random() < 0.8:
                await deployment.until_member(name)
            doing = "comes"
        elif chance.random() < 0.3:
            deployment.kill(name)
            doing = "is killed"
        else:
            deployment.end(name)
            doing = "leaves"
        deployment.tally.count("rebalance")
        tell(f"{number}: {name} {doing}, {deployment.done} of {deployment.sent} records are done")
        await passes(chance.choice((0.0, 0.1, 0.5, 2.5)))
    assert problems_of(await compare_changes(deployment, timeout_s=90), repeats=False) == []
    for name in deployment.running():
        deployment.end(name)
    assert await wrong_profiles(deployment) == []


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_a_rebalance_during_the_restore(on_kafka: Deployment) -> None:
    """Each restore takes two seconds; meanwhile another worker comes, and the first is told to go."""
    deployment = on_kafka
    records = visits(2 * EVENTS, seed=8)
    await deployment.send(records[:EVENTS])
    deployment.start("first")
    await deployment.until_done(EVENTS // 2)
    deployment.kill("first")
    deployment.start("second", linger="restored:2")
    await deployment.until_logged("second", "assigned")
    deployment.start("third", linger="restored:2")
    await deployment.until_logged("third", "assigned")
    deployment.start("fourth", linger="restored:2")
    deployment.end("second")
    await deployment.until_logged("fourth", "assigned")
    for _ in range(4):
        deployment.tally.count("rebalance during a restore")
    await deployment.send(records[EVENTS:])
    assert problems_of(await compare_changes(deployment), repeats=False) == []
    deployment.end("third")
    deployment.end("fourth")
    assert await wrong_profiles(deployment) == []


@pytest.mark.faults
@pytest.mark.timeout(120 + 60 * FREEZES_LONG)
async def test_workers_that_freeze_for_two_sessions_and_wake_up(on_kafka: Deployment, seed: int) -> None:
    deployment = on_kafka
    chance = random.Random(seed)
    tell(f"seed {seed}: {FREEZES_LONG} freezes; FAULTS_SEED={seed} repeats the choices")
    records = visits(FREEZES_LONG * EVENTS, seed=seed)
    deployment.start("first")
    deployment.start("second")
    await deployment.until_logged("first", "reads from offset")
    for number in range(FREEZES_LONG):
        await deployment.send(records[number * EVENTS : (number + 1) * EVENTS])
        told = await deployment.random_moment(chance)
        name = chance.choice(("first", "second"))
        tell(f"{number}: {told}, {name} freezes; {deployment.done} of {deployment.sent} records are done")
        deployment.freeze(name)
        await passes(2 * SESSION_S)
        deployment.thaw(name)
        if name not in deployment.running():
            deployment.start(name)
        await passes(chance.uniform(0.0, SESSION_S))
    for name in ("first", "second"):  # a zombie may have ended itself: then it is started again, as by a supervisor
        if name not in deployment.running():
            deployment.start(name)
    assert problems_of(await compare_changes(deployment, timeout_s=90), repeats=False) == []
    for name in deployment.running():
        deployment.end(name)
    assert await wrong_profiles(deployment) == []


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_partitions_without_traffic_lose_no_timer_when_they_move(on_kafka: Deployment) -> None:
    """Everyone has something in the cart; then all is quiet but for one partition, and the workers change."""
    deployment = on_kafka
    records = visits(EVENTS, seed=9)
    await deployment.send(records[: EVENTS // 2])
    deployment.start("first")
    await deployment.until_done(EVENTS // 2)
    deployment.kill("first")
    deployment.start("second")
    await deployment.send([record for record in records[EVENTS // 2 :] if record.partition == PARTITIONS - 1])
    await deployment.until_logged("second", "reads from offset", times=PARTITIONS)
    deployment.start("third")
    await deployment.until_logged("third", "reads from offset")
    deployment.end("second")
    deployment.tally.count("move of a quiet partition")
    assert problems_of(await compare_changes(deployment), repeats=False) == []
    deployment.end("third")
    assert await wrong_profiles(deployment) == []
