"""All our commands as they run in a shop, those between Kafka and the world killed again and again: what came in is
taken in, kept and told, nothing twice beyond what the docs say; and no log names a user or what was sent."""

import asyncio
import json
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from app.embedded import EmbeddedRedis
from app.service.access.access_keys import hash_of
from app.settings import Settings, load_settings
from tests.destinations.receiver import Receiver, receiver
from tests.support.broker import Broker, session_timeout
from tests.support.records import read_topic
from tests.support.role_process import RoleProcess
from tests.support.shop import soon
from tests.support.waiting import eventually

PARTITIONS = 2
ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
USERS_A_ROUND = 10
KILLED = ("intake", "memberships", "destinations")
HMAC_SECRET = "a secret that nobody may see"
KEY = "shoal_write_that-nobody-may-see"
#: Texts that a log must not contain: of users, of messages, of secrets.
PRIVATE = ("mira", "shop.example", "Rosenweg", "rosenweg", HMAC_SECRET, KEY)
SEGMENT_NAMES = ("viewers", "buyers")
SEGMENTS = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n",
    "buyers.yaml": "segment: buyers\nwhen: count('Order Completed' within 1h) >= 1\nattach: {email: traits.email}\n",
}
TAKEN = "destination: taken\nchanges: [entered]\nstart: beginning\nretry: {first: 50ms, longest: 200ms}\n"
REFUSED = "destination: refused\nchanges: [entered]\nsegments: [buyers]\nstart: beginning\n"


def user(number: int) -> str:
    return f"mira-{number}@shop.example"


def events(number: int) -> list[dict[str, Any]]:
    """Returns events that make a user a viewer and a buyer."""
    address = {"street": "Rosenweg 4", "email": user(number)}
    names = ("Product Viewed", "Product Viewed", "Order Completed")
    first: dict[str, Any] = {"type": "identify", "traits": {"email": user(number)}}
    rest: list[dict[str, Any]] = [{"type": "track", "event": name, "properties": address} for name in names]
    return [{**each, "userId": user(number), "messageId": f"{number}-{at}"} for at, each in enumerate([first, *rest])]


class Shop:
    """The settings of all, and what to look at."""

    def __init__(self, broker: Broker, redis: EmbeddedRedis, name: str, folder: Path, there: Receiver) -> None:
        self.name = name
        self.folder = folder
        self.there = there
        for kind, files in (("segments", SEGMENTS), ("destinations", self._destinations())):
            (folder / kind).mkdir()
            for file, text in files.items():
                (folder / kind / file).write_text(text)
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "REDIS_URL": redis.url,
            "SHOAL_REDIS_PREFIX": f"{name}:",
            "SHOAL_TOPIC_PREFIX": f"{name}.",
            "SHOAL_APP_ID": name,
            "SHOAL_PARTITIONS": str(PARTITIONS),
            "SHOAL_SEGMENTS": str(folder / "segments"),
            "SHOAL_DESTINATIONS": str(folder / "destinations"),
            "SHOAL_SOURCES": f"{name}-raw",
            "SHOAL_PRIVATE_DESTINATIONS": "on",
            "SHOAL_SESSION_TIMEOUT": session_timeout(transactions=broker.transactions),
            "SHOAL_LOG_FORMAT": "json",
            "SHOAL_WRITE_KEYS": f"shop:{hash_of(KEY)}",
            "HMAC_SECRET": HMAC_SECRET,
        }
        self.settings: Settings = load_settings(
            {name: value for name, value in self.environment.items() if name != "HMAC_SECRET"}
        )

    def _destinations(self) -> Mapping[str, str]:
        url = f"url: {self.there.url}"
        signed = 'sign: {secret: "${HMAC_SECRET}"}\n'
        return {"taken.yaml": f"{TAKEN}{url}/taken\n{signed}", "refused.yaml": f"{REFUSED}{url}/refused\n"}

    def process(self, role: str, *arguments: str) -> RoleProcess:
        return RoleProcess([role, *arguments], self.environment, self.folder / f"{role}.log")

    async def send(self, values: list[Any]) -> None:
        """To the source, under keys that mean nothing."""
        servers = self.settings.kafka_bootstrap_servers
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            for value in values:
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                await producer.send_and_wait(f"{self.name}-raw", data, key=secrets.token_bytes(4))

    def told(self) -> list[Any]:
        """The changes that were told, in order of their arrival."""
        return [json.loads(body) for request, body in self.there.got if request.path == "/taken"]


def answer(request: web.Request, _: bytes) -> web.Response:
    return web.Response(status=422, text="no mira here") if request.path == "/refused" else web.Response(status=200)


