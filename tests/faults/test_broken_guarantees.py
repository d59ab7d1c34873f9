"""Each guarantee taken away in turn: the verdict must see it. With the guarantee, the same fault does nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.verification.comparison import Comparison
from tests.faults.deployment import PARTITIONS, Deployment, passes, visits
from tests.faults.doomed_worker import KEEPS_STATE, STOPS, UNFENCED
from tests.faults.frail import FrailKafka
from tests.faults.verdict import compare_changes, problems_of

EVENTS = 1_200
MANY = 10_000
MARKER_BYTES = 120
"""The mark of a transaction's end goes through, a change does not."""


@dataclass(frozen=True)
class Guarantee:
    """A guarantee that is switched off, where the worker dies then, and a word that the verdict must contain."""

    broken: str
    doom: str
    said: str


GUARANTEES = (
    pytest.param(Guarantee("position-first", "between:3", "missing"), id="position-first"),
    pytest.param(Guarantee("changes-first", "between:3", "repeated"), id="changes-first", marks=pytest.mark.faults),
    pytest.param(
        Guarantee("reads-uncommitted", "written:9", "missing"), id="reads-uncommitted", marks=pytest.mark.faults
    ),
)


async def die_and_go_on(deployment: Deployment, *, doom: str, broken: str | None) -> Comparison:
    """A worker dies at a point; the next one, of the same kind, comes to the end."""
    await deployment.send(visits(EVENTS, seed=5))
    deployment.start("first", static=True, doom=doom, broken=broken)
    await deployment.until_dead("first")
    deployment.start("first", static=True, doom="begun:1000000", broken=broken)
    return await compare_changes(deployment, counts=False)


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_without_it_the_verdict_is_red(on_kafka: Deployment, guarantee: Guarantee) -> None:
    result = await die_and_go_on(on_kafka, doom=guarantee.doom, broken=guarantee.broken)
    problems = problems_of(result, repeats=False)
    assert any(guarantee.said in problem for problem in problems), problems


async def wake_a_zombie(deployment: Deployment, *, broken: str | None) -> Comparison:
    """A worker freezes before the end of a transaction, its partitions go to another, then it wakes up."""
    await deployment.send(visits(EVENTS, seed=6))
    deployment.start("zombie", doom="written:9:stop", broken=broken)
    await deployment.until_logged("zombie", STOPS)
    deployment.start("heir", doom="begun:1000000", broken=broken)
    await deployment.until_logged("heir", "reads from offset", times=PARTITIONS)
    deployment.thaw("zombie")
    return await compare_changes(deployment, counts=broken is None)


@pytest.mark.faults
async def test_without_fencing_the_verdict_is_red(on_kafka: Deployment) -> None:
    problems = problems_of(await wake_a_zombie(on_kafka, broken=UNFENCED), repeats=False)
    assert problems, "a zombie's transaction was committed beside its heir's"


@pytest.mark.faults
async def test_a_zombie_that_wakes_up_is_fenced(on_kafka: Deployment) -> None:
    assert problems_of(await wake_a_zombie(on_kafka, broken=None), repeats=False) == []


# ---- an unknown result discards the state


async def lose_every_end(deployment: Deployment, frail: FrailKafka, *, broken: str | None) -> Comparison:
    """No end of a transaction comes to the broker, until the worker gives up: what was written in it is taken back."""
    await deployment.send(visits(EVENTS, seed=12))
    deployment.start("first", static=True, doom="begun:1000000", broken=broken)
    for turn in (1, 2):
        await deployment.until_done(deployment.done + 60)
        for _ in range(MANY):
            frail.proxy.arm("lose")
        await deployment.until_logged("first", "opens again", times=turn)
        frail.proxy.disarm()
        deployment.tally.count("end of a transaction: lose, until the worker gives up")
    return await compare_changes(deployment, counts=broken is None)


@pytest.mark.faults
async def test_without_throwing_the_state_away_the_verdict_is_red(
    on_frail: Deployment, frail_kafka: FrailKafka
) -> None:
    problems = problems_of(await lose_every_end(on_frail, frail_kafka, broken=KEEPS_STATE), repeats=False)
    assert any("missing" in problem or "different" in problem for problem in problems), problems


@pytest.mark.faults
async def test_a_doubt_throws_the_state_away(on_frail: Deployment, frail_kafka: FrailKafka) -> None:
    assert problems_of(await lose_every_end(on_frail, frail_kafka, broken=None), repeats=False) == []


# ---- every delivery is awaited before the end of the transaction


@asynccontextmanager
async def refusing(deployment: Deployment, topic: str) -> AsyncIterator[None]:
    """The broker refuses every batch for a topic, for a while."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.broker.bootstrap_servers)
    await admin.start()

    async def allow(bytes_max: int) -> None:
        config = {"max.message.bytes": str(bytes_max)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])

    try:
        await allow(MARKER_BYTES)
        yield
        await allow(1_048_588)
    finally:
        await admin.close()


async def refuse_for_a_while(deployment: Deployment, *, broken: str | None) -> Comparison:
    """Changes are refused, everything else is taken."""
    await deployment.send(visits(EVENTS, seed=13))
    deployment.tally.count("broker refuses batches")
    async with refusing(deployment, deployment.settings.topics.changes):
        deployment.start("first", static=True, doom="begun:1000000", broken=broken)
        if broken is None:
            await deployment.until_logged("first", "opens again")
        else:
            await deployment.until_done(EVENTS // 2)
    return await compare_changes(deployment, counts=broken is None)


@pytest.mark.faults
async def test_without_awaiting_what_was_written_the_verdict_is_red(on_kafka: Deployment) -> None:
    problems = problems_of(await refuse_for_a_while(on_kafka, broken="trusting"), repeats=False)
    assert any("missing" in problem for problem in problems), problems


@pytest.mark.faults
async def test_a_batch_that_the_broker_refuses_is_not_lost(on_kafka: Deployment) -> None:
    assert problems_of(await refuse_for_a_while(on_kafka, broken=None), repeats=False) == []


# ---- everything that moves a partition is written to the journal


async def test_without_the_journal_the_verdict_is_red(on_kafka: Deployment) -> None:
    deployment = on_kafka
    await deployment.send(visits(EVENTS, seed=14))
    deployment.start("first", doom="begun:1000000", broken="no-journal")
    await deployment.until_done(deployment.sent)
    await passes(3.0)  # time advances without events, ten hours a minute
    problems = problems_of(await compare_changes(deployment, counts=False), repeats=False)
    assert any("extra" in problem or "different" in problem for problem in problems), problems


# ---- without transactions: the order of the writes


async def die_without_transactions(deployment: Deployment, *, broken: str | None) -> Comparison:
    """A worker dies between two of its writes."""
    await deployment.send(visits(EVENTS, seed=15))
    deployment.start("first", doom="between:9", broken=broken)
    await deployment.until_dead("first")
    deployment.start("first", doom="between:1000000", broken=broken)
    return await compare_changes(deployment, counts=broken is None)


@pytest.mark.faults
async def test_without_the_order_of_writes_the_verdict_is_red(on_embedded: Deployment) -> None:
    problems = problems_of(await die_without_transactions(on_embedded, broken="position-early"), repeats=True)
    assert any("missing" in problem for problem in problems), problems


@pytest.mark.faults
async def test_with_the_order_of_writes_a_death_between_them_loses_nothing(on_embedded: Deployment) -> None:
    assert problems_of(await die_without_transactions(on_embedded, broken=None), repeats=True) == []
