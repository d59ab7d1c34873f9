"""Brokers that die, freeze, or whose answers to the end of a transaction are lost: nothing else is."""

import os
import random
from functools import partial

import pytest

from tests.faults.deployment import Deployment, passes, tell, visits
from tests.faults.doomed_worker import STOPS
from tests.faults.frail import FrailKafka
from tests.faults.proxy import HOWS, How
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.support.waiting import eventually

FAILURES_LONG = int(os.environ.get("FAULTS_BROKERS", "24"))
EVENTS_A_FAILURE = 900
KINDS = ("kill", "pause", "transaction")


async def survive(deployment: Deployment, frail: FrailKafka, *, kinds: list[str], seed: int) -> None:
    """One fault after the other while visitors come."""
    chance = random.Random(seed)
    tell(f"seed {seed}: {len(kinds)} faults; FAULTS_SEED={seed} repeats the choices")
    records = visits(len(kinds) * EVENTS_A_FAILURE, seed=seed)
    deployment.start("first", static=True)
    await deployment.until_logged("first", "reads from offset", times=3)
    for number, kind in enumerate(kinds):
        await deployment.send(records[number * EVENTS_A_FAILURE : (number + 1) * EVENTS_A_FAILURE])
        await deployment.until_done(number * EVENTS_A_FAILURE + chance.randrange(EVENTS_A_FAILURE // 2))
        told = await frail.suffer(kind, chance, deployment.tally)
        tell(f"{told}; {deployment.done} of {deployment.sent} records are done")
    assert problems_of(await compare_changes(deployment, timeout_s=90), repeats=False) == []
    assert deployment.running() == ["first"], deployment.workers["first"].log_tail()
    deployment.end("first")
    assert await wrong_profiles(deployment) == []


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_broker_that_dies_and_a_lost_answer_lose_and_repeat_nothing(
    on_frail: Deployment, frail_kafka: FrailKafka, seed: int
) -> None:
    await survive(on_frail, frail_kafka, kinds=["transaction", "kill"], seed=seed)


@pytest.mark.faults
@pytest.mark.timeout(120 + 60 * FAILURES_LONG)
async def test_many_broker_failures_lose_and_repeat_nothing(
    on_frail: Deployment, frail_kafka: FrailKafka, seed: int
) -> None:
    kinds = [KINDS[number % len(KINDS)] for number in range(FAILURES_LONG * 3 // 2)]
    random.Random(seed).shuffle(kinds)
    await survive(on_frail, frail_kafka, kinds=kinds, seed=seed)


@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", HOWS)
async def test_the_end_of_every_transaction_for_a_while(
    on_frail: Deployment, frail_kafka: FrailKafka, how: How
) -> None:
    deployment = on_frail
    await deployment.send(visits(EVENTS_A_FAILURE, seed=21))
    for _ in range(9):
        frail_kafka.proxy.arm(how, for_s=1.0)
    deployment.start("first", static=True)
    struck = frail_kafka.proxy.struck + 9
    await eventually(lambda: frail_kafka.proxy.struck >= struck, within_s=120, what="nine ends are spoilt")
    for _ in range(9):
        deployment.tally.count(f"end of a transaction: {how}")
    assert problems_of(await compare_changes(deployment), repeats=False) == []


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_a_broker_that_freezes_before_the_end_of_a_transaction(
    on_frail: Deployment, frail_kafka: FrailKafka
) -> None:
    """The worker stops itself before the end, the broker freezes, the worker goes on and gives up in time."""
    deployment = on_frail
    await deployment.send(visits(EVENTS_A_FAILURE, seed=22))
    deployment.start("first", static=True, doom="written:9:stop", given={"session_timeout": "30s"})
    await deployment.until_logged("first", STOPS)
    frail_kafka.pause()
    deployment.thaw("first")
    await deployment.until_logged("first", "opens again")
    await passes(2.0)
    frail_kafka.resume()
    deployment.tally.count("broker frozen")
    assert problems_of(await compare_changes(deployment), repeats=False) == []


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_a_broker_that_is_away_for_a_minute(on_frail: Deployment, frail_kafka: FrailKafka) -> None:
    deployment = on_frail
    records = visits(2 * EVENTS_A_FAILURE, seed=23)
    deployment.start("first", static=True, given={"stall_exit": "2m"})
    await deployment.send(records[:EVENTS_A_FAILURE])
    await deployment.until_done(100)
    await frail_kafka.die()
    await passes(60)
    await frail_kafka.rise()
    deployment.tally.count("broker killed")
    await deployment.send(records[EVENTS_A_FAILURE:])
    assert problems_of(await compare_changes(deployment, timeout_s=120), repeats=False) == []


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_a_transaction_that_takes_longer_than_the_broker_gives_it(on_frail: Deployment) -> None:
    """The broker ends it and locks its writer out; the worker opens the partition again."""
    deployment = on_frail
    await deployment.send(visits(EVENTS_A_FAILURE, seed=24))
    given = {"session_timeout": "20s", "commit_timeout": "500ms"}
    deployment.start("first", static=True, doom="written:9:stop", given=given)
    await deployment.until_logged("first", STOPS)
    deployment.tally.count("transaction time-out")
    await passes(6.0)  # the broker's limit is three times the time-out
    deployment.thaw("first")
    done = partial(deployment.until_done, deployment.sent, within_s=90)
    await done()
    assert problems_of(await compare_changes(deployment), repeats=False) == []
