"""`shoal destinations run` with an audience, killed in the middle of everything."""

import asyncio
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.destinations.audiences.member_states import decode
from app.destinations.positions import destination_topics
from app.settings import Settings, load_settings
from tests.destinations.lists import LIST, ListAtService, hash_of
from tests.destinations.receiver import Receiver, receiver
from tests.memberships.changes import ChangesOnKafka
from tests.support.broker import Broker, session_timeout
from tests.support.records import read_topic
from tests.support.role_process import RoleProcess
from tests.support.shop import soon
from tests.support.waiting import eventually

PARTITIONS = 2
USERS = 40
ROUNDS = 4
REFUSED = "refused@x.example"


class FaultyService:
    """Answers 429 and 500, takes a request and gives no answer, and refuses one address."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.list = ListAtService(bad=frozenset({hash_of(REFUSED)}))
        self.quiet = False
        self.said = dict.fromkeys(("429", "500", "lost", "taken"), 0)

    def answer(self, request: web.Request, body: bytes) -> web.Response:
        fault = 1.0 if self.quiet else self.chance.random()
        if fault < 0.2:
            self.said["429"] += 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        if fault < 0.4:
            self.said["500"] += 1
            return web.Response(status=500)
        taken = self.list.take(request.method, body)
        if fault < 0.6:
            self.said["lost"] += 1
            assert request.transport is not None
            request.transport.abort()
        self.said["taken"] += 1
        return web.json_response(taken)


def environment(broker: Broker, name: str, folder: Path) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "SHOAL_TOPIC_PREFIX": f"{name}.",
        "SHOAL_APP_ID": name,
        "SHOAL_PARTITIONS": str(PARTITIONS),
        "SHOAL_DESTINATIONS": str(folder),
        "SHOAL_PRIVATE_DESTINATIONS": "on",
        "SHOAL_SESSION_TIMEOUT": session_timeout(transactions=broker.transactions),
    }


async def kept_users(settings: Settings) -> dict[str, Any]:
    """The newest state of each user, by the key of its record."""
    found: dict[str, Any] = {}
    for record in await read_topic(settings, destination_topics(settings).states, at_least=1):
        found[record.key.decode()] = record.value
    return {key: decode(value) for key, value in found.items() if value is not None}


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_after_kills_and_errors_of_the_service_the_list_equals_the_segment(
    broker: Broker, unique: str, tmp_path: Path
) -> None:
    folder = tmp_path / "destinations"
    folder.mkdir()
    variables = environment(broker, unique, folder)
    settings = load_settings(variables)
    service, chance = FaultyService(), random.Random(3)
    changes = ChangesOnKafka(settings)
    await changes.open()
    inside: dict[str, str | None] = {}
    refused_users: set[str] = set()

    def round_of_changes() -> list[Any]:
        made = []
        for _ in range(150):
            user = f"u-{chance.randrange(USERS)}"
            if inside.get(user) is not None and chance.random() < 0.5:
                made.append(changes.change(user, "exited", email=inside[user], phone=None, ads=True))
                inside[user] = None
            else:
                kind: Any = "updated" if inside.get(user) else "entered"
                inside[user] = chance.choice([f"{user}@x.example", f"{user}@y.example", REFUSED])
                if inside[user] == REFUSED:
                    refused_users.add(user)
                made.append(changes.change(user, kind, email=inside[user], phone=None, ads=True))
        return made

    async with receiver(service.answer) as there:
        text = LIST.replace("https://ads.example", there.url)
        fast = "batch: {changes: 20, wait: 50ms}\nretry: {first: 20ms, longest: 100ms}\npause_after: 0\nguard: off\n"
        (folder / "ads.yaml").write_text(text + fast)
        with RoleProcess(["destinations", "run"], variables, tmp_path / "log") as process:
            for _ in range(ROUNDS):
                needed = len(there.got) + 3
                await changes.write(round_of_changes())
                await soon(partial(has_asked, there, needed), within_s=60)
                await asyncio.to_thread(process.kill)
                process.start()
            service.quiet = True
            wanted = {hash_of(email) for email in inside.values() if email is not None and email != REFUSED}
            await eventually(lambda: service.list.identifiers == wanted, within_s=90, what="list and segment are equal")
            users = {user for user, email in inside.items() if email is not None}
            await soon(lambda: is_settled(settings, users))
            assert process.stop() == 0
    await changes.close()
    assert process.kills == ROUNDS
    assert all(service.said.values()), service.said
    assert b"@" not in b"".join(body for _, body in there.got)
    letters = await read_topic(settings, destination_topics(settings).dead_letters, at_least=1)
    assert {each.key.decode() for each in letters} <= refused_users
    assert service.list.identifiers == wanted


async def has_asked(there: Receiver, count: int) -> bool:
    """True once more than so many requests came."""
    return len(there.got) > count


async def is_settled(settings: Settings, users: set[str]) -> bool:
    """True if those who are in, and nobody else, have a state, but for those whose removal was refused."""
    refused = f"email:{hash_of(REFUSED)}"
    kept = await kept_users(settings)
    others = {key: one for key, one in kept.items() if key.partition(":")[2] not in users}
    return all(refused in one.there for one in others.values()) and {f"ads:{user}" for user in users} <= set(kept)
