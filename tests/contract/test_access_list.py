"""Access lists: on a Kafka that lets each process do what its list says, and nothing else, all of them work; and each
grant is used, so that no list has more than is needed."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from app.embedded import EmbeddedRedis
from app.runtime.kafka.access_list import CLUSTER, Grant, access_lists, scaler_access
from app.runtime.kafka.clients import connect
from app.service.access.access_keys import hash_of
from app.settings import Settings, load_settings
from tests.destinations.receiver import Receiver, receiver
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import SHORT_LIVED, KafkaNode, free_ports
from tests.support.records import read_topic
from tests.support.role_process import RoleProcess
from tests.support.shop import soon
from tests.support.waiting import eventually

PASSWORD = "a password for tests only"
SOURCE = "raw"
PROCESSES = tuple(access_lists(Settings()))
CONSOLE_PATHS = (
    "health",
    "privacy",
    "experiments",
    "lists",
    "destinations",
    "segments",
    "flows",
    "segments/viewers",
    "segments/viewers/changes",
    "segments/viewers/freshness",
    "people?user=ann",
    "people/timeline?user=ann",
)
SEGMENT = "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\ntopic: true\n"
WRITE_KEY, READ_KEY, ADMIN_KEY = "shoal_write_of-a-test", "shoal_read_of-a-test", "shoal_admin_of-a-test"
FORWARD_KEY = "shoal_forward_of-a-test"
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
ASKED = re.compile(
    r"Principal = User:(?P<user>\S+) is (?P<verdict>Allowed|Denied) operation = (?P<operation>\w+) from host = \S+ "
    r"on resource = (?P<kind>\w+):LITERAL:(?P<name>\S+) for request = (?P<request>\w+)"
)
TOLERATED = {
    ("IDEMPOTENT_WRITE", "InitProducerId"),  # writing to any topic is enough; asked of readers too, who only ask
    ("CREATE", "CreateTopics"),  # of the whole cluster; for one topic is asked next
    ("DESCRIBE_CONFIGS", "CreateTopics"),  # the answer would have the settings of the new topic in it
}
"""Refused questions that cost nothing."""


def login() -> str:
    users = " ".join(f'user_{each}="{PASSWORD}"' for each in PROCESSES)
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[KafkaNode]:
    """A Kafka that asks who does what: this test without a password may do all, and each process what it is granted."""
    (port,) = free_ports(1)
    settings = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": login(),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "auto.create.topics.enable": "false",
    }
    try:
        made = KafkaNode(
            tmp_path / "kafka",
            settings=settings,
            more_listeners=[f"SASL_PLAINTEXT://127.0.0.1:{port}"],
            java_options=[*SHORT_LIVED, "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug"],
        )
    except KafkaUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with made:
        yield made


class Shop:
    """One deployment, whose processes each have a user of their own."""

    def __init__(self, node: KafkaNode, redis: EmbeddedRedis, folder: Path, there: Receiver) -> None:
        self.node, self.folder, self.there = node, folder, there
        self._redis = redis
        properties = (folder / "kafka" / "server.properties").read_text()
        (self.guarded,) = re.findall(r"^listeners=.*SASL_PLAINTEXT://(\S+)$", properties, re.MULTILINE)
        (folder / "segments").mkdir()
        (folder / "segments" / "viewers.yaml").write_text(SEGMENT)
        (folder / "segments" / "identity.yaml").write_text("follow: always\n")
        (folder / "destinations").mkdir()
        for name in ("taken", "refused"):
            text = f"destination: {name}\nstart: beginning\nurl: {there.url}/{name}\n"
            (folder / "destinations" / f"{name}.yaml").write_text(text)
        request = f'{{url: {there.url}/list, body: "{{{{ items }}}}"}}'
        text = f"platform: http\nsegment: viewers\nidentify: {{user: user}}\nadd: {request}\nremove: {request}\n"
        wait = "batch: {wait: 1s}\n"
        (folder / "destinations" / "list.yaml").write_text(f"destination: list\nkind: audience\n{text}{wait}")
        text += "minimum_members: 1000\n"
        (folder / "destinations" / "large.yaml").write_text(f"destination: large\nkind: audience\n{text}{wait}")
        self.settings = load_settings(self.environment("worker"))

    def environment(self, user: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.guarded,
            "SHOAL_KAFKA_SECURITY": "sasl-plaintext",
            "SHOAL_KAFKA_USERNAME": user,
            "SHOAL_KAFKA_PASSWORD": PASSWORD,
            "REDIS_URL": self._redis.url,
            "SHOAL_APP_ID": "deployment",
            "SHOAL_TOPIC_PREFIX": "own.",
            "SHOAL_PARTITIONS": "2",
            "SHOAL_SEGMENTS": str(self.folder / "segments"),
            "SHOAL_CATALOG": "topic",
            "SHOAL_DESTINATIONS": str(self.folder / "destinations"),
            "SHOAL_PRIVATE_DESTINATIONS": "on",
            "SHOAL_SOURCES": SOURCE,
            "SHOAL_WAREHOUSE": str(self.folder / "warehouse"),
            "SHOAL_SESSION_TIMEOUT": "2s",
            "SHOAL_WRITE_KEYS": f"shop:{hash_of(WRITE_KEY)}",
            "SHOAL_FORWARD_KEYS": f"mirror:{hash_of(FORWARD_KEY)}",
            "SHOAL_READ_KEYS": f"mail:{hash_of(READ_KEY)}",
            "SHOAL_ADMIN_KEYS": f"ops:{hash_of(ADMIN_KEY)}",
        }

    def process(self, user: str, *command: str) -> RoleProcess:
        return RoleProcess([user, *command], self.environment(user), self.folder / f"{user}.log")

    async def once(self, user: str, *command: str, code: int = 0) -> None:
        """A command that ends by itself, with this code."""
        with self.process(user, *command) as process:
            assert await asyncio.to_thread(process.wait) == code, f"{user} {command}: {process.log.read_text()}"

    async def prepare(self) -> None:
        """Makes the source, and gives each process its grants."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.node.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(SOURCE, 2, 1)])
        await admin.close()
        lists = access_lists(self.settings, sources=[SOURCE])
        bindings = [binding(process, grant) for process, grants in lists.items() for grant in grants]
        granting = AdminClient({"bootstrap.servers": self.node.bootstrap_servers})
        made = granting.create_acls(bindings)
        await asyncio.to_thread(lambda: [each.result(30) for each in made.values()])

    async def send(self, *events: tuple[str, dict[str, Any]]) -> None:
        """To the topics, as somebody else."""
        async with AIOKafkaProducer(bootstrap_servers=self.node.bootstrap_servers) as producer:
            for topic, event in events:
                await producer.send_and_wait(topic, json.dumps(event).encode(), key=event.get("userId", "").encode())

    async def another_segment(self) -> None:
        """Publishes a segment whose topic the workers have to make."""
        (self.folder / "segments" / "others.yaml").write_text(SEGMENT.replace("viewers", "others"))
        await self.once("publish", str(self.folder / "segments"))
        client = await connect(load_settings({}, kafka_bootstrap_servers=self.node.bootstrap_servers))

        async def is_made() -> bool:
            return self.settings.topics.segment("others") in (await client.fetch_all_metadata()).topics()

        await soon(is_made, within_s=60)
        await client.close()

    async def late_events(self) -> None:
        """Sends events of years ago behind those of today, until one has been set aside."""
        reading = load_settings(self.environment("x"), kafka_bootstrap_servers=self.node.bootstrap_servers)
        reading = replace(reading, kafka_security="plaintext")

        async def are_set_aside() -> bool:
            old = view("ann", timestamp="2020-01-01T00:00:00Z")
            await self.send((self.settings.topics.clickstream, old))
            return bool(await read_topic(reading, self.settings.topics.late))

        await soon(are_set_aside, within_s=60)

    async def forget_changes(self) -> None:
        """Takes the beginning of the changes away, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.node.bootstrap_servers)
        await admin.start()
        topic = self.settings.topics.changes
        gone = {TopicPartition(topic, number): RecordsToDelete(before_offset=-1) for number in range(2)}
        await admin.delete_records(gone)
        await admin.close()

    def asked(self) -> set[tuple[str, ...]]:
        """Questions of the broker to its authorizer: user, verdict, operation, kind, name, request."""
        return {match.groups() for match in ASKED.finditer((self.folder / "kafka" / "log").read_text())}


def binding(process: str, grant: Grant) -> AclBinding:
    return AclBinding(
        RESOURCES[grant.resource],
        grant.name,
        ResourcePatternType.PREFIXED if grant.prefix else ResourcePatternType.LITERAL,
        f"User:{process}",
        "*",
        OPERATIONS[grant.operation],
        AclPermissionType.ALLOW,
    )


def view(user: str, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "userId": user, **more}


def answer(request: web.Request, _: bytes) -> web.Response:
    return web.Response(status=422 if request.path == "/refused" else 200)


@asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[None]:
    with ExitStack() as stack:
        roles = [
            stack.enter_context(shop.process(*command))
            for command in (
                ("worker",),
                ("serve", "--port", "0"),
                ("intake",),
                ("memberships", "run"),
                ("destinations", "run"),
                ("warehouse",),
                ("console", "--port", "0"),
            )
        ]
        yield
        assert await asyncio.to_thread(lambda: [role.stop() for role in roles]) == [0] * len(roles)


async def ask_the_service(shop: Shop) -> None:
    log = shop.folder / "serve.log"
    await eventually(lambda: "http://" in log.read_text(), within_s=60, what="the service starts")
    url = next(line for line in log.read_text().splitlines() if line.startswith("http://"))
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def takes_events() -> bool:
            sent = await http.post("/v1/track", auth=(WRITE_KEY, ""), json={"userId": "bob", "event": "A"})
            return sent.status_code == 200

        async def explains() -> bool:
            headers = {"Authorization": f"Bearer {READ_KEY}"}
            told = await http.get("/v1/users/ann/explain", params={"segment": "viewers"}, headers=headers)
            return told.status_code == 200

        await soon(takes_events, within_s=60)
        await soon(explains, within_s=60)
        dead = await http.post("/v1/pubsub", params={"writeKey": FORWARD_KEY}, content=b"no event")
        assert (dead.status_code, dead.json()["success"]) == (200, False), dead.text
        admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
        erased = await http.post("/v1/users/zoe/erase", json={"suppress": True}, headers=admin)
        assert erased.status_code == 200, erased.text
        told = await http.get("/v1/users/ann/export", headers=admin)
        assert told.json()["user"] == "ann"
        told = await http.get("/v1/audit", headers={"Authorization": f"Bearer {ADMIN_KEY}"})
        assert told.status_code == 200, told.text


async def ask_the_console(shop: Shop) -> None:
    log = shop.folder / "console.log"
    await eventually(lambda: "http://" in log.read_text(), within_s=60, what="the console starts")
    url = re.findall(r"http://[\w.:]+", log.read_text())[0]
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        for path in CONSOLE_PATHS:
            told = await http.get(f"/console/v1/{path}")
            assert told.status_code == 200, f"{path}: {told.text}"
        token = (await http.get("/console/v1/me")).json()["csrf"]
        latest = (await http.get("/console/v1/publications/latest")).json()["publication"]
        text = "segment: walkers\nwhen: exists('Walk Begun')\n"
        writes = {
            "publications": {"text": text, "message": "as planned", "if_version": latest},
            "drafts": {"text": text, "base": latest},
            "lists/import": {"name": "guests", "text": "ann"},
            "privacy/exports": {"user": "ann", "confirm": "ann"},
            "privacy/erasures": {"user": "nobody-here", "confirm": "nobody-here", "suppress": True},
        }
        headers = {"Sec-Fetch-Site": "same-origin", "X-Shoal-CSRF": token}
        for path, body in writes.items():
            told = await http.post(f"/console/v1/{path}", json=body, headers=headers)
            assert told.status_code == 200, f"{path}: {told.text}"
        told = await http.get("/console/v1/audit")
        assert told.status_code == 200, told.text
        await fill_in_the_console(http, "walkers", headers)


async def fill_in_the_console(http: httpx.AsyncClient, name: str, headers: dict[str, str]) -> None:
    """A backfill from the clickstream, once the console knows the segment, until it is done."""

    async def has_begun() -> bool:
        told = await http.post("/console/v1/backfill", json={"names": [name], "source": "topic"}, headers=headers)
        return told.status_code == 200

    async def is_done() -> bool:
        found = (await http.get("/console/v1/backfill")).json()
        assert found["state"] != "failed", found
        return bool(found["state"] == "done")

    await soon(has_begun, within_s=60)
    await soon(is_done, within_s=60)


async def whole_life(shop: Shop) -> None:
    """Everything that any process does, once."""
    await shop.once("topics", "create")
    await shop.once("publish", str(shop.folder / "segments"))
    await shop.once("catalog")
    await shop.once("catalog", "history")
    clickstream = shop.settings.topics.clickstream
    async with running(shop):
        await shop.send(*[(SOURCE, view("ann", anonymousId="a-1"))] * 2, (SOURCE, {"type": "track"}))
        await shop.send((clickstream, {"type": "x"}))
        paths = {"/taken", "/refused", "/list"}
        await eventually(
            lambda: {request.path for request, _ in shop.there.got} == paths, within_s=90, what="changes are told"
        )
        await ask_the_service(shop)
        await shop.once("snapshot", str(shop.folder / "a.snapshot"))
        await shop.once("verify", "--since", str(shop.folder / "a.snapshot"))
        await shop.once("verify")
        await shop.once("users", "show", "ann")
        await shop.once("users", "split", "ann", "a-1")
        await shop.once("users", "export", "ann", "--output", str(shop.folder / "ann.json"))
        await shop.another_segment()
        told = {"type": "track", "event": "E", "userId": "ann", "messageId": "m-0", "timestamp": "2026-01-01T00:00:00Z"}
        (shop.folder / "before.jsonl").write_text(json.dumps(told) + "\n")
        await shop.once("backfill", "others", "--from", "files", str(shop.folder / "before.jsonl"))
        await shop.once("census", "once")
        await ask_the_console(shop)
        await shop.late_events()
        await shop.once("topics", "check")
        await shop.once("memberships", "verify")
        await shop.once("users", "erase", "ann")
        await shop.once("users", "erase", "ann", "--status")
        await shop.forget_changes()
        await shop.once("memberships", "rebuild")
        log = shop.folder / "memberships.log"
        await eventually(lambda: "from profiles" in log.read_text(), within_s=60, what="profiles are read")
        await shop.once("destinations", "status")
        await shop.once("destinations", "replay", code=1)
        await shop.once("warehouse", "--once", "--to", str(shop.folder / "once"))
        await shop.once("simulate", "--for", "1s", "--rate", "20")
    await shop.send((shop.settings.topics.dead_letters, view("ann")))
    await shop.once("replay", code=1)


def uses(grant: Grant, question: tuple[str, ...]) -> bool:
    """True if the authorizer's question was answered by this grant."""
    _, verdict, operation, kind, name, _ = question
    wanted = grant.operation.upper() if grant.operation != "DescribeConfigs" else "DESCRIBE_CONFIGS"
    same_kind = kind.lower() == grant.resource.replace("-", "")
    same_name = name.startswith(grant.name) if grant.prefix else name == grant.name
    return verdict == "Allowed" and operation == wanted and same_kind and same_name


