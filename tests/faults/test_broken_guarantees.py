"""Each guarantee taken away in turn: the verdict must see it. With the guarantee, the same fault does nothing."""

from dataclasses import dataclass

import pytest

from app.verification.comparison import Comparison
from tests.faults.deployment import PARTITIONS, Deployment, visits
from tests.faults.doomed_worker import STOPS, UNFENCED
from tests.faults.verdict import compare_changes, problems_of

EVENTS = 1_200


@dataclass(frozen=True)
class Guarantee:
    """What is taken away, where the worker dies then, and a word that the verdict must say."""

    broken: str
    doom: str
    said: str


GUARANTEES = (
    pytest.param(Guarantee("position-first", "between:3", "missing"), id="position-first"),
    pytest.param(Guarantee("position-last", "between:3", "repeated"), id="position-last", marks=pytest.mark.faults),
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