@pytest.mark.long
@pytest.mark.timeout(600)  # many processes start, perhaps on a machine that is busy with other things
@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_kills_lose_nothing_and_logs_name_nobody(
    broker: Broker, embedded_redis: EmbeddedRedis, unique: str, tmp_path: Path
) -> None:
    async with receiver(answer) as there:
        shop = Shop(broker, embedded_redis, unique, tmp_path, there)
        await shop.send([b'{"mira": ', {"type": "track", "event": "Rosenweg"}, b"mira@shop.example"])
        with ExitStack() as stack:
            roles = {
                name: stack.enter_context(shop.process(name, *arguments))
                for name, arguments in {
                    "worker": (),
                    "intake": (),
                    "memberships": ("run",),
                    "destinations": ("run",),
                    "serve": ("--port", "0"),
                }.items()
            }
            await ask_the_service(roles["serve"])
            for number in range(ROUNDS):
                users = range(number * USERS_A_ROUND, (number + 1) * USERS_A_ROUND)
                await shop.send([event for each in users for event in events(each)])
                # In the middle of a round: some of its changes are sent, and some are not.
                await eventually(
                    lambda: len({each["id"] for each in shop.told()}) > 2 * users.start,  # noqa: B023  # awaited here
                    within_s=60,
                    what=f"changes of round {number}",
                )
                roles[KILLED[number % 3]].kill()
                roles[KILLED[number % 3]].start()
            await nothing_is_lost(shop, broker)
            await asyncio.to_thread(lambda: [role.stop() for role in roles.values()])
    for role in roles:
        no_private_words(tmp_path / f"{role}.log")


async def ask_the_service(role: RoleProcess) -> None:
    """Sends requests that the service takes and others that it refuses; each names a user."""
    await eventually(lambda: "http://" in role.log.read_text(), within_s=60, what="the service starts")
    url = next(line for line in role.log.read_text().splitlines() if line.startswith("http://"))
    async with httpx.AsyncClient(base_url=url, auth=(KEY, "")) as http:

        async def ready() -> bool:
            return (await http.get("/ready")).status_code == 200

        await soon(ready, within_s=60)
        good = {"userId": "mira@shop.example", "event": "Rosenweg"}
        assert (await http.post("/v1/track", json=good)).status_code == 200
        for body in (b"{mira", b'{"event": "Rosenweg"}', b'{"userId": "mira", "timestamp": "Rosenweg"}'):
            assert (await http.post("/v1/track", content=body)).status_code == 400
        for path in ("/v1/users/mira@shop.example/segments", "/mira@shop.example", f"/v1/projects/{KEY}/settings"):
            assert (await http.get(path)).status_code < 500
        await http.post("/v1/track", content=b"{}", headers={"Authorization": f"Bearer {KEY}"})


async def nothing_is_lost(shop: Shop, broker: Broker) -> None:
    """All is in the clickstream, in Redis, and was told."""
    users = {user(number) for number in range(ROUNDS * USERS_A_ROUND)}
    wanted = {(each, segment) for each in users for segment in SEGMENT_NAMES}
    await eventually(
        lambda: {(each["user"], each["segment"]) for each in shop.told()} >= wanted, within_s=60, what="all was told"
    )

    async def in_redis() -> bool:
        async with Redis.from_url(shop.settings.redis_url) as redis:
            found: list[Any] = [await redis.zrange(f"{shop.name}:segment:{name}", 0, -1) for name in SEGMENT_NAMES]
        return [{each.decode() for each in some} for some in found] == [users, users]

    await soon(in_redis, within_s=60)
    taken_in = Counter(
        message["messageId"]
        for record in await read_topic(shop.settings, shop.settings.topics.clickstream)
        if (message := json.loads(record.value))["userId"] in users
    )
    assert set(taken_in) == {event["messageId"] for number in range(len(users)) for event in events(number)}
    if broker.transactions:
        assert set(taken_in.values()) == {1}
    first: dict[str, list[int]] = {}
    seen: set[str] = set()
    for each in shop.told():
        if each["id"] not in seen:
            seen.add(each["id"])
            first.setdefault(each["user"], []).append(each["sequence"])
    assert len(seen) == len(wanted), "what was told twice had the same id"
    assert all(sequences == sorted(sequences) for sequences in first.values())


def no_private_words(log: Path) -> None:
    lines = [line for line in log.read_text().splitlines() if not line.startswith("http://127.0.0.1:")]
    assert lines, f"{log.name} is empty: it says nothing of what it does"
    for line in lines:
        assert json.loads(line)["message"]
        assert not [word for word in PRIVATE if word in line], line
