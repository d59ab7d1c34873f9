"""Redis client from settings."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.errors import UserError
from app.settings import Settings


def connect_redis(settings: Settings, *, retries: int = 0, connections_max: int | None = None) -> Redis:
    """Returns a client, not yet connected. UserError where no Redis is set, or its address cannot be read.

    retries: of a command that failed, at once. What applies changes wants none: it asks Redis for the position first.
    """
    if not settings.redis_url:
        raise UserError("no Redis is set", hint="set REDIS_URL, for example redis://127.0.0.1:6379")
    timeout_s = settings.redis_timeout_ms / 1000
    try:
        redis = Redis.from_url(
            settings.redis_url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), retries),
            max_connections=connections_max,
            health_check_interval=0,
        )
    except ValueError as error:
        raise UserError("REDIS_URL cannot be read (its value is a secret)", detail=str(error)) from None
    pool = redis.connection_pool
    pool.connection_class = _CANCELLABLE[pool.connection_class]
    return redis


class _Cancellable(AbstractConnection):
    """Connection whose commands can be cancelled at any moment.

    redis-py sends by `asyncio.wait_for`, which in Python 3.11 returns as if nothing had happened when the task is
    cancelled just after the bytes were sent: the task goes on and outlives its owner.
    """

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002  # as redis-py calls it
    ) -> None:
        """Sends a command; see redis-py."""
        task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        await super().send_packed_command(command, check_health)
        if task is not None and task.cancelling() > before:
            await self.disconnect(nowait=True)  # nobody reads the answer
            raise asyncio.CancelledError


class _CancellableConnection(_Cancellable, Connection):
    """Over TCP."""


class _CancellableSSLConnection(_Cancellable, SSLConnection):
    """Over TLS."""


class _CancellableSocketConnection(_Cancellable, UnixDomainSocketConnection):
    """Over a socket of the same machine."""


_CANCELLABLE: Final[dict[Any, type[AbstractConnection]]] = {
    Connection: _CancellableConnection,
    SSLConnection: _CancellableSSLConnection,
    UnixDomainSocketConnection: _CancellableSocketConnection,
}
