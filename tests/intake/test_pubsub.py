"""Subscriptions of Pub/Sub, on Google's emulator: everything comes in once, in the order of each key."""

import asyncio
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.intake import create_app
from app.errors import UserError
from app.intake.pubsub_client import Message, PubSubClient
from app.intake.source_errors import SourceError
from app.intake.streams import control_topic, stream_of
from app.settings import Settings
from tests.intake.doomed import EXIT_CODE, WHENS
from tests.intake.pubsub_emulator import PROJECT, Subscription, emulator
from tests.support.broker import Broker, session_timeout
from tests.support.deployment import deployment
from tests.support.records import read_topic
from tests.support.role_process import RoleProcess
from tests.support.shop import running, soon

PUBLISH = Path(__file__).parents[2] / "examples" / "pubsub" / "publish.py"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("pubsub") / "log") as address:
        yield address


@pytest.fixture
def subscription(endpoint: str, unique: str) -> Iterator[Subscription]:
    made = Subscription(endpoint, unique)
    yield made
    made.close()


def settings_of(broker: Broker, unique: str, subscription: Subscription, **others: Any) -> Settings:
    own = {
        "sources": subscription.source,
        "pubsub_endpoint": subscription.endpoint,
        "pubsub_wait_ms": "1s",
        "pubsub_messages_max": 50,
    }
    return deployment(broker.bootstrap_servers, unique, transactions=broker.transactions, **own | others)


@pytest.fixture
def settings(broker: Broker, unique: str, subscription: Subscription) -> Settings:
    return settings_of(broker, unique, subscription)


def pages(begin: int, end: int, *, users: int = 7) -> Iterator[tuple[str, dict[str, Any]]]:
    """Without ids: they get those of their messages."""
    for number in range(begin, end):
        user = f"u-{number % users}"
        yield user, {"type": "page", "userId": user, "properties": {"number": number}}


async def clickstream(settings: Settings, *, at_least: int = 0) -> list[dict[str, Any]]:
    records = await read_topic(settings, settings.topics.clickstream, at_least=at_least)
    return [json.loads(each.value) for each in records]


def are_once_and_in_order(messages: list[dict[str, Any]], count: int) -> bool:
    by_user: dict[str, list[int]] = defaultdict(list)
    for each in messages:
        by_user[each["userId"]].append(each["properties"]["number"])
    numbers = sorted(number for some in by_user.values() for number in some)
    return numbers == list(range(count)) and all(some == sorted(some) for some in by_user.values())


async def test_messages_come_in_and_poison_is_set_aside(settings: Settings, subscription: Subscription) -> None:
    subscription.publish([*pages(0, 60), ("u-1", b"{")])
    app = create_app(settings)
    async with running(app):
        messages = await soon(lambda: clickstream(settings, at_least=60))
        (dead,) = await soon(lambda: read_topic(settings, settings.topics.dead_letters, at_least=1))
    headers = {name: value.decode() for name, value in dead.headers}
    assert (headers["shoal-reason"], headers["shoal-source-topic"]) == ("invalid-json", subscription.source)
    assert headers["shoal-source-offset"].isdigit()
    assert are_once_and_in_order(messages, 60)
    assert all(each["messageId"].startswith(f"{subscription.source}-message-") for each in messages)
    assert app.metrics.value("shoal_intake_records_total", source=subscription.source, outcome="taken") == 60


@pytest.mark.long
async def test_what_is_not_acknowledged_comes_again_and_is_not_written_again(
    settings: Settings, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_lost(self: PubSubClient, messages: Sequence[Message]) -> None:
        raise ConnectionError("the acknowledgement is lost")

    subscription.publish(pages(0, 20))
    with monkeypatch.context() as patch:
        patch.setattr(PubSubClient, "acknowledge", is_lost)
        async with running(create_app(settings)):
            await soon(lambda: clickstream(settings, at_least=20))
    subscription.publish(pages(20, 40))
    app = create_app(settings)

    async def came_again() -> bool:
        found = app.metrics.value("shoal_intake_records_total", source=subscription.source, outcome="repeated")
        return (found or 0) >= 20

    async with running(app):
        await soon(came_again, within_s=60)
        messages = await soon(lambda: clickstream(settings, at_least=40))
    assert are_once_and_in_order(messages, 40)


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_what_the_example_publishes_comes_in(settings: Settings, subscription: Subscription) -> None:
    command = [sys.executable, str(PUBLISH), PROJECT, subscription.name, "30"]
    variables = {"PATH": os.environ["PATH"], "SHOAL_PUBSUB_ENDPOINT": subscription.endpoint}
    await asyncio.to_thread(subprocess.run, command, env=variables, check=True, timeout=60)
    async with running(create_app(settings)):
        assert len(await soon(lambda: clickstream(settings, at_least=30))) == 30


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_what_keeps_a_subscription_from_being_read_is_said_at_the_start(
    broker: Broker, unique: str, subscription: Subscription, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = settings_of(broker, unique, subscription, sources=f"pubsub:{PROJECT}/other")
    with pytest.raises(SourceError, match="there is no such subscription"):
        await create_app(missing).on_first_start()
    nowhere = settings_of(broker, unique, subscription, pubsub_endpoint="127.0.0.1:1", request_timeout_ms="1s")
    with pytest.raises(SourceError, match="Pub/Sub does not answer"):
        await create_app(nowhere).on_first_start()
    (tmp_path / "key.json").write_text("{}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(SourceError, match="Google refuses the credentials"):
        await create_app(settings_of(broker, unique, subscription, pubsub_endpoint="")).on_first_start()


def test_a_name_that_cannot_be_is_said_in_words_and_any_other_gives_a_topic() -> None:
    for source in ("pubsub:", "pubsub:name", "pubsub:project/goog le"):
        with pytest.raises(UserError, match="cannot be"):
            create_app(Settings(sources=source))
    stream = stream_of("pubsub:my-project/events~%2B+1")
    assert stream is not None
    assert control_topic(Settings(), stream).startswith("shoal.intake.pubsub.my-project-events--2B-1-")


@pytest.mark.long
@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
@pytest.mark.timeout(600)
async def test_kills_at_every_point_of_a_batch_lose_and_repeat_nothing(
    broker: Broker, unique: str, subscription: Subscription, tmp_path: Path
) -> None:
    events = int(os.environ.get("INTAKE_EVENTS", "4000"))
    settings = settings_of(broker, unique, subscription)
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "SHOAL_APP_ID": settings.app_id,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_PARTITIONS": str(settings.partitions),
        "SHOAL_SESSION_TIMEOUT": str(session_timeout(transactions=True)),
        "SHOAL_SOURCES": subscription.source,
        "SHOAL_PUBSUB_ENDPOINT": subscription.endpoint,
        "SHOAL_PUBSUB_MESSAGES_MAX": str(max(100, events // 200)),
    }
    kills = [(number, when) for number in (1, 3) for when in WHENS]
    inherited = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": "."} | variables
    step = events // len(kills)
    for round_, (number, when) in enumerate(kills):
        subscription.publish(pages(round_ * step, (round_ + 1) * step, users=97))
        command = [sys.executable, "-m", "tests.intake.doomed", str(number), when, "intake"]
        ended = await asyncio.to_thread(
            subprocess.run, command, env=inherited, capture_output=True, check=False, timeout=120
        )
        assert ended.returncode == EXIT_CODE, f"{kills[round_]}: {ended.stderr.decode()}"
    with RoleProcess(["intake"], variables, tmp_path / "log"):
        await soon(lambda: clickstream(settings, at_least=events), within_s=200)
    assert are_once_and_in_order(await clickstream(settings), events)
