"""The verdict on a deployment: what is on the broker against what the input and the journal demand."""

from io import StringIO
from typing import Any

from rich.console import Console

from app.runtime.records.envelope import POSITION_KEY, decode_position, decode_profile, reached_of
from app.runtime.records.journal import Replay
from app.segments.partition.partition import Partition, read_position
from app.segments.partition.position import CATALOG_KEY
from app.verification.comparison import Comparison
from app.verification.job import Verification
from app.verification.topic_contents import Cluster
from tables import profile as profiles
from tables.profile import Profile
from tests.faults.deployment import Deployment
from tests.support.shop import recompute

SHOWN_MAX = 10


async def compare_changes(deployment: Deployment, *, timeout_s: float = 60, counts: bool = True) -> Comparison:
    """Waits until the workers have come to the end, and compares every change of every user, in order.

    `counts`: the result belongs into the table; that of a worker with a guarantee less does not.
    """
    programs = {deployment.program.version: deployment.program}
    job = Verification(deployment.settings, programs, (), timeout_s=timeout_s)
    await job.run(Console(file=StringIO()), exactly=True)
    assert job.result.expected, "a run without a change says nothing"
    if counts:
        deployment.tally.close(job.result)
    return job.result


def problems_of(result: Comparison, *, repeats: bool) -> list[str]:
    """Returns the differences of the changes, in words. `repeats`: equal ones may come twice."""
    found = [f"{count} {kind}" for kind, count in result.counts.items()]
    if result.repeated and not repeats:
        found.append(f"{result.repeated} repeated")
    return found + [f"{each.place} {each.kind}: {each.said}" for each in result.shown]


async def wrong_profiles(deployment: Deployment) -> list[str]:
    """Profiles and positions in the changelog that a recomputation does not come to. Once all workers have ended."""
    wrong: list[str] = []
    settings = deployment.settings
    async with Cluster(settings) as cluster:
        for partition in range(cluster.partitions):
            stored = await latest_of(cluster, partition)
            core = Partition(deployment.program, settings.time_rules)
            records = [record async for some in cluster.read(settings.topics.clickstream, partition) for record in some]
            for _ in recompute(core, records, Replay(await cluster.journal(partition))):
                pass
            position = decode_position(stored.pop(POSITION_KEY))
            if read_position(position.position).next_offset != core.next_offset:
                wrong.append(f"partition {partition} stands at {position.reached}, not at {core.next_offset}")
            users = 0
            for key, value in stored.items():
                user, encoded = key.decode(), decode_profile(value).profile
                if encoded is None or user == CATALOG_KEY:
                    continue
                users += 1
                if _numbered(profiles.decode(encoded)) != _numbered(core.held(user)):
                    wrong.append(f"{user}: {profiles.decode(encoded)}, not {core.held(user)}")
            if users != core.users:
                wrong.append(f"partition {partition} has {users} profiles, not {core.users}")
    return wrong[:SHOWN_MAX]


def _numbered(profile: Profile | None) -> Profile | None:
    """The profile with the values of its tallies numbered by their first event: one in hand numbers them anew, and
    the batches of a worker decide which is."""
    if profile is not None:
        for own, state in profile.aggregates.items():
            match state:
                case [[int(), *_] as instants, [int(), *_] as numbers, [str(), *_] as keys]:
                    order = list(dict.fromkeys(numbers))
                    place = {number: new for new, number in enumerate(order)}
                    renumbered = [place[number] for number in numbers]
                    profile.aggregates[own] = [instants, renumbered, [keys[number] for number in order]]
    return profile


async def latest_of(cluster: Cluster, partition: int) -> dict[Any, bytes]:
    """The furthest value of each key of the changelog, as a restore takes it."""
    latest: dict[Any, bytes] = {}
    async for records in cluster.read(cluster.topics.profiles, partition):
        for record in records:
            if record.value is None:
                latest.pop(record.key, None)
            elif record.key not in latest or reached_of(record.value) >= reached_of(latest[record.key]):
                latest[record.key] = record.value
    return latest
