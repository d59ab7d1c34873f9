"""Workers that die while people are erased: each erasure ends once, with all its keys, and none is half done."""

import pytest

from app.offline.control_writer import KeyStateError, UnknownKeyError
from app.offline.key_erasure import KeyErasure
from app.runtime.records.erasure_events import ErasureEvent, read_erasure
from app.verification.topic_contents import Cluster
from tests.faults.deployment import PROGRESS_S, Deployment, tell
from tests.faults.test_links import records_of_people, with_people
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.simulation.erasures import judge_ends
from tests.support.shop import soon

__all__ = ["with_people"]
EVENTS_A_POINT = 400
NAMED_POINTS = ("written:4", "begun:4", "ended:4")
ERASED_A_POINT = 3


async def erase_some(deployment: Deployment, users: list[str]) -> int:
    """Erases these users by the command, each once they are known; returns how many were, at least ERASED_A_POINT."""
    left, erased = list(users), 0

    async def erased_enough() -> bool:
        nonlocal left, erased
        unknown = []
        for user in left:
            try:
                async with KeyErasure(deployment.settings) as command:
                    await command.erase(user, write=True)
                erased += 1
            except (UnknownKeyError, KeyStateError):
                unknown.append(user)
        left = unknown
        return erased >= ERASED_A_POINT

    await soon(erased_enough, within_s=PROGRESS_S)
    return erased


async def steps(deployment: Deployment) -> list[ErasureEvent]:
    """Steps of all erasures: those of one person in their order."""
    found = []
    async with Cluster(deployment.settings) as cluster:
        for partition in range(cluster.partitions):
            async for records in cluster.read(cluster.topics.erasures, partition):
                found += [read_erasure(record.value) for record in records]
    return found


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_workers_that_die_leave_no_erasure_half_done(with_people: Deployment, seed: int) -> None:
    tell(f"seed {seed}")
    records = records_of_people(EVENTS_A_POINT * len(NAMED_POINTS), seed=seed)
    users = sorted({record.key.decode() for record in records if record.key and b'"userId"' in (record.value or b"")})
    with_people.start("second")
    erased = 0
    for number, point in enumerate(NAMED_POINTS):
        with_people.start("first", doom=point)
        await with_people.until_member("first")
        await with_people.send(records[number * EVENTS_A_POINT : (number + 1) * EVENTS_A_POINT])
        erased += await erase_some(with_people, users[number :: len(NAMED_POINTS)][:8])
        await with_people.until_dead("first")
    with_people.start("first")
    result = await compare_changes(with_people)
    assert problems_of(result, repeats=False) == []
    for name in with_people.running():
        with_people.end(name)
    assert await wrong_profiles(with_people) == []
    found = await steps(with_people)
    tell(f"{erased} erasures, {len(found)} steps, {result.expected} changes")
    assert sum(step.result == "requested" for step in found) == erased
    assert list(judge_ends(found)) == []
    once = [(step.id, step.result, step.key, step.until) for step in found]
    assert len(set(once)) == len(once), "no step is there twice"
