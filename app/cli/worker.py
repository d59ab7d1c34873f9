"""`shoal worker`: events in, changes out."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from app.settings import load_settings


def worker(
    *,
    segments: Path | None = None,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    delivery: str | None = None,
    web_port: int | None = None,
    log_level: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative=())] = None,
) -> int:
    """Run a worker until Ctrl-C or SIGTERM: it reads the clickstream and writes who enters and leaves which segment.

    Start several for more speed: they share the partitions. Every setting is also a variable of the environment; see
    docs/settings.md.

    Parameters
    ----------
    segments
        Folder of the definitions (SHOAL_SEGMENTS, deploy/segments).
    broker
        Where Kafka is, host:port (KAFKA_BOOTSTRAP_SERVERS).
    partitions
        Partitions of every topic (SHOAL_PARTITIONS, 24).
    app_id
        Name of the deployment and its consumer group (SHOAL_APP_ID, shoal).
    delivery
        auto, at-least-once or exactly-once (SHOAL_DELIVERY, auto).
    web_port
        Port of /metrics, /live and /ready (SHOAL_WEB_PORT, 0: none).
    log_level
        debug, info, warning or error (SHOAL_LOG_LEVEL, info).
    set_
        Any other settings, as name=value: `--set idle_clock=off pace=0ms`.
    """
    options = {
        "segments": segments,
        "kafka_bootstrap_servers": broker,
        "partitions": partitions,
        "app_id": app_id,
        "delivery": delivery,
        "web_port": web_port,
        "log_level": log_level,
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = load_settings(**given_settings(set_ or []) | given)
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from app.main import create_app
    from app.runtime.logs import log_to_stderr

    log_to_stderr(settings.log_level, settings.log_format)
    return create_app(settings).run_worker()


def given_settings(pairs: list[str]) -> dict[str, str]:
    """`name=value` texts by the setting's name; the unit may be left out, and `-` written for `_`.

    >>> given_settings(["idle-clock=off", "pace=0ms"])
    {'idle_clock': 'off', 'pace_ms': '0ms'}
    """
    from dataclasses import fields

    from app.errors import UserError
    from app.settings import Settings

    names = {each.name.removesuffix("_ms"): each.name for each in fields(Settings)}
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_").removesuffix("_ms")
        if not equals:
            raise UserError(f"--set {pair} is not name=value", hint="for example --set idle_clock=off")
        given[names.get(name, name)] = value.strip()
    return given
