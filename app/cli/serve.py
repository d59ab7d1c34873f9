"""`shoal serve`: the HTTP service."""

from app.cli.process import Pairs, prepare_process, settings_of


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    broker: str | None = None,
    redis: str | None = None,
    log_level: str | None = None,
    set_: Pairs = None,
) -> int:
    """Run the HTTP service until Ctrl-C or SIGTERM: it accepts events, answers queries about segments, and streams
    changes.

    For more throughput, start several behind a load balancer. Every setting is also an environment variable; see
    docs/settings.md. `shoal keys` makes the keys.

    Example: `shoal serve --port 8080 --set segments=segments`

    Parameters
    ----------
    host
        The address to listen on (SHOAL_SERVE_HOST, 127.0.0.1).
    port
        The port to listen on (SHOAL_SERVE_PORT, 8080).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    redis
        URL of the Redis with the memberships (REDIS_URL).
    log_level
        debug, info, warning or error (SHOAL_LOG_LEVEL, info).
    set_
        Other settings, as name=value: `--set collect_rate=0 cors_origins=https://shop.example`.
    """
    settings = settings_of(
        set_, serve_host=host, serve_port=port, kafka_bootstrap_servers=broker, redis_url=redis, log_level=log_level
    )
    prepare_process(settings)
    from app.service.server import serve_until_told

    return serve_until_told(settings)
