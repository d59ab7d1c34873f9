"""Several processes share the partitions; they come and go while changes arrive, and Redis stays right."""

import pytest

from agents.memberships import create_app
from app.memberships.membership_view import View
from app.memberships.verification import verify
from app.runtime.follower import Follower
from app.segments.evaluation.change import ChangeKind
from app.settings import Settings
from tests.memberships.changes import ChangesOnKafka
from tests.memberships.looking import members
from tests.support.shop import running, soon


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_a_second_one_takes_its_share_and_gives_it_back(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    async def write(count: int) -> None:
        kinds: tuple[ChangeKind, ...] = ("entered", "exited", "updated", "entered")
        await changes.write(changes.change(f"u-{n % 23}", kinds[n % 4], f"s-{n % 3}") for n in range(count))

    async def has_everything(user: str) -> bool:
        return user in await members(view, "last")

    async with running(create_app(settings)) as first:
        await write(200)
        async with running(create_app(settings)) as second:
            await soon(lambda: shared(first, second))
            await write(200)
            await changes.write([changes.change("ann", "entered", "last"), changes.change("ben", "entered", "last")])
            await soon(lambda: has_everything("ann"))
            await soon(lambda: has_everything("ben"))
            assert (await verify(settings, view)).right
        await write(200)
        await changes.write([changes.change(f"v-{n}", "entered", "last") for n in range(10)])
        await soon(lambda: members(view, "last", at_least=12))
    assert (await verify(settings, view)).right


async def shared(*apps: Follower) -> bool:
    return [len(app.tasks) for app in apps] == [1, 1]
