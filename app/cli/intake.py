"""`shoal intake`: other topics into the clickstream."""

from app.cli.process import Pairs, prepare_process, settings_of


def intake(
    *,
    sources: str | None = None,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    web_port: int | None = None,
    set_: Pairs = None,
) -> int:
    """Bring other topics into the clickstream until Ctrl-C or SIGTERM: for topics with other keys or the shape of GA4.

    Each event is checked, gets the user as its key and goes to the right partition; what cannot be used goes to the
    dead letters. Exactly once where the broker has transactions. Start several for more speed.

    Example: `shoal intake --sources events,web=ga4`

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
    settings = settings_of(
        set_, sources=sources, kafka_bootstrap_servers=broker, partitions=partitions, app_id=app_id, web_port=web_port
    )
    prepare_process(settings)
    from agents.intake import create_app

    return create_app(settings).run_worker()
