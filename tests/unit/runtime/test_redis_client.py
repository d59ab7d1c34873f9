"""The Redis client obeys its owner: a cancelled command ends its task."""

import asyncio
from typing import Any

import pytest

from app.embedded import EmbeddedRedis
from app.errors import UserError
from app.runtime.redis_client import connect_redis
from app.settings import load_settings
from tests.support.waiting import turns


async def test_a_task_ends_whenever_its_command_is_cancelled(embedded_redis: EmbeddedRedis) -> None:
    redis = connect_redis(load_settings({}, redis_url=embedded_redis.url))
    asked = 0

    async def ask_for_ever() -> None:
        nonlocal asked
        while True:
            assert await redis.hmget("nothing", ["a", "b"]) == [None, None]
            asked += 1

    try:
        for steps in range(150):
            task = asyncio.create_task(ask_for_ever())
            await turns(steps)
            task.cancel()
            await asyncio.wait([task], timeout=30)
            assert task.cancelled(), f"the task goes on after it was cancelled at step {steps}"
    finally:
        await redis.aclose()
    assert asked > 0


async def test_a_client_speaks_over_the_kind_of_connection_that_its_address_names() -> None:
    for url, kind in (("redis://h", "Connection"), ("rediss://h", "SSLConnection"), ("unix:///s", "SocketConnection")):
        redis = connect_redis(load_settings({}, redis_url=url, redis_timeout_ms=700), connections_max=3)
        pool: Any = redis.connection_pool
        assert type(pool.make_connection()).__name__ == f"_Cancellable{kind}"
        assert pool.max_connections == 3
        assert pool.connection_kwargs["socket_timeout"] == 0.7
        await redis.aclose()


@pytest.mark.parametrize(("url", "said"), [("", "no Redis is set"), ("http://h", "REDIS_URL cannot be read")])
def test_an_address_that_is_of_no_use_is_told(url: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        connect_redis(load_settings({}, redis_url=url))
