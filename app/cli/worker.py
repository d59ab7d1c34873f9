"""`shoal worker`: events in, changes out."""

from pathlib import Path

from app.cli.process import Pairs, prepare_process, settings_of


def worker(
    *,
    segments: Path | None = None,
    broker: str | None = None,
    partitions: int | None = None,
    app_id: str | None = None,
    delivery: str | None = None,
    web_port: int | None = None,
    log_level: str | None = None,
    set_: Pairs = None,
) -> int:
    """Run a worker until Ctrl-C or SIGTERM: it reads events from the clickstream and writes segment changes.

    For more throughput, start several: they share the partitions. Every setting is also an environment variable; see
    docs/settings.md. A worker that makes no progress ends with exit code 70: start it again.

    Example: `shoal worker --segments segments --partitions 24`

    Parameters
    ----------
    segments
        Folder of the definitions (SHOAL_SEGMENTS, the shipped ones).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
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
        Other settings, as name=value: `--set idle_clock=off pace=0ms`.
    """
    settings = settings_of(
        set_,
        segments=segments,
        kafka_bootstrap_servers=broker,
        partitions=partitions,
        app_id=app_id,
        delivery=delivery,
        web_port=web_port,
        log_level=log_level,
    )
    prepare_process(settings)
    from app.main import create_app

    return create_app(settings).run_worker()
