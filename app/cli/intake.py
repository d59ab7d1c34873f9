"""`shoal intake`: other topics and streams into the clickstream."""

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
    """Copy events from other topics into the clickstream until Ctrl-C or SIGTERM: topics with other keys, or in the
    shape of GA4 or PostHog, streams of Amazon Kinesis and Google Pub/Sub.

    Each event is checked and written with its user as the key. An event that cannot be used goes to the dead-letter
    topic. Delivery is exactly once if the broker has transactions. For more throughput, start several.

    Example: `shoal intake --sources events,web=ga4`

    Parameters
    ----------
    sources
        The sources, separated by commas: topic, kinesis:STREAM or pubsub:PROJECT/SUBSCRIPTION, and =segment-raw, ga4
        or posthog (SHOAL_SOURCES).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    partitions
        Partitions of the clickstream and all other topics of Shoal (SHOAL_PARTITIONS, 24).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    web_port
        Port of /metrics, /live and /ready (SHOAL_WEB_PORT, 0: none).
    set_
        Other settings, as name=value.
    """
    settings = settings_of(
        set_, sources=sources, kafka_bootstrap_servers=broker, partitions=partitions, app_id=app_id, web_port=web_port
    )
    prepare_process(settings)
    from agents.intake import create_app

    return create_app(settings).run_worker()
