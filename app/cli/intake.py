"""`shoal intake`: other topics into the clickstream."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from app.cli.worker import given_settings
from app.settings import load_settings


def intake(
    *,
    sources: str | None = None,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    web_port: int | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative=())] = None,
) -> int:
    """Bring other topics into the clickstream until Ctrl-C or SIGTERM: for topics with other keys or the shape of GA4.

    Each event is checked, gets the user as its key and goes to the right partition; what cannot be used goes to the
    dead letters. Exactly once where the broker has transactions. Start several for more speed.

    Parameters
    ----------
    sources
        The topics, separated by commas: name, or name=ga4 (SHOAL_SOURCES).
    broker
        Where Kafka is, host:port (KAFKA_BOOTSTRAP_SERVERS).
    partitions
        Partitions of the clickstream and all other topics of Shoal (SHOAL_PARTITIONS, 24).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    web_port
        Port of /metrics, /live and /ready (SHOAL_WEB_PORT, 0: none).
    set_
        Any other settings, as name=value.
    """
    options = {
        "sources": sources,
        "kafka_bootstrap_servers": broker,
        "partitions": partitions,
        "app_id": app_id,
        "web_port": web_port,
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = load_settings(**given_settings(set_ or []) | given)
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from agents.intake import create_app
    from app.runtime.logs import log_to_stderr

    log_to_stderr(settings.log_level, settings.log_format)
    return create_app(settings).run_worker()
