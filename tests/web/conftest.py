"""A console on topics and keys that tests fill, in a thread of its own, with and without a login."""

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from redis import Redis

from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.runtime.kafka.partitioner import partition_of
from app.runtime.redis_keys import RedisKeys
from app.settings import Settings, load_settings
from app.web.access.passwords import user_line
from app.web.access.roles import ROLES
from app.web.server import bind, server
from tests.service.browser import Browser, browser
from tests.support.waiting import wait_until
from tests.web.changes import HOSTILE, SEGMENTS, write_changes

PARTITIONS = 2
PASSWORD = "a password of tests"


@contextmanager
def console_served(settings: Settings) -> Iterator[str]:
    """A console beside all tests; its address."""
    with bind(settings) as listening:
        made = server(settings)
        thread = threading.Thread(target=lambda: asyncio.run(made._serve(sockets=[listening])), name="console")
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            wait_until(lambda: made.started or not thread.is_alive(), what="the console starts")
            yield url
        finally:
            made.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()


@pytest.fixture(scope="package")
def settings(embedded_broker: EmbeddedBroker, embedded_redis: EmbeddedRedis) -> Settings:
    """Those of the open console."""
    unique = f"w{secrets.token_hex(6)}"
    made = load_settings(
        {},
        kafka_bootstrap_servers=embedded_broker.bootstrap_servers,
        redis_url=embedded_redis.url,
        redis_prefix=f"{unique}:",
        topic_prefix=f"{unique}.",
        app_id=unique,
        partitions=PARTITIONS,
        segments=SEGMENTS,
        console_port=0,
    )
    fill_redis(made)
    asyncio.run(write_changes(made))
    return made


def fill_redis(settings: Settings) -> None:
    """Memberships of a few users, as `shoal memberships` writes them."""
    keys = RedisKeys(settings.redis_prefix)
    entry = json.dumps({"since": "2026-01-05T00:00:00.000Z", "attach": {"value": 12}, "times": 1, "version": "1"})
    with Redis.from_url(settings.redis_url) as redis:
        state = {"generation": "1", "partitions": str(PARTITIONS)}
        redis.hset(keys.projection, mapping=state | {f"ready:{number}": "1" for number in range(PARTITIONS)})
        for user in ("ann", "ben", HOSTILE):
            assert partition_of(user.encode(), PARTITIONS) < PARTITIONS
            redis.zadd(keys.segment("cart-abandoned"), {user: 1_767_571_200_000})
            redis.hset(keys.user(user), "cart-abandoned", entry)


@pytest.fixture(scope="package")
def url(settings: Settings) -> Iterator[str]:
    """Address of a console where nobody logs in."""
    with console_served(settings) as made:
        yield made


@pytest.fixture(scope="package")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user for each role, named after it."""
    file = tmp_path_factory.mktemp("users") / "console-users"
    file.write_text("".join(f"{role}:{user_line(role, role, PASSWORD).partition(':')[2]}\n" for role in ROLES))
    return file


@pytest.fixture(scope="package")
def guarded_url(settings: Settings, users_file: Path) -> Iterator[str]:
    """Address of a console with a login."""
    with console_served(replace(settings, console_login="password", console_users_file=str(users_file))) as made:
        yield made


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the open console."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as made:
        yield made


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Browser]:
    """A page of a browser that nobody else has; skips the test where there is none."""
    async with browser(tmp_path / "profile") as made:
        yield made
