"""Sizes that nothing keeps: users on static lists and in groups of experiments, counted over all profiles."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from app.errors import UserError
from app.events.instants import iso
from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_readers import LogReaders, whole
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.segments.compiler.list_ids import list_id
from app.segments.compiler.program import experiment_id
from app.settings import Settings
from tables import profile as profiles
from tables.exposures import CROSSED, GROUP

READ_RECORDS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTask:
    """A job: to count the users of these lists, and those who were exposed to these experiments."""

    settings: Settings
    lists: tuple[str, ...]
    experiments: tuple[str, ...]
    kind: Literal["counts"] = "counts"


class ListCount(msgspec.Struct, frozen=True):
    """Users on a list, also those who never came. `newest`: when the newest of them was put on it; null: nobody."""

    name: str
    users: int
    newest: str | None


class ExperimentCount(msgspec.Struct, frozen=True):
    """Users who were exposed to an experiment, by group. `crossed`: those of them who have seen two groups."""

    name: str
    groups: dict[str, int]
    crossed: int


class ProfileCounts(msgspec.Struct, frozen=True):
    """Numbers as of the last commit of the workers. `profiles`: records that were read."""

    profiles: int
    lists: list[ListCount]
    experiments: list[ExperimentCount]


@dataclass(slots=True)
class _Found:
    """The newest state of each user that a partition has, as far as it was read."""

    lists: dict[str, dict[bytes, int]] = field(default_factory=dict)
    experiments: dict[str, dict[bytes, list[Any]]] = field(default_factory=dict)


def count_profiles(task: CountTask, progress: Callable[[int], None]) -> ProfileCounts:
    """Reads all profiles. `progress` is told how many were read. UserError if there are none."""
    return asyncio.run(_count(task, progress))


async def _count(task: CountTask, progress: Callable[[int], None]) -> ProfileCounts:
    topic = task.settings.topics.profiles
    found = _Found({name: {} for name in task.lists}, {name: {} for name in task.experiments})
    lists = {name: list_id(name) for name in task.lists}
    experiments = {name: experiment_id(name) for name in task.experiments}
    seen = 0
    client = await connect(task.settings)
    try:
        cluster = await client.fetch_all_metadata()
        partitions = sorted(cluster.partitions_for_topic(topic) or ())
        if not partitions:
            raise UserError(f"no worker has stored a profile yet: there is no topic {topic}")
        async with LogReaders(client, task.settings, committed_only=await has_transactions(client)) as readers:
            for partition in partitions:
                async for records in whole(readers.open(topic, partition), records_max=READ_RECORDS):
                    for record in records:
                        _take(found, record.key, record.value, lists, experiments)
                    seen += len(records)
                    progress(seen)
    finally:
        await client.close()
    return ProfileCounts(
        profiles=seen,
        lists=[_list_count(name, users) for name, users in found.lists.items()],
        experiments=[_experiment_count(name, users) for name, users in found.experiments.items()],
    )


def _take(
    found: _Found, key: bytes | None, value: bytes | None, lists: dict[str, int], experiments: dict[str, int]
) -> None:
    if key is None or key == POSITION_KEY or key.startswith(b"\0"):  # entries of the partition itself
        return
    stored = None if value is None else decode_profile(value).profile
    profile = None if stored is None else profiles.decode(stored)
    for name, own in lists.items():
        entry = None if profile is None else profile.leaves.get(own)
        if entry is not None and entry[1]:
            found.lists[name][key] = entry[0]
        else:
            found.lists[name].pop(key, None)
    for name, own in experiments.items():
        state = None if profile is None else profile.aggregates.get(own)
        if state is not None:
            found.experiments[name][key] = state
        else:
            found.experiments[name].pop(key, None)


def _list_count(name: str, users: dict[bytes, int]) -> ListCount:
    return ListCount(name, len(users), iso(max(users.values())) if users else None)


def _experiment_count(name: str, users: dict[bytes, list[Any]]) -> ExperimentCount:
    groups = Counter(state[GROUP] for state in users.values())
    return ExperimentCount(name, dict(sorted(groups.items())), sum(bool(state[CROSSED]) for state in users.values()))