@pytest.mark.long
@pytest.mark.kafka
@pytest.mark.timeout(400)  # a dozen processes, one after the other
async def test_each_process_needs_its_access_list_and_nothing_else(
    node: KafkaNode, embedded_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    async with receiver(answer) as there:
        shop = Shop(node, embedded_redis, tmp_path, there)
        await shop.prepare()
        await whole_life(shop)
    asked = shop.asked()
    denied = {each for each in asked if each[1] == "Denied" and (each[2], each[5]) not in TOLERATED}
    assert not denied, "\n".join(map(str, sorted(denied)))
    unused = [
        (process, grant)
        for process, grants in access_lists(shop.settings, sources=[SOURCE]).items()
        for grant in grants
        if not any(each[0] == process and uses(grant, each) for each in asked)
    ]
    assert not unused, "\n".join(map(str, unused))


def test_a_scaler_may_ask_for_the_lag_and_nothing_else() -> None:
    assert {(grant.operation, grant.resource) for grant in scaler_access(Settings())} == {
        ("Describe", "topic"),
        ("Describe", "group"),
    }


def test_the_cluster_is_called_as_kafka_calls_it() -> None:
    assert {
        grant.name for grants in access_lists(Settings()).values() for grant in grants if grant.resource == "cluster"
    } == {CLUSTER}
