"""`shoal serve`: the HTTP service."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from app.cli.worker import given_settings
from app.settings import load_settings


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    broker: str | None = None,
    redis: str | None = None,
    log_level: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative=())] = None,
) -> int:
    """Serve HTTP until Ctrl-C or SIGTERM: take events in, say who is in which segment, stream changes.

    Start several for more speed, behind anything that shares requests out. Every setting is also a variable of the
    environment; see docs/settings.md. Keys are made by shoal keys.

    Parameters
    ----------
    host
        The address to listen on (SHOAL_SERVE_HOST, 127.0.0.1).
    port
        The port to listen on (SHOAL_SERVE_PORT, 8080).
    broker
        Where Kafka is, host:port (KAFKA_BOOTSTRAP_SERVERS).
    redis
        Where the memberships are (REDIS_URL).
    log_level
        debug, info, warning or error (SHOAL_LOG_LEVEL, info).
    set_
        Any other settings, as name=value: `--set collect_rate=0 cors_origins=https://shop.example`.
    """
    options = {
        "serve_host": host,
        "serve_port": port,
        "kafka_bootstrap_servers": broker,
        "redis_url": redis,
        "log_level": log_level,
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = load_settings(**given_settings(set_ or []) | given)
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from app.runtime.logs import log_to_stderr
    from app.service.server import serve_until_told

    log_to_stderr(settings.log_level, settings.log_format)
    return serve_until_told(settings)
